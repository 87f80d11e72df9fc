// Embedding with real stages around providers that follow a script of parts.
import { setTimeout as sleep } from 'node:timers/promises'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { EmbedRequestSchema, EmbedResponseSchema } from '#gen/exai/v1/embeddings_service_pb'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import type { Call } from '../../../src/core/call.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { Delta } from '../../../src/core/delta.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { AttemptInput, Provider } from '../../../src/core/provider.ts'
import { createEmbedding, type EmbeddingDeps } from '../../../src/embeddings/embed.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { createProcessJournal } from '../../../src/stores/process/journal.ts'
import { createWalkDeps } from '../../support/walk-rig.ts'

/** Longest silence that an attempt bears, in milliseconds. */
export const FIRST_TOKEN_MS = 400
/** How long something slow takes: two of them are too long. */
const SLOW_MS = 250

/** What a provider does in an attempt: makes vectors of so many further texts, or slowly of one, fails, or falls silent. */
export type Part = number | Error | 'silence' | 'slow'

/** A model that embeds at a dollar for a million tokens, unless the test says otherwise. */
export function embedder(provider: string, over: Partial<ModelEntry> = {}): ModelEntry {
  const price = {
    input: 1_000_000_000n,
    cachedInput: undefined,
    cacheWrite: undefined,
    output: 0n,
    tiers: [],
  }
  return { ...assumedEntry(provider, 'vectors'), endpoints: ['embeddings'], price, ...over }
}

/** A provider that reports a token for each text; each attempt takes the next script, and the last one again and again. */
export function scripted(
  id: string,
  scripts: readonly (readonly Part[])[],
  { entry = embedder(id), reports = true } = {},
): Provider & { readonly asked: AttemptInput[] } {
  const asked: AttemptInput[] = []
  async function* play(parts: readonly Part[], input: AttemptInput): AsyncGenerator<readonly Delta[]> {
    let inputTokens = 0
    for (const part of parts) {
      input.embed?.sending(typeof part === 'number' ? part : 1)
      input.sent?.()
      if (part instanceof Error) throw part
      if (part === 'silence')
        await new Promise((_, reject) =>
          input.signal.addEventListener('abort', () => reject(input.signal.reason)),
        )
      else {
        if (part === 'slow') await sleep(SLOW_MS)
        const count = part === 'slow' ? 1 : part
        const from = input.embed?.done() ?? 0
        input.embed?.add(Array.from({ length: count }, (_, at) => [from + at, id.length]))
        inputTokens += count
        const counts = {
          inputTokens,
          cachedInputTokens: 0,
          cacheWriteTokens: 0,
          outputTokens: 0,
          reasoningTokens: 0,
        }
        yield reports ? [{ type: 'usage', counts }] : []
      }
    }
    yield [{ type: 'finish', reason: FinishReason.STOP }]
  }
  return {
    id,
    unusableReason: '',
    models: [entry],
    embeds: true,
    asked,
    open(input) {
      const script = scripts[Math.min(asked.length, scripts.length - 1)] ?? []
      asked.push(input)
      return play(script, input)
    },
    close: async () => undefined,
  }
}

/** Puts the stages together over some providers. */
export function embeddingOf(
  providers: readonly Provider[],
  over: Partial<EmbeddingDeps> & { readonly aliases?: readonly { alias: string; model: string }[] } = {},
) {
  const moved: { readonly name: string; readonly of: unknown }[] = []
  const move = (name: string) => (of: unknown, more?: unknown) =>
    void moved.push({ name, of: typeof more === 'object' ? { ...Object(of), ...more } : of })
  const { aliases = [], ...deps } = over
  const catalogue = createCatalogue({
    models: { ...bundledModels(), models: providers.flatMap(({ models }) => models) },
    now: systemClock.now,
    aliases,
  })
  const journal = createProcessJournal()
  const embedding = createEmbedding({
    journal,
    counter: createTokenCounter(),
    metrics: {
      tokens: move('tokens'),
      cost: move('cost'),
      firstToken: move('firstToken'),
      overhead: move('overhead'),
      attemptEnded: move('attemptEnded'),
      chatEnded: move('chatEnded'),
    },
    clock: systemClock,
    routing: () => ({
      configVersion: 7,
      catalogue,
      providers,
      now: systemClock.now,
      chains: new Map([['vectors', ['other']]]),
    }),
    walk: createWalkDeps({ limits: { firstTokenMs: FIRST_TOKEN_MS, idleMs: FIRST_TOKEN_MS } }),
    ...deps,
  })
  return {
    journal,
    moved,
    async embed(call: Call, request: MessageInitShape<typeof EmbedRequestSchema>) {
      const asked = create(EmbedRequestSchema, request)
      return create(EmbedResponseSchema, await embedding.embed(call, asked))
    },
  }
}
