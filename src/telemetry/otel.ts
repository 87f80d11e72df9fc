// Traces by OpenTelemetry: a server span for each call, a client span for each attempt, sent in batches by OTLP.
import { createTraceState, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api'
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { CallTrace, TracedRequest } from '../core/trace.ts'
import {
  type Address,
  type Addresses,
  type AskedAttempt,
  createAddresses,
  createSpanAttributes,
  isFault,
  operationOf,
  type SpanAttributes,
} from './span-attributes.ts'
import { type EndedSpan, SPAN_KINDS, type SpanPlace } from './span-encoder.ts'
import { createSpanIds, type SpanIds } from './span-ids.ts'
import { createSpanQueue, type SpanBatch } from './span-queue.ts'
import { contextHeaders, type RemoteContext, remoteContext } from './trace-context.ts'
import type { SamplerName, Tracer, TracerDeps, TracingSettings } from './tracing.ts'

/** Spans that may wait for the collector; further ones are dropped and counted. */
const QUEUE_MAX = 4_096
/** Half a megabyte; an export costs as much as a hundred spans, whatever is in it. */
const BATCH_MAX = 1_024
const BATCH_EVERY_MS = 1_000
/** How long a batch may take, repetitions included. */
const EXPORT_MS = 5_000
/** How long the end of the process waits for the last batches. */
const FLUSH_MS = 2_000

/** What it is made of. */
export type OtelDeps = Omit<TracerDeps, 'settings'> & { readonly settings: TracingSettings }

/** What all calls are traced with. */
interface Tracing {
  readonly sampler: Sampler
  readonly ids: SpanIds
  readonly addresses: Addresses
  readonly attributes: SpanAttributes
  /** Takes a span that has ended. */
  ended(span: EndedSpan): void
}

/**
 * Makes the tracer. Nothing of it is global, and spans find their parents by what the call carries. Spans are written by us:
 * the SDK copies each attribute several times and its exporter walks each span twice, which cost a tenth of a call.
 */
export function createOtelTracer({ settings, version, log, metrics }: OtelDeps): Tracer {
  const sender = createSender(settings)
  const queue = createSpanQueue({
    send: sender.send,
    origin: {
      resource: { 'service.name': settings.serviceName, 'service.version': version },
      scope: { name: 'exai', version },
    },
    max: QUEUE_MAX,
    batchMax: BATCH_MAX,
    everyMs: BATCH_EVERY_MS,
    log,
    metrics,
  })
  const tracing: Tracing = {
    sampler: samplerOf(settings),
    ids: createSpanIds(),
    addresses: createAddresses(),
    attributes: createSpanAttributes(),
    ended: queue.add,
  }
  return {
    trace: request => callTrace(tracing, request),
    async close() {
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, FLUSH_MS)
      // The collector may be gone: that has been told, and must not keep the process.
      await Promise.race([queue.flush().then(sender.close), late])
      clearTimeout(timer)
      queue.close()
    },
  }
}

/** OpenTelemetry's own way to a collector, with its repetitions; the bytes are there already. */
function createSender({ url, headers }: TracingSettings) {
  const config = { url, headers: { ...headers }, timeoutMillis: EXPORT_MS }
  const type = { 'Content-Type': 'application/x-protobuf' }
  const delegate = createOtlpHttpExportDelegate<SpanBatch, object>(
    convertLegacyHttpOptions(config, 'TRACES', 'v1/traces', type),
    { serializeRequest: ({ bytes }) => bytes, deserializeResponse: () => ({}) },
    'otlp_http_span_exporter',
    { name: 'span', countItems: ({ count }) => count },
    undefined,
  )
  return {
    send: (batch: SpanBatch) =>
      new Promise<void>((resolve, reject) => {
        delegate.export(batch, ({ code, error }) => (code === 0 ? resolve() : reject(error)))
      }),
    close: () => delegate.shutdown().catch(() => undefined),
  }
}

function callTrace(tracing: Tracing, request: TracedRequest): CallTrace {
  const { ids, addresses, attributes, ended } = tracing
  const parent = remoteContext(request.headers)
  const place = begun(tracing, request, parent)
  const { traceId, isSampled, state } = place
  const clock = createSpanClock()
  const startMs = clock()
  // Nearly always there is one at a time.
  const attempts: RunningAttempt[] = []
  const operation = operationOf(request.method)
  return {
    traceId,
    attemptBegan(of, asked) {
      const own = { traceId, spanId: ids.spanId(), isSampled, state }
      const attempt: RunningAttempt = { of, asked, place: own, startMs: clock(), address: undefined }
      attempts.push(attempt)
      const fields = contextHeaders(own)
      return {
        headersTo(to) {
          if (isSampled) attempt.address = addresses.of(to)
          return fields
        },
      }
    },
    attemptEnded(of, end) {
      const at = attempts.findIndex(one => one.of === of)
      const attempt = attempts[at]
      if (attempt === undefined) return
      attempts.splice(at, 1)
      if (!isSampled) return
      const { asked, address } = attempt
      ended({
        name: `${operation} ${asked.model}`,
        kind: SPAN_KINDS.client,
        place: attempt.place,
        parentId: place.spanId,
        isParentRemote: false,
        startMs: attempt.startMs,
        endMs: clock(),
        isError: end.error !== undefined,
        attributes: to => attributes.attempt(to, operation, asked, address, end),
      })
    },
    ended(end) {
      if (!isSampled) return
      ended({
        name: request.method,
        kind: SPAN_KINDS.server,
        place,
        parentId: parent?.spanId ?? '',
        isParentRemote: parent !== undefined,
        startMs,
        endMs: clock(),
        isError: isFault(end),
        attributes: to => attributes.call(to, operation, request, end),
      })
    },
  }
}

interface RunningAttempt {
  /** What stands for it. */
  readonly of: object
  readonly asked: AskedAttempt
  readonly place: SpanPlace
  readonly startMs: number
  address: Address | undefined
}

/** All spans of a call have one clock, so that an attempt stands within its call even when the time of the machine is set. */
function createSpanClock(): () => number {
  const offsetMs = Date.now() - performance.now()
  return () => offsetMs + performance.now()
}

function begun(
  { sampler, ids }: Tracing,
  { method }: TracedRequest,
  parent: RemoteContext | undefined,
): SpanPlace {
  const traceId = parent?.traceId ?? ids.traceId()
  const above = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent))
  // Those that there are look at no attribute, and leave the state as it came. Attempts are decided as their call is.
  const { decision } = sampler.shouldSample(above, traceId, method, SpanKind.SERVER, {}, [])
  const isSampled = decision === SamplingDecision.RECORD_AND_SAMPLED
  const state = parent?.state ?? ''
  return {
    traceId,
    spanId: ids.spanId(),
    isSampled,
    state: state === '' ? '' : createTraceState(state).serialize(),
  }
}

function contextOf({ traceId, spanId, isSampled }: RemoteContext) {
  return {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  }
}

const samplers = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: ratio => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: ratio => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
} as const satisfies Record<SamplerName, (ratio: number) => Sampler>

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  return samplers[sampler](ratio)
}
