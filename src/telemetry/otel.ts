// Traces by OpenTelemetry: a server span for each call, a client span for each attempt, sent in batches by OTLP.
import {
  type Attributes,
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import type { AttemptEnd, AttemptTrace, CallEnded, CallTrace, TracedRequest } from '../core/trace.ts'
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

type OtelTracer = ReturnType<TracerProvider['getTracer']>

/** Makes the tracer. Nothing of it is global, and spans find their parents by what the call carries. */
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
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    sampler: samplerOf(settings),
    spanProcessors: [queue.processor],
  })
  const tracer = provider.getTracer('exai', version)
  const addresses = createAddresses()
  return {
    trace: request => callTrace(tracer, addresses, request),
    async close() {
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, FLUSH_MS)
      // The collector may be gone: that has been told, and must not keep the process.
      await Promise.race([provider.shutdown().catch(() => undefined), late])
      clearTimeout(timer)
      queue.close()
    },
  }
}

function callTrace(tracer: OtelTracer, addresses: Addresses, request: TracedRequest): CallTrace {
  const span = tracer.startSpan(
    request.method,
    { kind: SpanKind.SERVER, attributes: requestAttributes(request) },
    parentOf(request),
  )
  const context = trace.setSpan(ROOT_CONTEXT, span)
  const attempts = new Map<object, Span>()
  const operation = operationOf(request)
  return {
    traceId: span.spanContext().traceId,
    attemptBegan(of, { provider, model, isStream }) {
      const attempt = tracer.startSpan(
        `${operation} ${model}`,
        {
          kind: SpanKind.CLIENT,
          attributes: {
            ...modelAttributes(operation, provider, model),
            ...(isStream ? { 'gen_ai.request.stream': true } : {}),
          },
        },
        context,
      )
      attempts.set(of, attempt)
      return attemptTrace(attempt, addresses)
    },
    attemptEnded(of, end) {
      const attempt = attempts.get(of)
      attempts.delete(of)
      if (attempt === undefined) return
      attempt.setAttributes(attemptAttributes(end))
      if (end.error !== undefined) attempt.setStatus({ code: SpanStatusCode.ERROR })
      attempt.end()
    },
    ended(end) {
      span.setAttributes(endAttributes(operation, end))
      if (isFault(end)) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}

/** What spans say of where providers are. */
interface Addresses {
  of(url: string): Attributes
}

/** Providers have few URLs, and reading one costs a tenth of a span; past this many they are not remembered. */
const ADDRESSES_MAX = 1_000

function createAddresses(): Addresses {
  const known = new Map<string, Attributes>()
  return {
    of(url) {
      const found = known.get(url)
      if (found !== undefined) return found
      const { hostname, port, protocol } = new URL(url)
      const usual = protocol === 'https:' ? 443 : 80
      const address = {
        'server.address': hostname.replace(/^\[|\]$/g, ''),
        'server.port': port === '' ? usual : Number(port),
      }
      if (known.size < ADDRESSES_MAX) known.set(url, address)
      return address
    },
  }
}

function parentOf({ headers }: TracedRequest): Context {
  const remote = remoteContext(headers)
  if (remote === undefined) return ROOT_CONTEXT
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: remote.traceId,
    spanId: remote.spanId,
    traceFlags: remote.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(remote.state === '' ? {} : { traceState: createTraceState(remote.state) }),
  })
}

function attemptTrace(span: Span, addresses: Addresses): AttemptTrace {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext()
  const fields = contextHeaders({
    traceId,
    spanId,
    isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
    state: traceState?.serialize() ?? '',
  })
  return {
    headersTo(url) {
      span.setAttributes(addresses.of(url))
      return fields
    },
  }
}

function requestAttributes({ method, door, protocol, requestId }: TracedRequest): Attributes {
  const slash = method.lastIndexOf('/')
  return {
    'rpc.method': method.slice(slash + 1),
    ...(slash < 0 ? {} : { 'rpc.service': method.slice(0, slash) }),
    'exai.door': door,
    'exai.protocol': protocol,
    'exai.request_id': requestId,
  }
}

/** What a model is asked for by a method, in the words of OpenTelemetry's conventions. */
function operationOf({ method }: TracedRequest): string {
  return method === EMBED ? 'embeddings' : 'chat'
}

const EMBED = `${EmbeddingsService.typeName}/${EmbeddingsService.method.embed.name}`

function modelAttributes(operation: string, provider: string, model: string): Attributes {
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': provider,
    'gen_ai.request.model': model,
  }
}

function attemptAttributes({ error, status, counts, firstTokenMs, cause }: AttemptEnd): Attributes {
  return {
    'exai.attempt.cause': cause,
    ...(error === undefined ? {} : { 'error.type': error }),
    ...(status === undefined || status === 0 ? {} : { 'http.response.status_code': status }),
    ...(firstTokenMs === undefined ? {} : { 'gen_ai.response.time_to_first_chunk': firstTokenMs / 1000 }),
    ...(counts === undefined
      ? {}
      : {
          'gen_ai.usage.input_tokens': counts.inputTokens,
          'gen_ai.usage.output_tokens': counts.outputTokens,
          'gen_ai.usage.cache_read.input_tokens': counts.cachedInputTokens,
          'gen_ai.usage.reasoning.output_tokens': counts.reasoningTokens,
        }),
  }
}

function endAttributes(operation: string, end: CallEnded): Attributes {
  const { code, reason, tenant, provider, model, responseId, inputTokens, outputTokens, attempts } = end
  return {
    'rpc.response.status_code': code,
    'exai.tenant': tenant,
    ...(reason === '' ? {} : { 'error.type': reason }),
    ...(provider === undefined || model === undefined ? {} : modelAttributes(operation, provider, model)),
    ...(model === undefined || code !== 'OK' ? {} : { 'gen_ai.response.model': model }),
    ...(responseId === undefined ? {} : { 'gen_ai.response.id': responseId }),
    ...(inputTokens === undefined ? {} : { 'gen_ai.usage.input_tokens': inputTokens }),
    ...(outputTokens === undefined ? {} : { 'gen_ai.usage.output_tokens': outputTokens }),
    ...(attempts === undefined ? {} : { 'exai.attempts': attempts }),
  }
}

/** OpenTelemetry's RPC conventions count a mistake of the client as no error of the server. */
function isFault({ code }: CallEnded): boolean {
  return FAULTS.has(code)
}

const FAULTS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'ABORTED',
])

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
