// Limits on a clock in the hands of a test, and models with prices to ask for.
import { onTestFinished } from 'vitest'
import type { RulesConfig } from '../../../src/config/snapshot.ts'
import type { Caller } from '../../../src/core/caller.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { LimitEvent } from '../../../src/core/gateway-event.ts'
import type { AttemptHold, Limit, Policy } from '../../../src/core/limits.ts'
import type { AttemptNeed } from '../../../src/metering/attempt-amounts.ts'
import { createLimits, type LimitsDeps } from '../../../src/metering/limits.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { createHandClock } from '../../support/hand-clock.ts'

/** A method that is counted. */
export const METHOD = 'exai.v1.ChatService/Complete'

/** Makes limits, all in one process, with everything that they tell. */
export function setUp(rules: Partial<RulesConfig> = {}, more: Partial<LimitsDeps> = {}) {
  const clock = createHandClock()
  const events: LimitEvent[] = []
  const faults: unknown[] = []
  const shared = createProcessShared({ clock, onFault: fault => void faults.push(fault) })
  const limits = createLimits({
    shared,
    clock,
    rules: () => ({ tenants: [], models: [], policies: [], ...rules }),
    onEvent: event => void events.push(event),
    onFault: fault => void faults.push(fault),
    ...more,
  })
  onTestFinished(async () => {
    limits.close()
    await shared.close()
  })
  return { clock, shared, limits, events, faults }
}

/** Rules of the tenant `acme` alone. */
export const ofAcme = (...limits: readonly Limit[]): Partial<RulesConfig> => ({
  tenants: [{ tenant: 'acme', limits }],
})

/** Somebody of the tenant `acme`. */
export function caller(more: Partial<Caller> = {}): Caller {
  return { tenant: 'acme', subject: '', scopes: ['chat'], ...more }
}

/** A policy that forbids nothing but what is said. */
export function policy(more: Partial<Policy>): Policy {
  return { allowedModels: [], deniedModels: [], allowedTools: [], deniedTools: [], ...more }
}

/** What an attempt may take: one nano-USD for each token in, ten for each out. */
export function need(more: Partial<AttemptNeed> = {}): AttemptNeed {
  const inputTokens = more.inputTokens ?? 100
  return {
    model: { provider: 'openai', id: 'gpt-x', aliases: [] },
    inputTokens,
    outputTokens: 50,
    mayShrink: false,
    cost: tokens => BigInt(inputTokens + 10 * tokens),
    ...more,
  }
}

/** The error with which something is refused; throws when it is not. */
export async function refusalOf(work: unknown): Promise<GatewayError> {
  try {
    const answer = await work
    if (typeof answer === 'object' && answer !== null && 'error' in answer)
      return GatewayError.from(answer.error)
  } catch (caught) {
    return GatewayError.from(caught)
  }
  throw new Error('it was not refused')
}

/** What is held for an attempt; throws when that was refused or nothing counts. */
export async function held(
  work: undefined | AttemptHold | { error: GatewayError } | Promise<AttemptHold | { error: GatewayError }>,
): Promise<AttemptHold> {
  const answer = await work
  if (answer === undefined) throw new Error('nothing counts it')
  if ('error' in answer) throw answer.error
  return answer
}
