// What the tests of the Responses stream are written with: events of ours, and the items that they become.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import type { Frame } from '../../../../src/doors/http/frame.ts'
import { responseFrames } from '../../../../src/doors/openai/responses-stream.ts'

type EventInit = MessageInitShape<typeof StreamEventSchema>
type Event = NonNullable<EventInit['event']>
type Response = Omit<NonNullable<Extract<Event, { case: 'completed' }>['value']['response']>, '$typeName'>

/** The example of RFC 9562, A.6: 2022-02-22T19:22:22Z. */
export const UUID = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
/** The id of the answer. */
export const ID = `resp_${UUID}`

/** Begins the answer of that id. */
export const started: Event = { case: 'started', value: { responseId: ID, provider: 'p', model: 'm' } }
/** A piece of text. */
export const text = (value: string): Event => ({ case: 'textDelta', value: { text: value } })
/** A piece of a thought. */
export const thought = (value: string): Event => ({ case: 'reasoningDelta', value: { text: value } })
/** Begins a call. */
export const start = (callId: string, name: string): Event => ({
  case: 'toolCallStart',
  value: { callId, name },
})
/** A piece of a call's arguments. */
export const args = (callId: string, piece: string): Event => ({
  case: 'toolCallDelta',
  value: { callId, arguments: piece },
})
/** Ends a call. */
export const end = (callId: string): Event => ({ case: 'toolCallEnd', value: { callId } })
/** Ends the answer. */
export const completed = (finishReason: FinishReason = FinishReason.STOP, more: Response = {}): Event => ({
  case: 'completed',
  value: { response: { id: ID, provider: 'p', model: 'm', finishReason, ...more } },
})

/** The frames of a stream of these events, of which an error breaks it. */
export async function framesOf(
  events: readonly (Event | GatewayError)[],
  options: { readonly wantsSeals?: boolean; readonly echo?: Record<string, string> } = {},
) {
  async function* source(): AsyncGenerator<EventInit> {
    for (const event of events) {
      if (event instanceof GatewayError) throw event
      yield { event }
    }
  }
  const frames: Frame[] = []
  const told = (thrown: unknown) => ({ error: GatewayError.from(thrown), status: 502, requestId: 'call_1' })
  const asked = { echo: {}, notes: [], wantsSeals: false, ...options }
  for await (const frame of responseFrames(source(), asked, told)) frames.push(frame)
  return frames
}

/** The data of the frames between those with the response. */
export async function middleOf(...given: Parameters<typeof framesOf>) {
  const frames = await framesOf(...given)
  return frames.slice(2, -1).map(frame => ('data' in frame ? frame.data : frame))
}

const message = (index: number) => `msg_${UUID}_${index}`
/** Where the pieces of a text belong. */
export const inText = (output_index: number) => ({
  item_id: message(output_index),
  output_index,
  content_index: 0,
})
/** A text. */
export const part = (value: string, annotations: readonly unknown[] = []) => ({
  type: 'output_text',
  text: value,
  annotations,
  logprobs: [],
})
/** The item of a text. */
export const messageItem = (index: number, status: string, content: readonly unknown[]) => ({
  id: message(index),
  type: 'message',
  status,
  role: 'assistant',
  content,
})
/** The item of a call. */
export const callItem = (index: number, callId: string, name: string, status: string, given: string) => ({
  id: `fc_${UUID}_${index}`,
  type: 'function_call',
  status,
  call_id: callId,
  name,
  arguments: given,
})
