// One request on any wire of this family: how it is sent, and what its refusal means.
import type { Clock } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { Access } from '../access.ts'
import type { UpstreamResponse } from '../http-answer.ts'
import type { Fields } from '../merge.ts'
import type { Dialect, Upstream } from './dialect.ts'
import { readComplaint, refusal, retryDelayMs } from './errors.ts'

const ERROR_BYTES_MAX = 64 * 1024

/** A request that is to be sent. */
export interface Posting {
  readonly path: string
  /** Makes the body; it is not kept while the answer is read, because what has files in it is large. */
  readonly build: () => Fields
  readonly dialect: Dialect
}

/** Sends one request of an attempt by a way in, and waits for the head of its answer. Throws as `UpstreamHttp` says. */
export function post(input: AttemptInput, access: Access, posting: Posting): Promise<UpstreamResponse> {
  const { path, build, dialect } = posting
  const body = JSON.stringify(build())
  const headers = headersOf(input, access, dialect)
  input.sent?.()
  return access.http.post({ path, headers, body, signal: input.signal })
}

/** What an answer says whose status is not 200. */
export async function refused(
  clock: Clock,
  upstream: Upstream,
  response: UpstreamResponse,
): Promise<GatewayError> {
  const { status, headers } = response
  const text = await response.head(ERROR_BYTES_MAX)
  const wait = retryDelayMs(headers, clock.now())
  return refusal(upstream, readComplaint(parsed(text), upstream.dialect), {
    status,
    isEmpty: text.trim() === '',
    ...(wait === undefined ? {} : { retryDelayMs: wait }),
  })
}

/** What went wrong with an attempt: what ends it from outside is told as it is, and all else with who was asked. */
export function faultOf(caught: unknown, { signal }: AttemptInput, upstream: Upstream): GatewayError {
  const fault = GatewayError.from(caught)
  if (signal.aborted && fault === signal.reason) return fault
  return fault.with({ provider: upstream.provider, model: upstream.model })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A page or plain text: the status alone says what is wrong.
    return undefined
  }
}

function headersOf(
  input: AttemptInput,
  access: Access,
  { headers }: Dialect,
): Readonly<Record<string, string>> {
  return {
    ...headers,
    ...(access.baseUrl === undefined ? {} : input.trace?.headersTo(access.baseUrl)),
    ...access.headers,
    'content-type': 'application/json',
    accept: input.stream ? 'text/event-stream' : 'application/json',
  }
}
