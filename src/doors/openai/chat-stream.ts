// A stream of ours as OpenAI's chunks: the role first, what is written, why it ended, what was used, and [DONE].

import type { MessageInitShape } from '@bufbuild/protobuf'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { type Batched, batched, batchesOf } from '../../core/batched.ts'
import { GatewayError } from '../../core/errors.ts'
import { type Frame, frameData, HEARTBEAT } from '../http/frame.ts'
import { ownAnswer } from '../http/own.ts'
import {
  type Answer,
  annotations,
  answerParts,
  createdOf,
  finishWord,
  sealedFields,
  usageOf,
} from './chat-answer.ts'

type EventInit = MessageInitShape<typeof StreamEventSchema>

/** What the chunks are to have. */
export interface ChunkOptions {
  /** Whether the last chunk says what was used, and all others that they do not. */
  readonly includesUsage: boolean
  /** What of the request was left out before anybody was asked. */
  readonly notes: readonly string[]
}

/** The frames of a stream, in the batches of its events. It throws what the events throw, and then never ends with [DONE]. */
export function chatFrames(events: AsyncIterable<EventInit>, options: ChunkOptions): Batched<Frame> {
  return batched(frameBatches(events, options))
}

async function* frameBatches(
  events: AsyncIterable<EventInit>,
  options: ChunkOptions,
): AsyncGenerator<readonly Frame[]> {
  const add = createChunks(options)
  let isWhole = false
  for await (const batch of batchesOf(events)) {
    const frames: Frame[] = []
    for (const event of batch) {
      isWhole = event.event?.case === 'completed'
      add(event, frames)
    }
    if (frames.length > 0) yield frames
  }
  // Clients take a stream that just ends for a success.
  if (!isWhole) throw new GatewayError('INTERNAL', 'the stream ended without its last event')
}

/** Adds the chunks of an event. */
type Chunks = (event: EventInit, out: Frame[]) => void

/** Makes the chunks of one stream. */
function createChunks({ includesUsage, notes }: ChunkOptions): Chunks {
  let head: Record<string, unknown> = {}
  let hasRole = false
  let around: Around | undefined
  let text = ''
  // Places of the calls by their ids, and whether their arguments have begun.
  const calls = new Map<string, { readonly index: number; isEmpty: boolean }>()

  const chunk = (
    choices: readonly unknown[],
    more: Record<string, unknown> = includesUsage ? { usage: null } : {},
  ): Frame => ({ data: { ...head, choices, ...more } })
  const choice = (delta: Record<string, unknown>, finish: string | null = null) => ({
    index: 0,
    delta,
    logprobs: null,
    finish_reason: finish,
  })
  // Only the first words tell whether there is a text: as in an answer that comes at once, calls alone have none.
  const role = (content: string | null): readonly Frame[] => {
    if (hasRole) return []
    hasRole = true
    return [chunk([choice({ role: 'assistant', content, refusal: null })])]
  }
  const call = (index: number, more: Record<string, unknown>): Frame =>
    chunk([choice({ tool_calls: [{ index, ...more }] })])

  const completed = (answer: Answer): readonly Frame[] => {
    const parts = answerParts(answer)
    const beside = {
      ...(parts.citations.length === 0 ? {} : { annotations: annotations(parts.citations, text) }),
      ...sealedFields(parts),
    }
    const own = { exai: ownAnswer(answer, notes) }
    const unused = includesUsage ? { usage: null } : {}
    return [
      ...role(''),
      ...(Object.keys(beside).length === 0 ? [] : [chunk([choice(beside)])]),
      chunk([choice({}, finishWord(answer.finishReason))], { ...unused, ...own }),
      ...(includesUsage ? [chunk([], { usage: usageOf(answer.usage) })] : []),
      { data: '[DONE]' },
    ]
  }

  const others = ({ event }: EventInit): readonly Frame[] => {
    switch (event?.case) {
      case 'started': {
        const { responseId: id = '', model = '' } = event.value
        head = { id, object: 'chat.completion.chunk', created: createdOf(id), model }
        around = undefined
        return []
      }
      case 'reasoningDelta':
        return [...role(null), chunk([choice({ reasoning_content: event.value.text ?? '' })])]
      case 'toolCallStart': {
        const { callId = '', name = '' } = event.value
        const index = calls.size
        calls.set(callId, { index, isEmpty: true })
        return [
          ...role(null),
          call(index, { id: callId, type: 'function', function: { name, arguments: '' } }),
        ]
      }
      case 'toolCallDelta': {
        const known = calls.get(event.value.callId ?? '')
        if (known === undefined) return []
        known.isEmpty = false
        return [call(known.index, { function: { arguments: event.value.arguments ?? '' } })]
      }
      case 'toolCallEnd': {
        const known = calls.get(event.value.callId ?? '')
        // A call without arguments has the empty object, as in an answer that comes at once.
        return known?.isEmpty === true ? [call(known.index, { function: { arguments: '{}' } })] : []
      }
      case 'heartbeat':
        return [HEARTBEAT]
      case 'completed':
        return completed(event.value.response ?? {})
      // Nearly all events are texts: they never come here.
      case 'textDelta':
      // Told with the end.
      case 'usage':
      case 'warning':
      case 'rerouted':
      case undefined:
        return []
      default:
        event satisfies never
        return []
    }
  }
  return (event, out) => {
    if (event.event?.case !== 'textDelta') {
      for (const frame of others(event)) out.push(frame)
      return
    }
    const { text: piece = '' } = event.event.value
    text += piece
    if (!hasRole) out.push(...role(''))
    around ??= aroundText(chunk([choice({ content: MARK })]))
    out.push({ data: `${around.before}${JSON.stringify(piece)}${around.behind}` })
  }
}

/** The JSON of a chunk of text before and behind the text: in one stream they are the same in each. */
interface Around {
  readonly before: string
  readonly behind: string
}

// What stands in for the text; the first one counts from behind, where nothing is a caller's or a provider's.
const MARK = 'text'
const MARKED = `"content":${JSON.stringify(MARK)}`

function aroundText(frame: Frame): Around {
  const json = frameData(frame)
  const at = json.lastIndexOf(MARKED) + MARKED.length
  return { before: json.slice(0, at - MARK.length - 2), behind: json.slice(at) }
}
