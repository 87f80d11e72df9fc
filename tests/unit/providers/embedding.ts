// Asks providers for vectors, and makes answers of theirs, for the tests of embeddings.
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Delta, Deltas } from '../../../src/core/delta.ts'
import type { AttemptInput, Provider } from '../../../src/core/provider.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, model } from './attempt.ts'

/** The model that is asked unless a test says otherwise. */
export const SMALL = 'text-embedding-3-small'

/** What a test decides. */
export interface Asked {
  readonly inputs?: readonly string[]
  readonly dimensions?: number
  readonly id?: string
  readonly request?: Partial<Pick<CompleteRequest, 'user' | 'strict' | 'providerOptions'>>
  readonly signal?: AbortSignal
}

/** Asks for vectors; those that come are in `vectors`, and stay when the provider is asked once more. */
export function asking(
  provider: Provider,
  { inputs = ['one', 'two'], dimensions, id = SMALL, ...rest }: Asked = {},
) {
  const vectors: number[][] = []
  const sent: number[] = []
  const once = (): { readonly deltas: Deltas; readonly warnings: readonly string[] } => {
    const entry = model({ provider: provider.id, id, endpoints: ['embeddings'] })
    const base = attempt(
      { messages: [], ...rest.request },
      { model: entry, ...(rest.signal && { signal: rest.signal }) },
    )
    const input: AttemptInput = {
      ...base,
      messages: [],
      embed: {
        inputs,
        dimensions,
        done: () => vectors.length,
        add: more => void vectors.push(...more),
        sending: count => void sent.push(count),
        used: () => [],
      },
    }
    return { deltas: provider.open(input), warnings: base.warnings }
  }
  return { vectors, sent, once }
}
/** What a double was sent, from some request on. */
export const bodies = (double: Upstream, from: number) =>
  double.requests.slice(from).map(({ body }) => Object(body) as Readonly<Record<string, unknown>>)
/** So many tokens of input, and nothing else. */
export const usage = (inputTokens: number): Delta => ({
  type: 'usage',
  counts: { inputTokens, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 },
})
/** The end of an answer. */
export const finish: Delta = { type: 'finish', reason: FinishReason.STOP }
/** A script that answers with these vectors. */
export const answered = (embeddings: readonly unknown[], more: object = {}) => ({
  raw: {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ object: 'list', model: SMALL, data: embeddings, ...more }),
  },
})
/** One vector of an answer. */
export const item = (index: number | undefined, embedding: unknown) => ({
  object: 'embedding',
  index,
  embedding,
})
