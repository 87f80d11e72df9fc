// The metrics of chats, embeddings and their attempts, under our names and under those of OpenTelemetry's conventions.
import type { Registry } from 'prom-client'
import type { TokenCounts } from '../core/delta.ts'
import type { Reason } from '../core/errors.ts'
import { type Asked, errorType, type Labels } from './metric-labels.ts'
import { counter, histogram } from './metric-series.ts'
import { METRICS } from './metric-table.ts'

/** How long something of a model's took, and how it failed if it did. */
export interface Timed extends Asked {
  readonly durationMs: number
  readonly error?: Reason | undefined
}

/** Takes what chats did. */
export interface ChatSeries {
  /** A provider gave its first output, so many milliseconds after the request was sent. */
  firstToken(asked: Asked, afterMs: number): void
  /** Time of a call that was spent in this service and not waiting, in milliseconds. */
  overhead(ms: number): void
  /** Tokens of one attempt. */
  tokens(asked: Asked, counts: TokenCounts): void
  /** Known cost of one attempt, in nano-USD. */
  cost(asked: Asked, nanoUsd: bigint): void
  /** An attempt is over. */
  attemptEnded(attempt: Timed): void
  /** A chat or an embedding is over for which somebody was asked; `firstTokenMs` from its start, absent without any output. */
  chatEnded(chat: Timed & { readonly firstTokenMs?: number | undefined }): void
}

/** Makes the series. */
export function createChatSeries(registry: Registry, labels: Labels): ChatSeries {
  const firstTokenSeconds = histogram(registry, METRICS.firstTokenSeconds)
  const overheadSeconds = histogram(registry, METRICS.overheadSeconds)
  const tokens = counter(registry, METRICS.tokens)
  const costUsd = counter(registry, METRICS.costUsd)
  const attemptSeconds = histogram(registry, METRICS.attemptSeconds)
  const firstChunkSeconds = histogram(registry, METRICS.firstChunkSeconds)
  const tokenUsage = histogram(registry, METRICS.tokenUsage)
  const serverSeconds = histogram(registry, METRICS.serverSeconds)
  const serverFirstTokenSeconds = histogram(registry, METRICS.serverFirstTokenSeconds)

  return {
    firstToken(asked, afterMs) {
      const pair = labels.asked(asked)
      firstTokenSeconds.observe({ ...pair }, afterMs / 1000)
      firstChunkSeconds.observe(genAi(pair, asked), afterMs / 1000)
    },
    overhead: ms => overheadSeconds.observe(ms / 1000),
    tokens(asked, counts) {
      const pair = labels.asked(asked)
      const all = {
        input: counts.inputTokens,
        cached_input: counts.cachedInputTokens,
        cache_write: counts.cacheWriteTokens,
        output: counts.outputTokens,
        reasoning: counts.reasoningTokens,
      }
      for (const [kind, count] of Object.entries(all)) {
        if (count > 0) tokens.inc({ ...pair, kind }, count)
      }
      tokenUsage.observe({ ...genAi(pair, asked), gen_ai_token_type: 'input' }, counts.inputTokens)
      // Vectors are not made of tokens.
      if (asked.operation !== 'embeddings')
        tokenUsage.observe({ ...genAi(pair, asked), gen_ai_token_type: 'output' }, counts.outputTokens)
    },
    cost: (asked, nanoUsd) => costUsd.inc({ ...labels.asked(asked) }, Number(nanoUsd) / 1e9),
    attemptEnded({ durationMs, error, ...asked }) {
      const pair = genAi(labels.asked(asked), asked)
      attemptSeconds.observe({ ...pair, error_type: errorType(error) }, durationMs / 1000)
    },
    chatEnded({ durationMs, error, firstTokenMs, ...asked }) {
      const pair = genAi(labels.asked(asked), asked)
      serverSeconds.observe({ ...pair, error_type: errorType(error) }, durationMs / 1000)
      if (firstTokenMs !== undefined) serverFirstTokenSeconds.observe(pair, firstTokenMs / 1000)
    },
  }
}

function genAi({ provider, model }: Asked, { operation = 'chat' }: Asked) {
  return {
    gen_ai_operation_name: operation,
    gen_ai_provider_name: provider,
    gen_ai_request_model: model,
  }
}
