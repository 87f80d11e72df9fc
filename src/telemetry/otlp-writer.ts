// Writes OTLP's protobuf into one buffer that grows: what stands in every span is written as bytes that were made once.
import { grownBuffer } from '../core/grown-buffer.ts'

/** The name of an attribute, ready to be written. */
export interface AttributeKey {
  /** Field 1 of a KeyValue, and the tag of its field 2. */
  readonly head: Uint8Array
  /** Whole attributes by their text: most come from closed sets. */
  readonly known: Map<string, Uint8Array>
}

/** Takes the attributes of one span. */
export interface AttributeWriter {
  /** A text that many spans have. */
  known(key: AttributeKey, text: string): void
  /** A text of its own. */
  text(key: AttributeKey, text: string): void
  /** An integer, or else a double. */
  number(key: AttributeKey, value: number): void
  flag(key: AttributeKey, value: boolean): void
}

/** Takes fields of messages, each by its tag: its number and wire type, in one byte. */
export interface OtlpWriter extends AttributeWriter {
  byte(value: number): void
  raw(bytes: Uint8Array): void
  field(tag: number, text: string): void
  /** Bytes that are given as hexadecimal digits. */
  hex(tag: number, digits: string): void
  /** An instant in milliseconds since the Unix epoch, as nanoseconds of 64 bits. */
  time(tag: number, ms: number): void
  length(tag: number, bytes: number): void
  /** Begins a message within this one. Returns what `end` needs. */
  begin(tag: number): number
  end(begun: number): void
  /** What was written; the writer is empty then. */
  take(): Uint8Array
}

/** Fields of an AnyValue. */
const TEXT = 0x0a
const FLAG = 0x10
const INT = 0x18
const DOUBLE = 0x21
/** Bytes kept for the length of a message within: those of spans are nearly always between 128 and 16383. */
const LENGTH_BYTES = 2
/** What a tag, its length and a second of each take at most. */
const HEADS_BYTES = 24
/** Texts by which attributes are remembered, each; further ones are written anew. */
const KNOWN_MAX = 1_000
const KNOWN_LENGTH_MAX = 200
const TWO_32 = 2 ** 32

/** Makes the name of an attribute; at most 127 characters of ASCII. */
export function attributeKey(name: string): AttributeKey {
  const head = Buffer.concat([Buffer.of(0x0a, name.length), Buffer.from(name), Buffer.of(0x12)])
  return { head, known: new Map() }
}

