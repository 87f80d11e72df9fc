// The orchestrator with real stages around scripted providers, for tests of what a caller sees.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { Role } from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { bundledModels } from '../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../src/catalogue/catalogue.ts'
import { createCompletion } from '../../src/chat/complete.ts'
import type { EventInit } from '../../src/chat/events.ts'
import type { ChatMetrics } from '../../src/chat/settle.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { ModelEntry } from '../../src/core/model.ts'
import type { Provider } from '../../src/core/provider.ts'
import type { Journal } from '../../src/core/settlement.ts'
import { createTokenCounter } from '../../src/metering/count.ts'
import type { AttemptLimits } from '../../src/routing/attempt.ts'
import { createProcessJournal } from '../../src/stores/process/journal.ts'

type RequestInit = MessageInitShape<typeof CompleteRequestSchema>

/** A request with one user message, and whatever a test sets over it. */
export function ask(text: string, over: RequestInit = {}) {
  return create(CompleteRequestSchema, {
    model: 'one-model',
    messages: [{ role: Role.USER, content: [{ kind: { case: 'text', value: text } }] }],
    ...over,
  })
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
    limits = { firstTokenMs: 5_000, idleMs: 5_000 },
    heartbeatMs = 10_000,
    models = [],
    journal: elsewhere,
  }: { limits?: AttemptLimits; heartbeatMs?: number; models?: readonly ModelEntry[]; journal?: Journal } = {},
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
  const completion = createCompletion({
    journal: elsewhere ?? journal,
    metrics,
    counter: createTokenCounter(),
    clock: systemClock,
    routing: () => routing,
    limits,
    heartbeatMs,
  })
  return { ...completion, journal, moved, catalogue }
}

/** Reads a stream to its end. */
export async function collectEvents(stream: AsyncIterable<EventInit>): Promise<EventInit[]> {
  const events: EventInit[] = []
  for await (const event of stream) events.push(event)
  return events
}
