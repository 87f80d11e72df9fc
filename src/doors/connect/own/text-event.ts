// Writes the message that most streams are made of, a piece of text with its number, without an object for each of its parts.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { StreamEventSchema, TextDeltaSchema } from '#gen/exai/v1/chat_service_pb'
import { hasUnknown, LENGTH_DELIMITED, tagOf, varintBytes, writeVarint } from './wire.ts'

type Event = MessageInitShape<typeof StreamEventSchema>

/** A stream event with a piece of text, ready to be written in protobuf. */
export interface TextEvent {
  readonly sequence: number
  /** Tag of the field with the piece, which is one byte long. */
  readonly tag: number
  readonly text: string
  readonly textBytes: number
  /** Length of the field with the piece, without its tag and length. */
  readonly innerBytes: number
  /** Length of the whole message, in bytes. */
  readonly sizeBytes: number
}

const INT32_MAX = 0x7fff_ffff

const { sequence: sequenceField, textDelta, reasoningDelta } = StreamEventSchema.field
const SEQUENCE_TAG = tagOf(sequenceField.number, 0)
const TEXT_TAG = tagOf(textDelta.number, LENGTH_DELIMITED)
const REASONING_TAG = tagOf(reasoningDelta.number, LENGTH_DELIMITED)
// Both kinds of pieces are made alike.
const INNER_TAG = tagOf(TextDeltaSchema.field.text.number, LENGTH_DELIMITED)

/** The event with its piece, if it has one and nothing is odd about it: everything else is for the codec of all messages. */
export function textEventOf(event: Event): TextEvent | undefined {
  const piece = pieceOf(event)
  if (piece === undefined) return undefined
  const { sequence, kind, text } = piece
  const textBytes = Buffer.byteLength(text)
  const innerBytes = 1 + varintBytes(textBytes) + textBytes
  return {
    sequence,
    tag: kind === 'textDelta' ? TEXT_TAG : REASONING_TAG,
    text,
    textBytes,
    innerBytes,
    sizeBytes: 1 + varintBytes(sequence) + 1 + varintBytes(innerBytes) + innerBytes,
  }
}

/** Writes an event in protobuf, as the codec of all messages would. */
export function writeTextEvent(bytes: Buffer, start: number, event: TextEvent): void {
  let at = start
  bytes[at++] = SEQUENCE_TAG
  at = writeVarint(bytes, at, event.sequence)
  bytes[at++] = event.tag
  at = writeVarint(bytes, at, event.innerBytes)
  bytes[at++] = INNER_TAG
  at = writeVarint(bytes, at, event.textBytes)
  bytes.write(event.text, at, event.textBytes)
}

/** The event in JSON, as the codec of all messages would write it; undefined for what is for that. */
export function textEventJson(event: Event): string | undefined {
  const piece = pieceOf(event)
  if (piece === undefined) return undefined
  return `{"sequence":${piece.sequence},"${piece.kind}":{"text":${JSON.stringify(piece.text)}}}`
}

interface Piece {
  readonly sequence: number
  readonly kind: 'textDelta' | 'reasoningDelta'
  readonly text: string
}

function pieceOf(message: Event): Piece | undefined {
  const { sequence, event } = message
  if (event?.case !== 'textDelta' && event?.case !== 'reasoningDelta') return undefined
  const { text } = event.value
  // What is zero or empty is left out on the wire.
  if (typeof text !== 'string' || text === '' || !isPositive(sequence)) return undefined
  if (hasUnknown(message) || hasUnknown(event.value)) return undefined
  return { sequence, kind: event.case, text }
}

function isPositive(sequence: number | undefined): sequence is number {
  return sequence !== undefined && Number.isInteger(sequence) && sequence > 0 && sequence <= INT32_MAX
}