/** Makes it, with room for so many bytes; attributes are written as fields with this tag. */
export function createOtlpWriter(firstBytes: number, attributeTag: number): OtlpWriter {
  let buffer = Buffer.allocUnsafe(firstBytes)
  let at = 0

  function room(bytes: number): void {
    if (at + bytes > buffer.length) buffer = grownBuffer(buffer, at, bytes)
  }

  function varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      // Bits would end at 32 of them.
      buffer[at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[at++] = rest
  }

  function bytes(more: Uint8Array): void {
    buffer.set(more, at)
    at += more.length
  }

  function characters(text: string, sizeBytes: number): void {
    if (sizeBytes !== text.length) at += buffer.write(text, at)
    else for (let i = 0; i < sizeBytes; i += 1) buffer[at++] = text.charCodeAt(i)
  }

  function pair({ head }: AttributeKey, anyBytes: number): void {
    const sizeBytes = head.length + varintBytes(anyBytes) + anyBytes
    room(sizeBytes + HEADS_BYTES)
    buffer[at++] = attributeTag
    varint(sizeBytes)
    bytes(head)
    varint(anyBytes)
  }

  function text(key: AttributeKey, value: string): void {
    const sizeBytes = utf8Bytes(value)
    pair(key, 1 + varintBytes(sizeBytes) + sizeBytes)
    buffer[at++] = TEXT
    varint(sizeBytes)
    characters(value, sizeBytes)
  }

  function int(key: AttributeKey, value: bigint): void {
    const digits = varintOf(value)
    pair(key, 1 + digits.length)
    buffer[at++] = INT
    bytes(digits)
  }

  return {
    known(key, value) {
      const made = key.known.get(value)
      if (made !== undefined) {
        room(made.length)
        bytes(made)
        return
      }
      const from = at
      text(key, value)
      if (key.known.size < KNOWN_MAX && value.length <= KNOWN_LENGTH_MAX)
        key.known.set(value, Uint8Array.from(buffer.subarray(from, at)))
    },
    text,
    number(key, value) {
      if (Number.isSafeInteger(value) && value >= 0) {
        pair(key, 1 + varintBytes(value))
        buffer[at++] = INT
        varint(value)
      } else if (Number.isSafeInteger(value)) int(key, BigInt(value))
      else {
        pair(key, 9)
        buffer[at++] = DOUBLE
        at = buffer.writeDoubleLE(value, at)
      }
    },
    flag(key, value) {
      pair(key, 2)
      buffer[at++] = FLAG
      buffer[at++] = value ? 1 : 0
    },
    byte(value) {
      room(1)
      buffer[at++] = value
    },
    raw(more) {
      room(more.length)
      bytes(more)
    },
    field(tag, value) {
      const sizeBytes = utf8Bytes(value)
      room(sizeBytes + HEADS_BYTES)
      buffer[at++] = tag
      varint(sizeBytes)
      characters(value, sizeBytes)
    },
    hex(tag, digits) {
      const half = digits.length / 2
      room(half + HEADS_BYTES)
      buffer[at++] = tag
      buffer[at++] = half
      for (let i = 0; i < digits.length; i += 2)
        buffer[at++] = (digitOf(digits.charCodeAt(i)) << 4) | digitOf(digits.charCodeAt(i + 1))
    },
    time(tag, ms) {
      room(9)
      buffer[at++] = tag
      const seconds = Math.trunc(ms / 1_000)
      const nanos = Math.floor((ms - seconds * 1_000) * 1e6)
      // Nanoseconds have more digits than a double: seconds are taken in halves of 16 bits, each exact.
      const upper = Math.floor(seconds / 0x10000) * 1e9
      const low = (upper % 0x10000) * 0x10000 + (seconds % 0x10000) * 1e9 + nanos
      at = buffer.writeUInt32LE(low % TWO_32, at)
      at = buffer.writeUInt32LE(Math.floor(upper / 0x10000) + Math.floor(low / TWO_32), at)
    },
    length(tag, sizeBytes) {
      room(HEADS_BYTES)
      buffer[at++] = tag
      varint(sizeBytes)
    },
    begin(tag) {
      room(1 + LENGTH_BYTES)
      buffer[at++] = tag
      at += LENGTH_BYTES
      return at
    },
    end(begun) {
      const sizeBytes = at - begun
      const own = varintBytes(sizeBytes)
      room(own)
      const start = begun - LENGTH_BYTES
      if (own !== LENGTH_BYTES) buffer.copyWithin(start + own, begun, at)
      at = start
      varint(sizeBytes)
      at += sizeBytes
    },
    take() {
      const written = buffer.subarray(0, at)
      // The next ones will be about as many.
      buffer = Buffer.allocUnsafe(buffer.length)
      at = 0
      return written
    },
  }
}

/** Integers below zero are written as 64 bits of two's complement. */
function varintOf(value: bigint): Uint8Array {
  const digits: number[] = []
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn)
    if (rest <= 0x7fn) return Uint8Array.from([...digits, low])
    digits.push(low | 0x80)
  }
}

function varintBytes(value: number): number {
  let count = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) count += 1
  return count
}

function utf8Bytes(text: string): number {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return Buffer.byteLength(text)
  return text.length
}

/** Of a digit's code in lower case: those of 0 to 9 end in their value, a to f in one to six. */
function digitOf(code: number): number {
  return (code & 0xf) + (code >>> 6) * 9
}
