// What stands between ended spans and the collector: a bounded queue that sends in batches, and tells once when the collector is gone.
import type { Log } from '../core/log.ts'
import type { Metrics } from './metrics.ts'
import { createSpanEncoder, type EndedSpan, type SpanOrigin } from './span-encoder.ts'

/** Spans as they are sent. */
export interface SpanBatch {
  /** An ExportTraceServiceRequest. */
  readonly bytes: Uint8Array
  readonly count: number
}

/** What the queue needs. */
export interface SpanQueueDeps {
  /** Sends a batch. Rejects when it does not arrive. */
  readonly send: (batch: SpanBatch) => Promise<void>
  readonly origin: SpanOrigin
  /** Most spans that wait or are on their way. */
  readonly max: number
  /** Most spans of a batch, which is sent when it has them. */
  readonly batchMax: number
  /** How long a span may wait for others, in milliseconds. */
  readonly everyMs: number
  readonly log: Log
  readonly metrics: Pick<Metrics, 'spans'>
}

/** Spans on their way to the collector. */
export interface SpanQueue {
  /** Takes a span that has ended. */
  add(span: EndedSpan): void
  /** Sends what waits. Never rejects. */
  flush(): Promise<void>
  /** Counts what will not arrive any more. */
  close(): void
}

/** Batches that may be on their way at once: a collector far away answers late, and is not slow for that. */
const SENDING_MAX = 4

/** Makes it. */
export function createSpanQueue(deps: SpanQueueDeps): SpanQueue {
  const { send, origin, max, batchMax, everyMs, log, metrics } = deps
  const encoder = createSpanEncoder(origin)
  /** Full ones, which wait because others are on their way. */
  const batches: SpanBatch[] = []
  let waiting = 0
  const sending: Promise<void>[] = []
  let isFailing = false
  let isDropping = false
  let timer: NodeJS.Timeout | undefined

  function sent(count: number, error?: unknown): void {
    const isSent = error === undefined
    waiting = Math.max(0, waiting - count)
    metrics.spans(isSent ? 'exported' : 'failed', count)
    if (!isSent && !isFailing)
      log.warn('traces cannot be exported: look at the collector and OTEL_EXPORTER_OTLP_ENDPOINT', {
        err: error,
      })
    if (isSent && isFailing) log.info('traces are exported again')
    isFailing = !isSent
    if (isSent) isDropping = false
  }

  function sendOne(batch: SpanBatch): Promise<void> {
    return send(batch).then(
      () => sent(batch.count),
      (error: unknown) => sent(batch.count, error ?? new Error('the collector refused them')),
    )
  }

  function cut(): void {
    const count = encoder.count()
    if (count > 0) batches.push({ bytes: encoder.take(), count })
  }

  function sendAll(): void {
    while (sending.length < SENDING_MAX) {
      const batch = batches.shift()
      if (batch === undefined) break
      const one: Promise<void> = sendOne(batch).then(() => {
        sending.splice(sending.indexOf(one), 1)
        sendAll()
      })
      sending.push(one)
    }
    if (encoder.count() > 0) later()
  }

  function later(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      cut()
      sendAll()
    }, everyMs).unref()
  }

  return {
    add(span) {
      if (waiting >= max) {
        metrics.spans('dropped', 1)
        if (!isDropping) log.warn('traces are dropped: the collector is too slow or gone')
        isDropping = true
        return
      }
      waiting += 1
      encoder.add(span)
      if (encoder.count() >= batchMax) cut()
      else if (timer !== undefined) return
      sendAll()
    },
    async flush() {
      clearTimeout(timer)
      cut()
      await Promise.all([...sending, ...batches.splice(0).map(sendOne)])
    },
    close() {
      if (waiting > 0) metrics.spans('dropped', waiting)
      waiting = 0
    },
  }
}
