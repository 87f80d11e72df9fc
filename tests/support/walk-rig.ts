// What calls share on their way along the candidates, with the real parts; a test may put in its own for one of them.
import { assumedEntry } from '../../src/catalogue/configured.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { GatewayEvent } from '../../src/core/gateway-event.ts'
import type { Candidate } from '../../src/core/provider.ts'
import type { AttemptLimits } from '../../src/routing/attempt-silences.ts'
import { createCircuits } from '../../src/routing/circuit.ts'
import { createLeases } from '../../src/routing/leases.ts'
import { createLive } from '../../src/routing/live.ts'
import { createRetryBudget } from '../../src/routing/retry-budget.ts'
import { createWalk } from '../../src/routing/walk.ts'
import type { WalkDeps, WalkInput } from '../../src/routing/walk-call.ts'
import { ask } from './request.ts'
import type { ScriptedProvider } from './scripted-provider.ts'

/** What a test puts in. */
export interface WalkOver extends Partial<Omit<WalkDeps, 'limits'>> {
  readonly limits?: AttemptLimits
  readonly clock?: Clock
  /** Takes what the circuits tell. */
  readonly onEvent?: (event: GatewayEvent) => void
}

/** Makes them: no limits on calls at once, nothing seen, every circuit closed. */
export function createWalkDeps({
  limits = { firstTokenMs: 5_000, idleMs: 5_000 },
  clock = systemClock,
  onEvent = () => undefined,
  ...over
}: WalkOver = {}): WalkDeps {
  return {
    circuits: createCircuits({ clock, onChange: onEvent }),
    leases: createLeases({ clock, config: { limits: [], queue: { maxWaiting: 10, maxWaitMs: 1_000 } } }),
    live: createLive({ clock }),
    budget: createRetryBudget(clock),
    limits,
    clock,
    // The shortest of all waits: tests are in a hurry.
    random: () => 0,
    ...over,
  }
}

/** A candidate with a model that nobody has described. */
export function candidateOf(provider: ScriptedProvider, contextWindow?: number): Candidate {
  const model = { ...assumedEntry(provider.id, `${provider.id}-model`), contextWindow }
  return { provider, model, reason: 'explicit model' }
}

/** A walk, what ends its call, and what it shares with other walks. */
export function walkOf(candidates: readonly Candidate[], over: Partial<WalkInput> = {}, deps: WalkOver = {}) {
  const ending = new AbortController()
  const shared = createWalkDeps(deps)
  const request = ask('hi')
  const walk = createWalk(
    {
      candidates,
      signal: ending.signal,
      startedAtMs: shared.clock.monotonic(),
      deadlineAtMs: shared.clock.monotonic() + 60_000,
      tenant: 'default',
      question: () => ({ request, messages: request.messages }),
      isStream: true,
      anotherKeyHelps: () => false,
      isIdempotent: false,
      mayChangeMind: false,
      mayHedge: false,
      ...over,
    },
    shared,
  )
  const outcomes = (): unknown[] => walk.attempts.map(attempt => attempt.record().outcome)
  return { walk, ending, outcomes, ...shared }
}
