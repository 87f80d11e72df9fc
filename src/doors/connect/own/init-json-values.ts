// The JSON text of single values of protobuf: numbers, texts, durations, and what is JSON itself.
import { type DescMessage, ScalarType } from '@bufbuild/protobuf'

/** The text of a value; undefined for one that is not written here. */
export type JsonWriter = (value: unknown) => string | undefined

/** Makes writers. */
export const createJsonWriters = {
  /** The writer of a scalar; of a kind that is rare it writes nothing. */
  scalar(type: ScalarType): JsonWriter {
    switch (type) {
      case ScalarType.STRING:
        return value => (typeof value === 'string' ? quoted(value) : undefined)
      case ScalarType.BOOL:
        return value => (typeof value === 'boolean' ? String(value) : undefined)
      case ScalarType.INT32:
      case ScalarType.UINT32:
        return value => (Number.isInteger(value) ? String(value) : undefined)
      case ScalarType.INT64:
      case ScalarType.UINT64:
        return value => (typeof value === 'bigint' ? `"${value}"` : undefined)
      case ScalarType.BYTES:
        return value => (value instanceof Uint8Array ? `"${base64(value)}"` : undefined)
      default:
        return () => undefined
    }
  },

  /** The writer of a message that has a form of its own in JSON; undefined for any other one. */
  special({ typeName }: DescMessage): JsonWriter | undefined {
    if (!typeName.startsWith('google.protobuf.')) return undefined
    if (typeName === 'google.protobuf.Duration') return duration
    return typeName === 'google.protobuf.Struct' ? struct : () => undefined
  },
}

// What stands in JSON in another form than it is.
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u

// Most texts are short names and ids, for which looking is quicker than writing them anew.
const LOOKED_AT_MAX = 64

function quoted(text: string): string {
  return text.length > LOOKED_AT_MAX || ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

const NANOS_MAX = 999_999_999
const SECONDS_MAX = 315_576_000_000n
const NOUGHTS = 1_000_000_000

/** Not below nothing: what took time took no less. https://protobuf.dev/reference/protobuf/google.protobuf/#duration */
function duration(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { seconds = 0n, nanos = 0 } = value as { seconds?: unknown; nanos?: unknown }
  if (typeof seconds !== 'bigint' || seconds < 0n || seconds > SECONDS_MAX) return undefined
  if (typeof nanos !== 'number' || !Number.isInteger(nanos) || nanos < 0 || nanos > NANOS_MAX)
    return undefined
  if (nanos === 0) return `"${seconds}s"`
  // Three, six or nine places.
  const places = nanos % 1_000_000 === 0 ? 3 : nanos % 1_000 === 0 ? 6 : 9
  return `"${seconds}.${String(NOUGHTS + nanos).slice(1, 1 + places)}s"`
}

// A field of this kind is a plain object of JSON.
function struct(value: unknown): string | undefined {
  return isObject(value) && isJson(value, 0) ? JSON.stringify(value) : undefined
}

const DEPTH_MAX = 50

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (depth > DEPTH_MAX) return false
  if (Array.isArray(value)) return value.every(item => isJson(item, depth + 1))
  return (
    isObject(value) &&
    Object.keys(value).every(
      name => name !== '__proto__' && name !== 'toJSON' && isJson(value[name], depth + 1),
    )
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || '$typeName' in value) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
