// One attempt on the chat completions wire: sends the request, and yields the answer as deltas, streamed or whole.
import type { JsonObject } from '@bufbuild/protobuf'
import type { Clock } from '../../core/clock.ts'
import type { Delta, Deltas } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { AttemptInput } from '../../core/provider.ts'
import { type UpstreamHeaders, type UpstreamResponse, within } from '../http.ts'
import type { Access } from '../keyed.ts'
import type { AnswerOptions } from './answer.ts'
import type { Dialect, Upstream } from './dialect.ts'
import { readComplaint, refusal, retryDelayMs } from './errors.ts'
import { readReply } from './reply.ts'
import { buildRequest } from './request.ts'
import { createChatStreamDecoder } from './stream.ts'

/** What attempts are made with. */
export interface ChatDeps {
  /** Id of the provider. */
  readonly provider: string
  readonly dialect: Dialect
  readonly clock: Clock
  readonly redact: (text: string) => string
}

const PATH = '/chat/completions'
const ERROR_BYTES_MAX = 64 * 1024
/** How long the last words (counts, `[DONE]`) may take after the model has said that it stopped, in milliseconds. */
const LAST_WORDS_MS = 2000

/** Makes the function that asks a model by some way in, as Provider's `open` says. */
export function createChat(deps: ChatDeps): (input: AttemptInput, access: Access) => Deltas {
  const { provider, dialect, redact } = deps
  const options: AnswerOptions = { newCallId: () => newId('call', deps.clock.now()) }
  return async function* ask(input, access) {
    const upstream: Upstream = {
      provider,
      model: input.model.id,
      dialect,
      redact,
      now: () => deps.clock.now(),
    }
    try {
      const body = JSON.stringify(buildRequest(input, dialect, provider))
      const response = await access.http.post({
        path: PATH,
        headers: { ...dialect.headers, ...headersOf(input, access) },
        body,
        signal: input.signal,
      })
      try {
        yield* answer(deps, upstream, response, options)
      } finally {
        response.close()
      }
    } catch (error) {
      const fault = GatewayError.from(error)
      // What ends the attempt from outside is told as it is.
      throw input.signal.aborted && fault === input.signal.reason
        ? fault
        : fault.with({ provider, model: upstream.model })
    }
  }
}

async function* answer(
  deps: ChatDeps,
  upstream: Upstream,
  response: UpstreamResponse,
  options: AnswerOptions,
): AsyncGenerator<readonly Delta[]> {
  const { status, headers } = response
  if (status !== 200) throw await refused(deps, upstream, response)
  const told = metaOf(headers)
  if (told !== undefined) yield [told]
  const type = headers['content-type'] ?? ''
  // What came decides, not what was asked for: some hosts answer a stream with one document, or the other way round.
  if (/\bevent-stream\b/i.test(type)) yield* streamed(upstream, response, options)
  else yield readReply(upstream, await response.text(), options)
}

async function* streamed(
  upstream: Upstream,
  response: UpstreamResponse,
  options: AnswerOptions,
): AsyncGenerator<readonly Delta[]> {
  const decoder = createChatStreamDecoder(upstream, options)
  for (;;) {
    // A host that keeps its connection open after the answer does not hold the answer back.
    const chunk = decoder.finished ? await within(response.read(), LAST_WORDS_MS) : await response.read()
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

async function refused(
  deps: ChatDeps,
  upstream: Upstream,
  response: UpstreamResponse,
): Promise<GatewayError> {
  const { status, headers } = response
  const text = await response.head(ERROR_BYTES_MAX)
  const wait = retryDelayMs(headers, deps.clock.now())
  return refusal(upstream, readComplaint(parsed(text), upstream.dialect), {
    status,
    ...(wait === undefined ? {} : { retryDelayMs: wait }),
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A page or plain text: the status alone says what is wrong.
    return undefined
  }
}

function headersOf(input: AttemptInput, access: Access): Readonly<Record<string, string>> {
  return {
    ...access.headers,
    'content-type': 'application/json',
    accept: input.stream ? 'text/event-stream' : 'application/json',
  }
}

// OpenAI and most others, Kimi, MiniMax, Kimi Code, OpenRouter.
const idHeaders = ['x-request-id', 'msh-request-id', 'trace-id', 'x-trace-id', 'x-generation-id']

// The provider's own id of the request is what its support asks for.
function metaOf(headers: UpstreamHeaders): Delta | undefined {
  const id = idHeaders.map(name => headers[name]).find(value => /^[\w.:-]{1,128}$/.test(value ?? ''))
  if (id === undefined) return undefined
  const metadata: JsonObject = { request_id: id }
  return { type: 'meta', metadata }
}
