// Lets a model search the web on hosts that run the search when its own tool call comes back to them unchanged.
import { FinishReason, type Message, Role } from '#gen/exai/v1/chat_pb'
import type { Delta, Deltas, TokenCounts } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { AttemptInput } from '../core/provider.ts'
import { type Ask, addCounts } from './ask.ts'
import { callPart, messageOf, reasoningPart, resultPart, textPart } from './parts.ts'

/** Most requests for one answer; the last one may not search any more. */
export const ROUNDS_MAX = 5

/**
 * Answers the model's calls of `name` by sending their arguments back (platform.moonshot.ai, web search). The caller sees one
 * answer, whose counts are those of all requests. When the model calls functions of the caller in the same turn, those are
 * handed out and the search is left: a turn goes on only with the results of all its calls.
 */
export function withSearch(ask: Ask, name: string): Ask {
  return async function* askWithSearch(input): Deltas {
    if (input.request.webSearch === undefined) {
      yield* ask(input)
      return
    }
    let asked = input
    let counted: TokenCounts | undefined
    for (let round = 1; ; round += 1) {
      const turn = createTurn(name, counted)
      for await (const batch of ask(asked)) {
        const out = batch.flatMap(delta => turn.take(delta))
        if (out.length > 0) yield out
      }
      if (!turn.searches()) return
      counted = turn.counts()
      if (turn.called()) {
        yield [{ type: 'finish', reason: FinishReason.TOOL_CALLS }]
        return
      }
      if (round === ROUNDS_MAX) throw endless(input)
      const messages = [...asked.messages, ...turn.echo(input)]
      // What the fields became has been said of the first request.
      asked = { ...asked, messages, request: roundRequest(input, round), warn: () => {} }
    }
  }
}

interface Search {
  readonly callId: string
  args: string
}

/** Reads one answer of the model: its searches stay here, and all else is for the caller. */
function createTurn(name: string, before: TokenCounts | undefined) {
  const searches: Search[] = []
  let text = ''
  let thought = ''
  let called = false
  let counts: TokenCounts | undefined
  let finish: Delta | undefined

  return {
    take(delta: Delta): readonly Delta[] {
      switch (delta.type) {
        case 'tool_call_start':
          if (delta.name !== name) {
            called = true
            return [delta]
          }
          searches.push({ callId: delta.callId, args: '' })
          return []
        case 'tool_call_arguments':
        case 'tool_call_end': {
          const search = searches.find(({ callId }) => callId === delta.callId)
          if (search === undefined) return [delta]
          if (delta.type === 'tool_call_arguments') search.args += delta.text
          return []
        }
        case 'usage': {
          // The provider bills them with the finish that hands them out.
          counts = searches.length === 0 ? delta.counts : { ...delta.counts, searches: searches.length }
          const all = addCounts(before, counts)
          return all === undefined ? [] : [{ type: 'usage', counts: all }]
        }
        case 'finish':
          finish = delta
          return searches.length === 0 ? [delta] : []
        case 'text':
          text += delta.text
          return [delta]
        case 'reasoning':
          thought += delta.text
          return [delta]
        case 'reasoning_opaque':
        case 'citation':
        case 'meta':
          return [delta]
        default:
          return delta satisfies never
      }
    },
    /** Whether the model waits for searches. Ended without a finish, the answer is broken, and somebody else says so. */
    searches: () => searches.length > 0 && finish !== undefined,
    called: () => called,
    counts: () => addCounts(before, counts),
    echo({ model }: AttemptInput): readonly Message[] {
      return [
        messageOf(Role.ASSISTANT, [
          ...(thought === '' ? [] : [reasoningPart(thought, model.provider, model.id)]),
          ...(text === '' ? [] : [textPart(text)]),
          ...searches.map(({ callId, args }) => callPart(callId, name, args)),
        ]),
        messageOf(
          Role.TOOL,
          searches.map(({ callId, args }) => resultPart(callId, args)),
        ),
      ]
    },
  }
}

/** The request of the next round; the last one cannot search. */
function roundRequest({ request }: AttemptInput, round: number): AttemptInput['request'] {
  if (round < ROUNDS_MAX - 1) return request
  const { webSearch: _, ...rest } = request
  return rest
}

function endless({ model }: AttemptInput): GatewayError {
  const { provider, id } = model
  const what = `${provider} searches the web again and again and does not answer`
  return new GatewayError('UPSTREAM_BROKEN', what, { provider, model: id })
}
