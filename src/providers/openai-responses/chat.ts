// One attempt on the Responses wire: sends the request, and yields the answer as deltas, streamed or whole.
import type { Delta, Deltas } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { UpstreamHeaders, UpstreamResponse } from '../http.ts'
import type { Access } from '../keyed.ts'
import type { Fields } from '../merge.ts'
import type { AnswerOptions } from '../openai-dialect/answer.ts'
import type { ChatDeps } from '../openai-dialect/chat.ts'
import type { Upstream } from '../openai-dialect/dialect.ts'
import { readComplaint, refusal, retryDelayMs } from '../openai-dialect/errors.ts'
import { errorCodes } from './error-codes.ts'
import { readReply } from './reply.ts'
import { buildRequest } from './request.ts'
import { createResponsesStreamDecoder } from './stream.ts'

const PATH = '/responses'
const ERROR_BYTES_MAX = 64 * 1024

/** Makes the function that asks a model by some way in, as Provider's `open` says. */
export function createResponsesChat(deps: ChatDeps): (input: AttemptInput, access: Access) => Deltas {
  const options: AnswerOptions = { newCallId: () => newId('call', deps.clock.now()) }
  return async function* ask(input, access) {
    const upstream = upstreamOf(deps, input)
    try {
      const response = await send(deps, upstream, input, access, {
        path: PATH,
        fields: buildRequest(input, upstream.dialect, deps.provider),
      })
      try {
        yield* answer(upstream, response, options)
      } finally {
        response.close()
      }
    } catch (error) {
      throw faultOf(upstream, input, error)
    }
  }
}

/** Whom an attempt asks, with what this endpoint's own error codes mean. */
export function upstreamOf({ provider, dialect, redact }: ChatDeps, { model }: AttemptInput): Upstream {
  const rules = { ...dialect, errorCodes: { ...errorCodes, ...dialect.errorCodes } }
  return { provider, model: model.id, dialect: rules, redact }
}

/** Sends fields to a path, and gives the answer if its status is 200; any other one is thrown as what it means. */
export async function send(
  { clock }: ChatDeps,
  upstream: Upstream,
  { signal, stream }: Pick<AttemptInput, 'signal' | 'stream'>,
  access: Access,
  { path, fields }: { readonly path: string; readonly fields: Fields },
): Promise<UpstreamResponse> {
  const headers = {
    ...access.headers,
    'content-type': 'application/json',
    accept: stream ? 'text/event-stream' : 'application/json',
  }
  const response = await access.http.post({ path, headers, body: JSON.stringify(fields), signal })
  if (response.status === 200) return response
  try {
    const complaint = readComplaint(parsed(await response.head(ERROR_BYTES_MAX)))
    const wait = retryDelayMs(response.headers, clock.now())
    throw refusal(upstream, complaint, {
      status: response.status,
      ...(wait === undefined ? {} : { retryDelayMs: wait }),
    })
  } finally {
    response.close()
  }
}

/** What a caught value is to the caller; what ends the attempt from outside is told as it is. */
export function faultOf(
  { provider, model }: Upstream,
  { signal }: Pick<AttemptInput, 'signal'>,
  error: unknown,
): GatewayError {
  const fault = GatewayError.from(error)
  return signal.aborted && fault === signal.reason ? fault : fault.with({ provider, model })
}

async function* answer(
  upstream: Upstream,
  response: UpstreamResponse,
  options: AnswerOptions,
): AsyncGenerator<readonly Delta[]> {
  const { headers } = response
  const told = metaOf(headers)
  if (told !== undefined) yield [told]
  // What came decides, not what was asked for.
  if (/\bevent-stream\b/i.test(headers['content-type'] ?? '')) yield* streamed(upstream, response, options)
  else yield readReply(upstream, await response.text(), options)
}

async function* streamed(
  upstream: Upstream,
  response: UpstreamResponse,
  options: AnswerOptions,
): AsyncGenerator<readonly Delta[]> {
  const decoder = createResponsesStreamDecoder(upstream, options)
  for (;;) {
    const chunk = await response.read()
    const deltas = chunk === undefined ? decoder.end() : decoder.push(chunk)
    if (chunk === undefined || decoder.done) {
      if (deltas.length > 0) {
        if (chunk !== undefined) response.release()
        yield deltas
      }
      // Throws the failure that the last bytes held.
      decoder.end()
      return
    }
    if (deltas.length > 0) yield deltas
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A page or plain text: the status alone says what is wrong.
    return undefined
  }
}

// The provider's own id of the request is what its support asks for.
function metaOf(headers: UpstreamHeaders): Delta | undefined {
  const id = headers['x-request-id'] ?? ''
  return /^[\w.:-]{1,128}$/.test(id) ? { type: 'meta', metadata: { request_id: id } } : undefined
}
