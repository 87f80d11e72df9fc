// The orchestrator with real stages around scripted providers, for tests of what a caller sees.
import { bundledModels } from '../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../src/catalogue/catalogue.ts'
import { createCompletion } from '../../src/chat/complete.ts'
import type { EventInit } from '../../src/chat/events.ts'
import type { FileParts } from '../../src/chat/file-parts.ts'
import type { ChatMetrics } from '../../src/chat/settled-numbers.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Conversations } from '../../src/core/conversations.ts'
import type { ModelEntry } from '../../src/core/model.ts'
import type { Provider } from '../../src/core/provider.ts'
import type { Journal } from '../../src/core/settlement.ts'
import { createTokenCounter } from '../../src/metering/count.ts'
import type { Limits } from '../../src/metering/limits.ts'
import { createAffinity } from '../../src/routing/affinity.ts'
import type { AttemptLimits } from '../../src/routing/attempt-silences.ts'
import { createProcessJournal } from '../../src/stores/process/journal.ts'
import { createProcessShared } from '../../src/stores/process/shared.ts'
import { createWalkDeps, type WalkOver } from './walk-rig.ts'

/** Where nobody has ever kept a conversation. */
export const NO_CONVERSATIONS: Pick<Conversations, 'get' | 'history'> = {
  get: async () => undefined,
  history: async () => [],
}

/** What moved in the metrics. */
export type Moved = { readonly name: string; readonly of: unknown }

/**
 * Builds the orchestrator over providers; `moved` lists every metric call in order. A given journal takes the place of
 * the one that is handed out.
 */
export function createCompletionRig(
  providers: readonly Provider[],
  {
    limits,
    heartbeatMs = 10_000,
    models = [],
    journal: elsewhere,
    conversations = NO_CONVERSATIONS,
    files,
    walk: walkOver = {},
    callers,
  }: {
    limits?: AttemptLimits
    heartbeatMs?: number
    models?: readonly ModelEntry[]
    journal?: Journal
    conversations?: Pick<Conversations, 'get' | 'history'>
    files?: FileParts
    walk?: WalkOver
    /** The limits of callers. Absent: none. */
    callers?: Pick<Limits, 'of'>
  } = {},
) {
  const moved: Moved[] = []
  const metrics: ChatMetrics = {
    tokens: (asked, counts) => moved.push({ name: 'tokens', of: { ...asked, ...counts } }),
    cost: (asked, nanoUsd) => moved.push({ name: 'cost', of: { ...asked, nanoUsd } }),
    firstToken: (asked, afterMs) => moved.push({ name: 'firstToken', of: { ...asked, afterMs } }),
    overhead: ms => moved.push({ name: 'overhead', of: ms }),
  }
  const bundled = bundledModels()
  const own = [...models, ...providers.flatMap(provider => provider.models)]
  const catalogue = createCatalogue({
    models: { ...bundled, models: [...bundled.models, ...own] },
    now: systemClock.now,
  })
  const journal = createProcessJournal()
  const routing = { configVersion: 7, catalogue, providers, now: systemClock.now }
  const walk = createWalkDeps({ ...(limits && { limits }), ...walkOver })
  const completion = createCompletion({
    journal: elsewhere ?? journal,
    conversations,
    files,
    metrics,
    counter: createTokenCounter(),
    clock: systemClock,
    routing: () => routing,
    affinity: createAffinity({
      shared: createProcessShared({ clock: systemClock, onFault: fail }),
      clock: systemClock,
    }),
    walk,
    heartbeatMs,
    limits: callers,
  })
  return { ...completion, journal, moved, catalogue, walk }
}

/** Reads a stream to its end. */
export async function collectEvents(stream: AsyncIterable<EventInit>): Promise<EventInit[]> {
  const events: EventInit[] = []
  for await (const event of stream) events.push(event)
  return events
}

function fail(fault: unknown): never {
  throw fault
}
