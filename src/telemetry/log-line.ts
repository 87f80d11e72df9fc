// Writes the lines of calls as bytes in one go: texts, numbers and booleans need no copy without secrets, and no walk over it.
import { grownBuffer } from '../core/grown-buffer.ts'
import type { LogFields } from '../core/log.ts'
import type { Scrubber } from './scrub.ts'

/** Writes lines. */
export interface LineWriter {
  /**
   * A line with its newline, the same that pino would make of what a scrubber leaves of these fields; the bytes are valid until
   * the next line. Undefined: the fields are not that plain.
   */
  line(parts: LineParts): Uint8Array | undefined
  /** To be called when more secrets are known: texts that were clean may not be so any more. */
  forget(): void
}

/** What a line is made of. */
export interface LineParts {
  /** What stands before the time, such as `{"level":"info","time":"`. */
  readonly head: Uint8Array
  /** What stands behind it, such as `","service":"exai"`. */
  readonly bindings: Uint8Array
  readonly fields: LogFields
  /** Stands behind the fields unless they have it. */
  readonly channel: string
  readonly message: string
}

/** More fields than this are cut by the scrubber. */
const FIELDS_MAX = 50
/** Names that are remembered. */
const NAMES_MAX = 1_000
/** Values of one field that are remembered; one that has more, such as an id, has no two alike. */
const VALUES_MAX = 200
const VALUE_LENGTH_MAX = 200
const FIRST_BYTES = 4_096

/** A field whose values may be written. */
interface Field {
  /** Such as `,"door":`. */
  readonly head: Uint8Array
  /** The whole field by its text, without secrets. Undefined: there were too many. */
  known: Map<string, Uint8Array> | undefined
}

const END = Buffer.from('}\n')

/** Makes it. */
export function createLineWriter(scrubber: Pick<Scrubber, 'text' | 'isHarmless'>): LineWriter {
  const fieldsKnown = new Map<string, Field | undefined>()
  const clock = createIsoClock()
  let buffer = Buffer.allocUnsafe(FIRST_BYTES)
  let at = 0

  function room(bytes: number): void {
    if (at + bytes > buffer.length) buffer = grownBuffer(buffer, at, bytes)
  }

  function raw(bytes: Uint8Array): void {
    room(bytes.length)
    buffer.set(bytes, at)
    at += bytes.length
  }

  function ascii(text: string): void {
    room(text.length)
    for (let i = 0; i < text.length; i += 1) buffer[at++] = text.charCodeAt(i)
  }

  /** A text as JSON: nearly all of them are letters, digits and marks that stand for themselves. */
  function quoted(text: string): void {
    room(text.length + 2)
    const from = at
    buffer[at++] = 0x22
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i)
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
        at = from
        raw(Buffer.from(JSON.stringify(text)))
        return
      }
      buffer[at++] = code
    }
    buffer[at++] = 0x22
  }

  function fieldOf(name: string): Field | undefined {
    const found = fieldsKnown.get(name)
    if (found !== undefined || fieldsKnown.has(name)) return found
    const field = scrubber.isHarmless(name)
      ? { head: Buffer.from(`,${JSON.stringify(name)}:`), known: new Map<string, Uint8Array>() }
      : undefined
    if (fieldsKnown.size < NAMES_MAX) fieldsKnown.set(name, field)
    return field
  }

  function writeText(field: Field, text: string): void {
    const { known } = field
    const found = known?.get(text)
    if (found !== undefined) {
      raw(found)
      return
    }
    const from = at
    raw(field.head)
    quoted(scrubber.text(text))
    if (known === undefined || text.length > VALUE_LENGTH_MAX) return
    if (known.size < VALUES_MAX) known.set(text, Uint8Array.from(buffer.subarray(from, at)))
    else field.known = undefined
  }

  /** False: the value is not that plain. */
  function write(field: Field, value: unknown): boolean {
    if (typeof value === 'string') {
      writeText(field, value)
      return true
    }
    const json = jsonOf(value)
    if (json === undefined) return false
    raw(field.head)
    ascii(json)
    return true
  }

  /** False: one of them is not that plain. */
  function writeAll(fields: LogFields, names: readonly string[], channel: string): boolean {
    for (const name of names) {
      const value = name === 'channel' ? channel : fields[name]
      if (value === undefined) continue
      const field = fieldOf(name)
      if (field === undefined || !write(field, value)) return false
    }
    return true
  }

  return {
    line({ head, bindings, fields, channel, message }) {
      if (Object.getPrototypeOf(fields) !== Object.prototype) return undefined
      const names = Object.keys(fields)
      if (names.length > FIELDS_MAX) return undefined
      const [ownChannel, msg] = [fieldOf('channel'), fieldOf('msg')]
      if (ownChannel === undefined || msg === undefined) return undefined
      at = 0
      raw(head)
      ascii(clock(Date.now()))
      raw(bindings)
      if (!writeAll(fields, names, channel)) return undefined
      if (!names.includes('channel')) writeText(ownChannel, channel)
      writeText(msg, message)
      raw(END)
      return buffer.subarray(0, at)
    },
    forget: () => fieldsKnown.clear(),
  }
}

function jsonOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null'
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return `"${value}"`
    default:
      return value === null ? 'null' : undefined
  }
}

/** Tells instants in ISO 8601; of those in one second, only the milliseconds are written anew. */
export function createIsoClock(): (nowMs: number) => string {
  let second = Number.NaN
  let text = ''
  return nowMs => {
    const now = Math.floor(nowMs / 1_000)
    if (now !== second) {
      second = now
      text = new Date(now * 1_000).toISOString().slice(0, -'000Z'.length)
    }
    const millis = Math.floor(nowMs - now * 1_000)
    return `${text}${millis < 10 ? '00' : millis < 100 ? '0' : ''}${millis}Z`
  }
}
