// The metrics of chats, embeddings and their attempts, under our names and under those of OpenTelemetry's conventions.
import type { Registry } from 'prom-client'
import type { TokenCounts } from '../core/delta.ts'
import type { Reason } from '../core/errors.ts'
import { byKey, type Cell, counterCell, histogramCell, lazily } from './metric-cells.ts'
import { type Asked, errorType, type Labels, type Operation } from './metric-labels.ts'
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
  const metrics = createMetrics(registry)
  const overhead = histogramCell(metrics.overheadSeconds, {}, METRICS.overheadSeconds.buckets)
  const pairs = byKey((pair: Asked) => pairCells(metrics, pair))
  const operations = {
    chat: byKey((pair: Asked) => operationCells(metrics, pair, 'chat')),
    embeddings: byKey((pair: Asked) => operationCells(metrics, pair, 'embeddings')),
  }
  const pairOf = (asked: Asked) => pairs(labels.asked(asked))
  const operationOf = (asked: Asked) => operations[asked.operation ?? 'chat'](labels.asked(asked))

  return {
    firstToken(asked, afterMs) {
      pairOf(asked).firstToken(afterMs / 1000)
      operationOf(asked).firstChunk(afterMs / 1000)
    },
    overhead: ms => overhead(ms / 1000),
    tokens(asked, counts) {
      const { tokens } = pairOf(asked)
      const { inputUsage, outputUsage } = operationOf(asked)
      if (counts.inputTokens > 0) tokens.input(counts.inputTokens)
      if (counts.cachedInputTokens > 0) tokens.cached(counts.cachedInputTokens)
      if (counts.cacheWriteTokens > 0) tokens.cacheWrite(counts.cacheWriteTokens)
      if (counts.outputTokens > 0) tokens.output(counts.outputTokens)
      if (counts.reasoningTokens > 0) tokens.reasoning(counts.reasoningTokens)
      inputUsage(counts.inputTokens)
      // Vectors are not made of tokens.
      if (asked.operation !== 'embeddings') outputUsage(counts.outputTokens)
    },
    cost: (asked, nanoUsd) => pairOf(asked).cost(Number(nanoUsd) / 1e9),
    attemptEnded: attempt => operationOf(attempt).attempt(attempt.error)(attempt.durationMs / 1000),
    chatEnded(chat) {
      const { server, serverFirstToken } = operationOf(chat)
      server(chat.error)(chat.durationMs / 1000)
      if (chat.firstTokenMs !== undefined) serverFirstToken(chat.firstTokenMs / 1000)
    },
  }
}

type ChatMetrics = ReturnType<typeof createMetrics>

function createMetrics(registry: Registry) {
  return {
    firstTokenSeconds: histogram(registry, METRICS.firstTokenSeconds),
    overheadSeconds: histogram(registry, METRICS.overheadSeconds),
    tokens: counter(registry, METRICS.tokens),
    costUsd: counter(registry, METRICS.costUsd),
    attemptSeconds: histogram(registry, METRICS.attemptSeconds),
    firstChunkSeconds: histogram(registry, METRICS.firstChunkSeconds),
    tokenUsage: histogram(registry, METRICS.tokenUsage),
    serverSeconds: histogram(registry, METRICS.serverSeconds),
    serverFirstTokenSeconds: histogram(registry, METRICS.serverFirstTokenSeconds),
  }
}

/** Of a provider and a model. Series appear with the first that is counted in them. */
function pairCells({ firstTokenSeconds, tokens, costUsd }: ChatMetrics, { provider, model }: Asked) {
  const kind = (name: string) => lazily(() => counterCell(tokens, { provider, model, kind: name }))
  return {
    firstToken: lazily(() =>
      histogramCell(firstTokenSeconds, { provider, model }, METRICS.firstTokenSeconds.buckets),
    ),
    cost: lazily(() => counterCell(costUsd, { provider, model })),
    tokens: {
      input: kind('input'),
      cached: kind('cached_input'),
      cacheWrite: kind('cache_write'),
      output: kind('output'),
      reasoning: kind('reasoning'),
    },
  }
}

/** Of a provider, a model and what it is asked for. */
function operationCells(metrics: ChatMetrics, { provider, model }: Asked, operation: Operation) {
  const { firstChunkSeconds, tokenUsage, attemptSeconds, serverSeconds, serverFirstTokenSeconds } = metrics
  const asked = () => ({
    gen_ai_operation_name: operation,
    gen_ai_provider_name: provider,
    gen_ai_request_model: model,
  })
  const usage = (type: string) =>
    lazily(() =>
      histogramCell(tokenUsage, { ...asked(), gen_ai_token_type: type }, METRICS.tokenUsage.buckets),
    )
  return {
    firstChunk: lazily(() => histogramCell(firstChunkSeconds, asked(), METRICS.firstChunkSeconds.buckets)),
    inputUsage: usage('input'),
    outputUsage: usage('output'),
    attempt: byError(type =>
      histogramCell(attemptSeconds, { ...asked(), error_type: type }, METRICS.attemptSeconds.buckets),
    ),
    server: byError(type =>
      histogramCell(serverSeconds, { ...asked(), error_type: type }, METRICS.serverSeconds.buckets),
    ),
    serverFirstToken: lazily(() =>
      histogramCell(serverFirstTokenSeconds, asked(), METRICS.serverFirstTokenSeconds.buckets),
    ),
  }
}

function byError(make: (type: string) => Cell): (error: Reason | undefined) => Cell {
  const cells = byKey(make)
  return error => cells(errorType(error))
}
