// What stands between ended spans and the collector: a bounded queue that tells once when the collector is gone.
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Log } from '../core/log.ts'
import type { Metrics } from './metrics.ts'

/** What the queue needs. */
export interface SpanQueueDeps {
  readonly exporter: SpanExporter
  /** Most spans that wait or are on their way. */
  readonly max: number
  /** Makes the processor that gathers spans for an exporter. */
  readonly processor: (exporter: SpanExporter) => SpanProcessor
  readonly log: Log
  readonly metrics: Pick<Metrics, 'spans'>
}

/** Spans on their way to the collector. */
export interface SpanQueue {
  /** Takes a span that has ended. */
  ended(span: ReadableSpan): void
  /** Sends what waits. Rejects when the collector is gone. */
  shutdown(): Promise<void>
  /** Counts what will not arrive any more. */
  close(): void
}

/** Makes it. */
export function createSpanQueue({ exporter, max, processor, log, metrics }: SpanQueueDeps): SpanQueue {
  let waiting = 0
  let isFailing = false
  let isDropping = false

  function exported(count: number, error: Error | undefined, isSent: boolean): void {
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

  const watched: SpanExporter = {
    export(spans, done) {
      exporter.export(spans, result => {
        exported(spans.length, result.error, result.code === 0)
        // To whoever gathers, a batch that failed is done with: it throws what it hears, into nobody's hands.
        done({ code: 0 })
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
  const inner = processor(watched)

  return {
    ended(span) {
      if (waiting >= max) {
        metrics.spans('dropped', 1)
        if (!isDropping) log.warn('traces are dropped: the collector is too slow or gone')
        isDropping = true
        return
      }
      waiting += 1
      inner.onEnd(span)
    },
    shutdown: () => inner.shutdown(),
    close() {
      if (waiting > 0) metrics.spans('dropped', waiting)
      waiting = 0
    },
  }
}
