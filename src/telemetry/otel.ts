// Traces by OpenTelemetry: a server span for each call, a client span for each attempt, sent in batches by OTLP.
import {
  createTraceState,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  TraceFlags,
  type TraceState,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  type IdGenerator,
  ParentBasedSampler,
  RandomIdGenerator,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { CallTrace, TracedRequest } from '../core/trace.ts'
import { endedSpan, type SpanFacts } from './ended-span.ts'
import {
  type Address,
  type Addresses,
  type AskedAttempt,
  attemptAttributes,
  callAttributes,
  createAddresses,
  isFault,
  operationOf,
} from './span-attributes.ts'
import { createSpanQueue } from './span-queue.ts'
import { contextHeaders, remoteContext } from './trace-context.ts'
import type { SamplerName, Tracer, TracerDeps, TracingSettings } from './tracing.ts'

/** Spans that may wait for the collector; further ones are dropped and counted. */
const QUEUE_MAX = 4_096
const BATCH_MAX = 512
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
  readonly ids: IdGenerator
  readonly addresses: Addresses
  /** Takes a span that has ended. */
  ended(facts: SpanFacts): void
}

/**
 * Makes the tracer. Nothing of it is global, and spans find their parents by what the call carries. The spans are our own:
 * that of the SDK checks and copies each attribute several times, which is for those who may not know what they write.
 */
export function createOtelTracer({ settings, version, log, metrics }: OtelDeps): Tracer {
  const { url, headers, serviceName } = settings
  const queue = createSpanQueue({
    exporter: new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: EXPORT_MS }),
    max: QUEUE_MAX,
    processor: exporter =>
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: QUEUE_MAX,
        maxExportBatchSize: BATCH_MAX,
        scheduledDelayMillis: BATCH_EVERY_MS,
        exportTimeoutMillis: EXPORT_MS + 1_000,
      }),
    log,
    metrics,
  })
  const origin = {
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    scope: { name: 'exai', version },
  }
  const tracing: Tracing = {
    sampler: samplerOf(settings),
    ids: new RandomIdGenerator(),
    addresses: createAddresses(),
    ended: facts => queue.ended(endedSpan(facts, origin)),
  }
  return {
    trace: request => callTrace(tracing, request),
    async close() {
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, FLUSH_MS)
      // The collector may be gone: that has been told, and must not keep the process.
      await Promise.race([queue.shutdown().catch(() => undefined), late])
      clearTimeout(timer)
      queue.close()
    },
  }
}

function callTrace(tracing: Tracing, request: TracedRequest): CallTrace {
  const { ids, addresses, ended } = tracing
  const parent = parentOf(request)
  const context = begun(tracing, request, parent)
  const { traceId, traceFlags, traceState } = context
  const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0
  const clock = createSpanClock()
  const startMs = clock()
  const attempts = new Map<object, RunningAttempt>()
  const operation = operationOf(request.method)
  return {
    traceId,
    attemptBegan(of, asked) {
      const own = contextOf({ traceId, spanId: ids.generateSpanId(), traceFlags }, traceState)
      const attempt: RunningAttempt = { asked, context: own, startMs: clock(), address: undefined }
      attempts.set(of, attempt)
      const state = traceState?.serialize() ?? ''
      const fields = contextHeaders({ traceId, spanId: own.spanId, isSampled, state })
      return {
        headersTo(to) {
          if (isSampled) attempt.address = addresses.of(to)
          return fields
        },
      }
    },
    attemptEnded(of, end) {
      const attempt = attempts.get(of)
      attempts.delete(of)
      if (attempt === undefined || !isSampled) return
      ended({
        name: `${operation} ${attempt.asked.model}`,
        kind: SpanKind.CLIENT,
        context: attempt.context,
        parent: context,
        startMs: attempt.startMs,
        endMs: clock(),
        isError: end.error !== undefined,
        attributes: attemptAttributes(operation, attempt.asked, attempt.address, end),
      })
    },
    ended(end) {
      if (!isSampled) return
      ended({
        name: request.method,
        kind: SpanKind.SERVER,
        context,
        parent,
        startMs,
        endMs: clock(),
        isError: isFault(end),
        attributes: callAttributes(operation, request, end),
      })
    },
  }
}

interface RunningAttempt {
  readonly asked: AskedAttempt
  readonly context: SpanContext
  readonly startMs: number
  address: Address | undefined
}

/** All spans of a call have one clock, so that an attempt stands within its call even when the time of the machine is set. */
function createSpanClock(): () => number {
  const offsetMs = Date.now() - performance.now()
  return () => offsetMs + performance.now()
}

function begun({ sampler, ids }: Tracing, { method }: TracedRequest, parent: SpanContext | undefined) {
  const traceId = parent?.traceId ?? ids.generateTraceId()
  const above = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
  // Those that there are look at no attribute. Attempts are decided as their call is.
  const { decision, traceState } = sampler.shouldSample(above, traceId, method, SpanKind.SERVER, {}, [])
  const isSampled = decision === SamplingDecision.RECORD_AND_SAMPLED
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  return contextOf({ traceId, spanId: ids.generateSpanId(), traceFlags }, traceState ?? parent?.traceState)
}

function contextOf(ids: Omit<SpanContext, 'traceState'>, traceState: TraceState | undefined): SpanContext {
  return traceState === undefined ? ids : { ...ids, traceState }
}

function parentOf({ headers }: TracedRequest): SpanContext | undefined {
  const remote = remoteContext(headers)
  if (remote === undefined) return undefined
  const { traceId, spanId, isSampled, state } = remote
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  const context = { traceId, spanId, traceFlags, isRemote: true }
  return state === '' ? context : { ...context, traceState: createTraceState(state) }
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
