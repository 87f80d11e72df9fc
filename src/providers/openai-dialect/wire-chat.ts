// One attempt on any wire: sends the request, and yields the answer as deltas, streamed or whole.
import type { Clock } from '../../core/clock.ts'
import type { Delta, Deltas } from '../../core/delta.ts'
import { newId } from '../../core/ids.ts'
import type { AttemptInput } from '../../core/provider.ts'
import type { Access } from '../access.ts'
import { within } from '../http.ts'
import type { UpstreamResponse } from '../http-answer.ts'
import type { Fields } from '../merge.ts'
import type { AnswerOptions, AnswerReader } from './answer.ts'
import type { Dialect, Upstream } from './dialect.ts'
import { requestIdIn } from './names.ts'
import { faultOf, post, refused } from './post.ts'
import { readReply } from './reply.ts'
import type { StreamDecoder } from './stream-decoder.ts'

/** What attempts are made with. */
export interface ChatDeps {
  /** Id of the provider. */
  readonly provider: string
  readonly dialect: Dialect
  readonly clock: Clock
  readonly redact: (text: string) => string
}

/** What is a wire's own. */
export interface Wire {
  /** Path of its endpoint. */
  readonly path: string
  /** Builds the body of a request. */
  readonly build: (input: AttemptInput, dialect: Dialect, provider: string) => Fields
  /** Makes the reader of a whole answer. */
  readonly reader: (upstream: Upstream, options: AnswerOptions) => AnswerReader
  /** Makes the decoder of a streamed one. */
  readonly decoder: (upstream: Upstream, options: AnswerOptions) => StreamDecoder
  /** What its own error codes mean; those of the dialect win. */
  readonly errorCodes?: Dialect['errorCodes']
}

/** How long the last words (counts, `[DONE]`) may take after the model has said that it stopped, in milliseconds. */
const LAST_WORDS_MS = 2000

/** Makes the function that asks a model by some way in, as Provider's `open` says. */
export function createWireChat(deps: ChatDeps, wire: Wire): (input: AttemptInput, access: Access) => Deltas {
  const { provider, redact, clock } = deps
  const dialect = { ...deps.dialect, errorCodes: { ...wire.errorCodes, ...deps.dialect.errorCodes } }
  const options: AnswerOptions = { newCallId: () => newId('call', clock.now()) }

  return async function* ask(input, access) {
    const upstream: Upstream = { provider, model: input.model.id, dialect, redact, now: () => clock.now() }
    try {
      const build = () => wire.build(input, dialect, provider)
      const response = await post(input, access, { path: wire.path, build, dialect })
      try {
        const { status, headers } = response
        if (status !== 200) throw await refused(clock, upstream, response)
        const told = requestIdIn(upstream, headers)
        if (told !== undefined) yield [told]
        // What came decides, not what was asked for: some hosts answer a stream with one document, or the other way round.
        if (!isEventStream(headers['content-type'])) {
          yield readReply(upstream, await response.text(), wire.reader(upstream, options))
          return
        }
        // Not in a generator of its own: each piece of the answer would make several more turns.
        const decoder = wire.decoder(upstream, options)
        for (;;) {
          // A host that keeps its connection open after the answer does not hold the answer back.
          const chunk = await (decoder.finished() ? lastWords(response) : response.read())
          const deltas = chunk === undefined ? decoder.end() : pushed(response, decoder, chunk)
          if (chunk === undefined || decoder.done()) {
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
      } finally {
        response.close()
      }
    } catch (error) {
      throw faultOf(error, input, upstream)
    }
  }
}

function isEventStream(contentType = ''): boolean {
  return /\bevent-stream\b/i.test(contentType)
}

async function lastWords(response: UpstreamResponse): Promise<Uint8Array | undefined> {
  return response.take() ?? within(response.read(), LAST_WORDS_MS)
}

/** What a piece of the answer says, with all that came together with it: it is passed on in one go. */
function pushed(response: UpstreamResponse, decoder: StreamDecoder, chunk: Uint8Array): readonly Delta[] {
  const first = decoder.push(chunk)
  let more = decoder.done() ? undefined : response.take()
  if (more === undefined) return first
  const all: Delta[] = [...first]
  try {
    for (; more !== undefined; more = decoder.done() ? undefined : response.take())
      all.push(...decoder.push(more))
  } catch (failure) {
    // What came before it is passed on first, and the end says how it went.
    if (all.length === 0) throw failure
  }
  return all
}
