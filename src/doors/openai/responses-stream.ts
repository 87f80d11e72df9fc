// A stream of ours as the events of the Responses API: created, in progress, the items with their pieces, and how it ended.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { type Batched, batched, batchesOf } from '../../core/batched.ts'
import type { Told } from '../http/errors.ts'
import { type Frame, HEARTBEAT } from '../http/frame.ts'
import type { Answer } from './chat-answer.ts'
import { errorOf } from './errors.ts'
import { bareResponse, endedResponse, howEnded, type ResponseOptions } from './responses-answer.ts'
import type { ResponseEvent } from './responses-items.ts'
import { createOutput, type Output } from './responses-output.ts'

type EventInit = MessageInitShape<typeof StreamEventSchema>

/**
 * The frames of a stream, in the batches of its events. What breaks before the first one is thrown; later it is told by `told`, and
 * nothing says that all is well.
 */
export function responseFrames(
  events: AsyncIterable<EventInit>,
  options: ResponseOptions,
  told: (thrown: unknown) => Told,
): Batched<Frame> {
  return batched(frameBatches(events, createStream(options), told))
}

async function* frameBatches(
  events: AsyncIterable<EventInit>,
  stream: Stream,
  told: (thrown: unknown) => Told,
): AsyncGenerator<readonly Frame[]> {
  let isBegun = false
  try {
    for await (const batch of batchesOf(events)) {
      const frames = batch.flatMap(event => stream.frames(event))
      if (frames.length === 0) continue
      isBegun = true
      yield frames
    }
  } catch (error) {
    if (!isBegun) throw error
    yield stream.broken(told(error))
  }
}

interface Stream {
  frames(event: EventInit): readonly Frame[]
  /** The last frames of a stream that broke. */
  broken(told: Told): readonly Frame[]
}

function createStream(options: ResponseOptions): Stream {
  let begun: { readonly output: Output; readonly response: Record<string, unknown> } | undefined
  let sequence = 0

  const frame = ({ type, ...rest }: ResponseEvent): Frame => ({
    event: type,
    data: { type, sequence_number: sequence++, ...rest },
  })
  const grown = (change: (output: Output) => void): readonly Frame[] => {
    if (begun === undefined) return []
    change(begun.output)
    return begun.output.events().map(frame)
  }
  const completed = (answer: Answer): readonly Frame[] => {
    const how = howEnded(answer)
    const last = grown(output => output.conclude(answer, how, options.wantsSeals))
    const response = endedResponse(answer, begun?.output.items() ?? [], options)
    return [...last, frame({ type: `response.${how}`, response })]
  }
  const started = (id: string, model: string): readonly Frame[] => {
    const response = bareResponse({ id, model }, options)
    begun = { output: createOutput(id), response }
    return [frame({ type: 'response.created', response }), frame({ type: 'response.in_progress', response })]
  }

  return {
    frames({ event }) {
      switch (event?.case) {
        case 'started':
          return started(event.value.responseId ?? '', event.value.model ?? '')
        case 'textDelta': {
          const { text = '' } = event.value
          return grown(output => output.text(text))
        }
        case 'reasoningDelta': {
          const { text = '' } = event.value
          return grown(output => output.thought(text))
        }
        case 'toolCallStart': {
          const { callId = '', name = '' } = event.value
          return grown(output => output.callStart(callId, name))
        }
        case 'toolCallDelta': {
          const { callId = '', arguments: piece = '' } = event.value
          return grown(output => output.callPiece(callId, piece))
        }
        case 'toolCallEnd': {
          const { callId = '' } = event.value
          return grown(output => output.callEnd(callId))
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
    },
    broken(told) {
      const error = errorOf(told)
      begun?.output.end('incomplete')
      const { code, message, param } = error
      const failed = begun && {
        ...begun.response,
        status: 'failed',
        error,
        output: begun.output.items(),
      }
      return [
        ...(failed === undefined ? [] : [frame({ type: 'response.failed', response: failed })]),
        // Packages throw this one, and pass the other on.
        frame({ type: 'error', code, message, param }),
      ]
    },
  }
}
