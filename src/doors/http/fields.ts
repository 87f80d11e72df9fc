// Reads the fields of a JSON body one by one, and knows which ones nobody has read. A field that is null is not there.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { wrongField } from './refusal.ts'

/** One object of a body. Whoever reads a field of another type than it has throws what the client is to be told. */
export interface Fields {
  /** Its path, empty for the body itself. */
  readonly path: string
  /** The path of one of its fields, such as `messages[0].content`. */
  at(name: string): string
  raw(name: string): JsonValue | undefined
  text(name: string): string | undefined
  number(name: string): number | undefined
  /** A whole number that an int32 holds. */
  whole(name: string): number | undefined
  flag(name: string): boolean | undefined
  object(name: string): Fields | undefined
  list(name: string): readonly JsonValue[] | undefined
  /** A list of objects; empty when it is not there. */
  objects(name: string): readonly Fields[]
  /** The same, but it must be there. */
  needText(name: string): string
  needObject(name: string): Fields
  needList(name: string): readonly JsonValue[]
  /** Says of fields that they are known and need not be read. */
  skip(...names: readonly string[]): void
  /** What is there and was not read. */
  rest(): JsonObject
}

const INT32_MAX = 2 ** 31 - 1

/** Whether a value is an object, and no list. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An element of a list as an object. Throws what the client is to be told when it is none. */
export function elementOf(value: JsonValue, path: string): Fields {
  if (isObject(value)) return createFields(value, path)
  throw wrongField(path, `must be an object, and is ${kindOf(value)}`)
}

/** Makes the reader of an object. */
export function createFields(source: JsonObject, path = ''): Fields {
  const read = new Set<string>()
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
  const raw = (name: string): JsonValue | undefined => {
    read.add(name)
    // Never what every object inherits, such as `constructor`.
    return Object.hasOwn(source, name) ? (source[name] ?? undefined) : undefined
  }
  const typed =
    <T extends JsonValue>(kind: string, is: (value: JsonValue) => value is T) =>
    (name: string): T | undefined => {
      const value = raw(name)
      if (value === undefined || is(value)) return value
      throw wrongField(at(name), `must be ${kind}, and is ${kindOf(value)}`)
    }
  const need =
    <T>(get: (name: string) => T | undefined) =>
    (name: string): T => {
      const value = get(name)
      if (value === undefined) throw wrongField(at(name), 'is required')
      return value
    }
  const text = typed('a string', value => typeof value === 'string')
  const number = typed('a number', value => typeof value === 'number')
  const list = typed('an array', value => Array.isArray(value))
  const inner = typed('an object', isObject)
  const object = (name: string): Fields | undefined => {
    const value = inner(name)
    return value === undefined ? undefined : createFields(value, at(name))
  }
  return {
    path,
    at,
    raw,
    text,
    number,
    whole: name => {
      const value = number(name)
      if (value === undefined || (Number.isInteger(value) && Math.abs(value) <= INT32_MAX)) return value
      throw wrongField(at(name), `must be a whole number of at most ${INT32_MAX}`)
    },
    flag: typed('true or false', value => typeof value === 'boolean'),
    object,
    list,
    objects: name => (list(name) ?? []).map((value, index) => elementOf(value, `${at(name)}[${index}]`)),
    needText: need(text),
    needObject: need(object),
    needList: need(list),
    skip: (...names) => {
      for (const name of names) read.add(name)
    },
    rest: () =>
      Object.fromEntries(Object.entries(source).filter(([name, value]) => !read.has(name) && value !== null)),
  }
}

function kindOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
