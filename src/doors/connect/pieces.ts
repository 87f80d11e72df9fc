// Counts what a request is made of before it is decoded: four million bytes can hold two million empty messages.
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { COUNTED_FROM_BYTES, DEPTH_MAX, jsonSize, PIECES_MAX } from '../http/json-size.ts'

/** Whether a message has more pieces than it may. What cannot be read is left to the decoder, which refuses it. */
export function hasTooManyPieces(bytes: Uint8Array, form: DescMessage | 'json'): boolean {
  if (bytes.byteLength < COUNTED_FROM_BYTES) return false
  return (form === 'json' ? jsonSize(bytes).pieces : protobufPieces(bytes, form)) > PIECES_MAX
}

/**
 * Whether a message of so many bytes, which begins with `head`, is one field of text or bytes and nothing else: then it need not be
 * whole to be counted. False also where `head` is too short to tell.
 */
export function isOneValue(head: Uint8Array, sizeBytes: number, form: DescMessage | 'json'): boolean {
  if (form === 'json') return false
  const reader: Reader = { bytes: head, at: 0, pieces: 0 }
  const tag = varint(reader)
  if ((tag & 7) !== LENGTH || shapeOf(form).has(tag >>> 3)) return false
  const length = varint(reader)
  return reader.at <= head.byteLength && reader.at + length === sizeBytes
}

// Wire types (https://protobuf.dev/programming-guides/encoding/#structure).
const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

interface Reader {
  readonly bytes: Uint8Array
  at: number
  pieces: number
}

/** What bytes of a field are, by its number: a message, or numbers without tags. Whatever is not there is text or bytes. */
type Shape = ReadonlyMap<number, 'packed' | (() => Shape)>

/** Fields of a message and of all messages in it; stops above the limit. */
function protobufPieces(bytes: Uint8Array, desc: DescMessage): number {
  const reader: Reader = { bytes, at: 0, pieces: 0 }
  walk(reader, bytes.byteLength, shapeOf(desc), 0)
  return reader.pieces
}

function walk(reader: Reader, end: number, shape: Shape, depth: number): void {
  while (reader.at < end && reader.pieces <= PIECES_MAX) {
    const tag = varint(reader)
    reader.pieces += 1
    const type = tag & 7
    if (type === VARINT) varint(reader)
    else if (type === FIXED64) reader.at += 8
    else if (type === FIXED32) reader.at += 4
    else if (type === LENGTH) {
      const length = varint(reader)
      const fieldEnd = Math.min(end, reader.at + length)
      const inside = shape.get(tag >>> 3)
      // No more numbers than bytes.
      if (inside === 'packed') reader.pieces += fieldEnd - reader.at
      else if (inside !== undefined && depth < DEPTH_MAX) walk(reader, fieldEnd, inside(), depth + 1)
      reader.at = fieldEnd
    }
    // A group, which we have none of, or nothing that there is: the decoder knows what to say.
    else return
  }
}

/** A varint as far as 32 bits of it matter; a length beyond that is beyond the end anyway. */
function varint(reader: Reader): number {
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = reader.bytes[reader.at] ?? 0
    reader.at += 1
    if (shift <= 28) value |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return value >>> 0
}

const shapes = new WeakMap<DescMessage, Shape>()

function shapeOf(desc: DescMessage): Shape {
  const known = shapes.get(desc)
  if (known !== undefined) return known
  const made: Shape = new Map(
    desc.fields.flatMap(field => insideOf(field).map(inside => [field.number, inside])),
  )
  shapes.set(desc, made)
  return made
}

function insideOf(field: DescField): readonly ('packed' | (() => Shape))[] {
  switch (field.fieldKind) {
    case 'message':
      return [() => shapeOf(field.message)]
    case 'list':
      if (field.listKind === 'message') return [() => shapeOf(field.message)]
      return field.listKind === 'enum' || field.scalar !== ScalarType.STRING ? ['packed'] : []
    case 'map': {
      // Key and value are fields 1 and 2 of a message without a name.
      const value = field.mapKind === 'message' ? field.message : undefined
      return [() => (value === undefined ? NOTHING : new Map([[2, () => shapeOf(value)]]))]
    }
    default:
      return []
  }
}

const NOTHING: Shape = new Map()
