// A stream of ours as OpenAI's chunks: the role first, what is written, why it ended, what was used, and [DONE].

import type { MessageInitShape } from '@bufbuild/protobuf'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../../core/errors.ts'
import { type Frame, HEARTBEAT } from '../http/frame.ts'
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

/** The frames of a stream. It throws what the events throw, and then never ends with [DONE]. */
export async function* chatFrames(
  events: AsyncIterable<EventInit>,
  options: ChunkOptions,
): AsyncGenerator<Frame> {
  const chunks = createChunks(options)
  let isWhole = false
  for await (const event of events) {
    isWhole = event.event?.case === 'completed'
    yield* chunks(event)
  }
  // Clients take a stream that just ends for a success.
  if (!isWhole) throw new GatewayError('INTERNAL', 'the stream ended without its last event')
}

type Chunks = (event: EventInit) => readonly Frame[]

/** Makes the chunks of one stream. */
function createChunks({ includesUsage, notes }: ChunkOptions): Chunks {
  let head: Record<string, unknown> = {}
  let hasRole = false
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

  return ({ event }) => {
    switch (event?.case) {
      case 'started': {
        const { responseId: id = '', model = '' } = event.value
        head = { id, object: 'chat.completion.chunk', created: createdOf(id), model }
        return []
      }
      case 'textDelta':
        text += event.value.text ?? ''
        return [...role(''), chunk([choice({ content: event.value.text ?? '' })])]
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
}
