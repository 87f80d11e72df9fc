// Puts a whole answer together from the events of its stream, and from nothing else: what Complete would have answered.
import { clone, create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Part, PartSchema } from '#gen/exai/v1/chat_pb'
import {
  type CompleteResponse,
  CompleteResponseSchema,
  StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../core/errors.ts'

/** What was heard in one go: consecutive pieces of text or of reasoning, or the start of a tool call. */
type Heard =
  | { readonly kind: 'text' | 'reasoning'; text: string }
  | { readonly kind: 'toolCall'; readonly callId: string }

/**
 * Reads a stream to its end and gives the answer that the unary call would have given. Each run of text or reasoning
 * pieces fills the next part of its kind; tool calls are the posts between which the parts are found again. Where
 * several reasoning parts stand side by side, all but the last were sealed from the start and stay empty. Throws what the
 * stream throws, and INTERNAL when its events do not make an answer.
 */
export async function collect(
  events: AsyncIterable<MessageInitShape<typeof StreamEventSchema>>,
): Promise<CompleteResponse> {
  const heard: Heard[] = []
  for await (const init of events) {
    const { event } = create(StreamEventSchema, init)
    if (event.case === 'textDelta') hear(heard, 'text', event.value.text)
    if (event.case === 'reasoningDelta') hear(heard, 'reasoning', event.value.text)
    if (event.case === 'toolCallStart') heard.push({ kind: 'toolCall', callId: event.value.callId })
    if (event.case !== 'completed') continue
    if (event.value.response === undefined)
      throw new GatewayError('INTERNAL', 'the last event of the stream carries no response')
    return refill(event.value.response, heard)
  }
  throw new GatewayError('INTERNAL', 'the stream ended without its last event')
}

function hear(heard: Heard[], kind: 'text' | 'reasoning', text: string): void {
  const last = heard.at(-1)
  if (last?.kind === kind) last.text += text
  else heard.push({ kind, text })
}

function refill(stripped: CompleteResponse, heard: readonly Heard[]): CompleteResponse {
  const response = clone(CompleteResponseSchema, stripped)
  const parts = response.message?.content ?? []
  let at = -1
  for (const one of heard) {
    at = placeOf(parts, one, at + 1)
    const part = parts[at]
    if (part === undefined)
      throw new GatewayError('INTERNAL', `the answer has no place for the ${one.kind} that was sent`)
    if (one.kind === 'text') parts[at] = create(PartSchema, { kind: { case: 'text', value: one.text } })
    if (one.kind === 'reasoning' && part.kind.case === 'reasoning') part.kind.value.text = one.text
  }
  return response
}

/** Where a run belongs, at or after a place; past the end when nowhere. */
function placeOf(parts: readonly Part[], one: Heard, from: number): number {
  const fits = ({ kind }: Part): boolean =>
    kind.case === one.kind &&
    (kind.case !== 'toolCall' || one.kind !== 'toolCall' || kind.value.callId === one.callId)
  let place = parts.findIndex((part, index) => index >= from && fits(part))
  if (place < 0) return parts.length
  if (one.kind !== 'reasoning') return place
  for (const [index, part] of parts.entries()) {
    if (index <= place || part.kind.case === 'citation') continue
    if (part.kind.case !== 'reasoning') break
    place = index
  }
  return place
}
