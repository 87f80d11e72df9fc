// What spans say of calls and attempts, under the names of OpenTelemetry's conventions. Never a prompt, an answer or a secret.
import type { Attributes } from '@opentelemetry/api'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import type { AttemptEnd, CallEnded, TracedRequest } from '../core/trace.ts'

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

// Each is one object that grows: copies of copies cost more than what they hold.

/** The attributes of a call that has ended. */
export function callAttributes(
  operation: string,
  { method, door, protocol, requestId }: TracedRequest,
  { code, reason, tenant, provider, model, responseId, inputTokens, outputTokens, attempts }: CallEnded,
): Attributes {
  const slash = method.lastIndexOf('/')
  const all: Attributes = {
    'rpc.method': method.slice(slash + 1),
    'exai.door': door,
    'exai.protocol': protocol,
    'exai.request_id': requestId,
    'rpc.response.status_code': code,
    'exai.tenant': tenant,
  }
  if (slash >= 0) all['rpc.service'] = method.slice(0, slash)
  if (reason !== '') all['error.type'] = reason
  if (provider !== undefined && model !== undefined) {
    all['gen_ai.operation.name'] = operation
    all['gen_ai.provider.name'] = provider
    all['gen_ai.request.model'] = model
  }
  if (model !== undefined && code === 'OK') all['gen_ai.response.model'] = model
  if (responseId !== undefined) all['gen_ai.response.id'] = responseId
  if (inputTokens !== undefined) all['gen_ai.usage.input_tokens'] = inputTokens
  if (outputTokens !== undefined) all['gen_ai.usage.output_tokens'] = outputTokens
  if (attempts !== undefined) all['exai.attempts'] = attempts
  return all
}

/** The attributes of an attempt that has ended; `address` is absent when no request was sent. */
export function attemptAttributes(
  operation: string,
  { provider, model, isStream }: AskedAttempt,
  address: Address | undefined,
  { error, status, counts, firstTokenMs, cause }: AttemptEnd,
): Attributes {
  const all: Attributes = {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': provider,
    'gen_ai.request.model': model,
    'exai.attempt.cause': cause,
  }
  if (isStream) all['gen_ai.request.stream'] = true
  if (address !== undefined) {
    all['server.address'] = address.host
    all['server.port'] = address.port
  }
  if (error !== undefined) all['error.type'] = error
  if (status !== undefined && status !== 0) all['http.response.status_code'] = status
  if (firstTokenMs !== undefined) all['gen_ai.response.time_to_first_chunk'] = firstTokenMs / 1000
  if (counts !== undefined) {
    all['gen_ai.usage.input_tokens'] = counts.inputTokens
    all['gen_ai.usage.output_tokens'] = counts.outputTokens
    all['gen_ai.usage.cache_read.input_tokens'] = counts.cachedInputTokens
    all['gen_ai.usage.reasoning.output_tokens'] = counts.reasoningTokens
  }
  return all
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
