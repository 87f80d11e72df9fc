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
  return new ObjectFields(source, path)
}

// A class, because one is made for each object of a request: of an object literal it would be a dozen functions each.
class ObjectFields implements Fields {
  readonly path: string
  readonly #source: JsonObject
  readonly #read: string[] = []

  constructor(source: JsonObject, path: string) {
    this.#source = source
    this.path = path
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }

  raw(name: string): JsonValue | undefined {
    // Never what every object inherits, such as `constructor`.
    if (!Object.hasOwn(this.#source, name)) return undefined
    this.#read.push(name)
    return this.#source[name] ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.raw(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#wrong(name, 'a string', value)
  }

  number(name: string): number | undefined {
    const value = this.raw(name)
    if (value === undefined || typeof value === 'number') return value
    throw this.#wrong(name, 'a number', value)
  }

  whole(name: string): number | undefined {
    const value = this.number(name)
    if (value === undefined || (Number.isInteger(value) && Math.abs(value) <= INT32_MAX)) return value
    throw wrongField(this.at(name), `must be a whole number of at most ${INT32_MAX}`)
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name)
    if (value === undefined || typeof value === 'boolean') return value
    throw this.#wrong(name, 'true or false', value)
  }

  object(name: string): Fields | undefined {
    const value = this.raw(name)
    if (value === undefined) return undefined
    if (isObject(value)) return createFields(value, this.at(name))
    throw this.#wrong(name, 'an object', value)
  }

  list(name: string): readonly JsonValue[] | undefined {
    const value = this.raw(name)
    if (value === undefined || Array.isArray(value)) return value
    throw this.#wrong(name, 'an array', value)
  }

  objects(name: string): readonly Fields[] {
    return (this.list(name) ?? []).map((value, index) => elementOf(value, `${this.at(name)}[${index}]`))
  }

  needText(name: string): string {
    return this.#needed(name, this.text(name))
  }

  needObject(name: string): Fields {
    return this.#needed(name, this.object(name))
  }

  needList(name: string): readonly JsonValue[] {
    return this.#needed(name, this.list(name))
  }

  skip(...names: readonly string[]): void {
    this.#read.push(...names)
  }

  rest(): JsonObject {
    const rest: JsonObject = {}
    for (const name of Object.keys(this.#source)) {
      const value = this.#source[name]
      if (value === undefined || value === null || this.#read.includes(name)) continue
      // By assignment this one would not become a field.
      if (name === '__proto__') Object.defineProperty(rest, name, { ...FIELD, value })
      else rest[name] = value
    }
    return rest
  }

  #needed<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw wrongField(this.at(name), 'is required')
    return value
  }

  #wrong(name: string, kind: string, value: JsonValue): Error {
    return wrongField(this.at(name), `must be ${kind}, and is ${kindOf(value)}`)
  }
}

const FIELD = { configurable: true, enumerable: true, writable: true } as const

function kindOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
