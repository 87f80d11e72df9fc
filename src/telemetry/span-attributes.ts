// What spans say of calls and attempts, under the names of OpenTelemetry's conventions. Never a prompt, an answer or a secret.
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import type { AttemptEnd, CallEnded, TracedRequest } from '../core/trace.ts'
import { type AttributeWriter, attributeKey } from './otlp-writer.ts'

/** What an attempt asks for. */
export interface AskedAttempt {
  readonly provider: string
  readonly model: string
  readonly isStream: boolean
}

const EMBED = `${EmbeddingsService.typeName}/${EmbeddingsService.method.embed.name}`

/** What a model is asked for by a method, in the words of OpenTelemetry's conventions. */
export function operationOf(method: string): string {
  return method === EMBED ? 'embeddings' : 'chat'
}

/** Writes attributes. */
export interface SpanAttributes {
  /** Those of a call that has ended. */
  call(to: AttributeWriter, operation: string, request: TracedRequest, end: CallEnded): void
  /** Those of an attempt that has ended; `address` is absent when no request was sent. */
  attempt(
    to: AttributeWriter,
    operation: string,
    asked: AskedAttempt,
    address: Address | undefined,
    end: AttemptEnd,
  ): void
}

/** Makes it. */
export function createSpanAttributes(): SpanAttributes {
  const keys = attributeKeys()
  const methods = new Map<string, MethodParts>()
  return {
    call(to, operation, { method, door, protocol, requestId }, end) {
      const { code, reason, tenant, provider, model, responseId, inputTokens, outputTokens, attempts } = end
      const { service, name } = partsOf(method, methods)
      to.known(keys.method, name)
      to.known(keys.door, door)
      to.known(keys.protocol, protocol)
      to.text(keys.requestId, requestId)
      to.known(keys.code, code)
      to.known(keys.tenant, tenant)
      if (service !== '') to.known(keys.service, service)
      if (reason !== '') to.known(keys.error, reason)
      if (provider !== undefined && model !== undefined) {
        to.known(keys.operation, operation)
        to.known(keys.provider, provider)
        to.known(keys.requestModel, model)
      }
      if (model !== undefined && code === 'OK') to.known(keys.responseModel, model)
      if (responseId !== undefined) to.text(keys.responseId, responseId)
      if (inputTokens !== undefined) to.number(keys.inputTokens, inputTokens)
      if (outputTokens !== undefined) to.number(keys.outputTokens, outputTokens)
      if (attempts !== undefined) to.number(keys.attempts, attempts)
    },
    attempt(to, operation, { provider, model, isStream }, address, end) {
      const { error, status, counts, firstTokenMs, cause } = end
      to.known(keys.operation, operation)
      to.known(keys.provider, provider)
      to.known(keys.requestModel, model)
      to.known(keys.cause, cause)
      if (isStream) to.flag(keys.stream, true)
      if (address !== undefined) {
        to.known(keys.address, address.host)
        to.number(keys.port, address.port)
      }
      if (error !== undefined) to.known(keys.error, error)
      if (status !== undefined && status !== 0) to.number(keys.status, status)
      if (firstTokenMs !== undefined) to.number(keys.firstChunk, firstTokenMs / 1000)
      if (counts === undefined) return
      to.number(keys.inputTokens, counts.inputTokens)
      to.number(keys.outputTokens, counts.outputTokens)
      to.number(keys.cachedTokens, counts.cachedInputTokens)
      to.number(keys.reasoningTokens, counts.reasoningTokens)
    },
  }
}

function attributeKeys() {
  return {
    service: attributeKey('rpc.service'),
    method: attributeKey('rpc.method'),
    code: attributeKey('rpc.response.status_code'),
    status: attributeKey('http.response.status_code'),
    error: attributeKey('error.type'),
    address: attributeKey('server.address'),
    port: attributeKey('server.port'),
    door: attributeKey('exai.door'),
    protocol: attributeKey('exai.protocol'),
    requestId: attributeKey('exai.request_id'),
    tenant: attributeKey('exai.tenant'),
    attempts: attributeKey('exai.attempts'),
    cause: attributeKey('exai.attempt.cause'),
    operation: attributeKey('gen_ai.operation.name'),
    provider: attributeKey('gen_ai.provider.name'),
    requestModel: attributeKey('gen_ai.request.model'),
    stream: attributeKey('gen_ai.request.stream'),
    responseModel: attributeKey('gen_ai.response.model'),
    responseId: attributeKey('gen_ai.response.id'),
    firstChunk: attributeKey('gen_ai.response.time_to_first_chunk'),
    inputTokens: attributeKey('gen_ai.usage.input_tokens'),
    outputTokens: attributeKey('gen_ai.usage.output_tokens'),
    cachedTokens: attributeKey('gen_ai.usage.cache_read.input_tokens'),
    reasoningTokens: attributeKey('gen_ai.usage.reasoning.output_tokens'),
  } as const
}

interface MethodParts {
  readonly service: string
  readonly name: string
}

/** Methods are a closed set. */
function partsOf(method: string, known: Map<string, MethodParts>): MethodParts {
  const found = known.get(method)
  if (found !== undefined) return found
  const slash = method.lastIndexOf('/')
  const parts = { service: slash < 0 ? '' : method.slice(0, slash), name: method.slice(slash + 1) }
  known.set(method, parts)
  return parts
}

/** Where a provider is. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Knows where URLs lead. */
export interface Addresses {
  of(url: string): Address
}

/** Providers have few URLs, and reading one costs a tenth of a span; past this many they are not remembered. */
const ADDRESSES_MAX = 1_000

/** Makes it. */
export function createAddresses(): Addresses {
  const known = new Map<string, Address>()
  return {
    of(url) {
      const found = known.get(url)
      if (found !== undefined) return found
      const { hostname, port, protocol } = new URL(url)
      const usual = protocol === 'https:' ? 443 : 80
      const address = {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? usual : Number(port),
      }
      if (known.size < ADDRESSES_MAX) known.set(url, address)
      return address
    },
  }
}

/** OpenTelemetry's RPC conventions count a mistake of the client as no error of the server. */
export function isFault({ code }: CallEnded): boolean {
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
