// Checks foreign JSON against a shape as strictly as a provider does: unknown fields are refused at every depth.

/** What is wrong with a value; each wire turns the kind into its own error code. */
export type Violation = {
  readonly kind:
    | 'missing'
    | 'unknown'
    | 'type'
    | 'value'
    | 'too_long'
    | 'too_many'
    | 'too_small'
    | 'too_large'
    | 'empty'
  /** Where, as in `messages[0].content[1].type`. */
  readonly path: string
  readonly message: string
}

/** Thrown by a shape at the first violation. */
export class ShapeError extends Error {
  readonly violation: Violation

  constructor(kind: Violation['kind'], path: string, message: string) {
    super(message)
    this.name = 'ShapeError'
    this.violation = { kind, path, message }
  }
}

/** Accepts a value or throws ShapeError. */
export type Shape = (value: unknown, path: string) => void

/** A JSON object whose fields are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value is a JSON object, not null and not a list. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the value if it is an object, else an empty one: for reading what a shape has already accepted. */
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** Returns the value if it is a list, else an empty one. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Returns the value if it is a string, else an empty one. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

const wrongType = (path: string, expected: string, value: unknown): ShapeError =>
  new ShapeError(
    'type',
    path,
    `Invalid type for '${path}': expected ${expected}, but got ${typeName(value)} instead.`,
  )

/** Any value at all. */
export const anything: Shape = () => {}

/** A JSON object with any fields. */
export const anyObject: Shape = (value, path) => {
  if (!isObject(value)) throw wrongType(path, 'an object', value)
}

/** true or false. */
export const flag: Shape = (value, path) => {
  if (typeof value !== 'boolean') throw wrongType(path, 'a boolean', value)
}

/** A string, at most `max` characters, matching `pattern`. */
export function text(rule: { readonly max?: number; readonly pattern?: RegExp } = {}): Shape {
  return (value, path) => {
    if (typeof value !== 'string') throw wrongType(path, 'a string', value)
    if (rule.max !== undefined && value.length > rule.max) {
      const got = `maximum length ${rule.max}, but got a string with length ${value.length} instead.`
      throw new ShapeError(
        'too_long',
        path,
        `Invalid '${path}': string too long. Expected a string with ${got}`,
      )
    }
    if (rule.pattern !== undefined && !rule.pattern.test(value)) {
      const message = `Invalid '${path}': string does not match pattern. Expected '${rule.pattern.source}'.`
      throw new ShapeError('value', path, message)
    }
  }
}

/** A number within bounds. */
export function number(rule: {
  readonly min: number
  readonly max?: number
  readonly integer?: boolean
}): Shape {
  return (value, path) => {
    const expected = rule.integer === true ? 'an integer' : 'a decimal'
    if (typeof value !== 'number') throw wrongType(path, expected, value)
    if (rule.integer === true && !Number.isInteger(value)) throw wrongType(path, expected, value)
    if (value < rule.min) {
      const message = `Invalid '${path}': ${value} is below the minimum value. Expected a value >= ${rule.min}.`
      throw new ShapeError('too_small', path, message)
    }
    if (rule.max !== undefined && value > rule.max) {
      const message = `Invalid '${path}': ${value} is above the maximum value. Expected a value <= ${rule.max}.`
      throw new ShapeError('too_large', path, message)
    }
  }
}

/** One of these strings. */
export function oneOf(...values: readonly string[]): Shape {
  return (value, path) => {
    if (typeof value !== 'string') throw wrongType(path, `one of '${values.join("', '")}'`, value)
    if (values.includes(value)) return
    const supported = values.map(each => `'${each}'`).join(', ')
    throw new ShapeError(
      'value',
      path,
      `Invalid value: '${value}'. Supported values for '${path}' are: ${supported}.`,
    )
  }
}

/** A list of at least one (unless said otherwise) and at most `max` items of a shape. */
export function list(item: Shape, rule: { readonly min?: number; readonly max?: number } = {}): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrongType(path, 'an array', value)
    if (value.length < (rule.min ?? 1)) {
      throw new ShapeError(
        'empty',
        path,
        `Invalid '${path}': empty array. Expected at least ${rule.min ?? 1}.`,
      )
    }
    if (rule.max !== undefined && value.length > rule.max) {
      const got = `an array with maximum length ${rule.max}, but got ${value.length}`
      throw new ShapeError('too_many', path, `Invalid '${path}': array too long. Expected ${got}.`)
    }
    for (const [index, each] of value.entries()) item(each, `${path}[${index}]`)
  }
}

/** An object with free keys and values of one shape. */
export function record(
  value: Shape,
  rule: { readonly maxPairs?: number; readonly maxKey?: number } = {},
): Shape {
  return (given, path) => {
    if (!isObject(given)) throw wrongType(path, 'an object', given)
    const entries = Object.entries(given)
    if (rule.maxPairs !== undefined && entries.length > rule.maxPairs) {
      const got = `at most ${rule.maxPairs} properties, but got ${entries.length}`
      throw new ShapeError('too_many', path, `Invalid '${path}': too many properties. Expected ${got}.`)
    }
    for (const [key, each] of entries) {
      if (rule.maxKey !== undefined && key.length > rule.maxKey) {
        throw new ShapeError('too_long', path, `Invalid '${path}': a key is longer than ${rule.maxKey}.`)
      }
      value(each, `${path}.${key}`)
    }
  }
}

/** An object with just these fields. */
export function object(
  required: Readonly<Record<string, Shape>>,
  optional: Readonly<Record<string, Shape>> = {},
): Shape {
  return (value, path) => {
    if (!isObject(value)) throw wrongType(path, 'an object', value)
    const at = (key: string): string => (path === '' ? key : `${path}.${key}`)
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(required, key) || Object.hasOwn(optional, key)) continue
      throw new ShapeError('unknown', at(key), `Unknown parameter: '${at(key)}'.`)
    }
    for (const [key, shape] of Object.entries(required)) {
      if (value[key] === undefined) {
        throw new ShapeError('missing', at(key), `Missing required parameter: '${at(key)}'.`)
      }
      shape(value[key], at(key))
    }
    for (const [key, shape] of Object.entries(optional)) {
      if (value[key] !== undefined) shape(value[key], at(key))
    }
  }
}

/** An object whose string field `key` decides which shape it has. */
export function variant(key: string, shapes: Readonly<Record<string, Shape>>): Shape {
  const names = oneOf(...Object.keys(shapes))
  return (value, path) => {
    if (!isObject(value)) throw wrongType(path, 'an object', value)
    if (value[key] === undefined) {
      throw new ShapeError('missing', `${path}.${key}`, `Missing required parameter: '${path}.${key}'.`)
    }
    names(value[key], `${path}.${key}`)
    shapes[textOf(value[key])]?.(value, path)
  }
}

/** The shape for the kind of value that came; a kind without a shape is a wrong type. */
export function byKind(shapes: {
  readonly string?: Shape
  readonly list?: Shape
  readonly object?: Shape
  readonly null?: Shape
}): Shape {
  const expected = `one of ${Object.keys(shapes).join(', ')}`
  return (value, path) => {
    const kind = Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value
    const shape =
      kind === 'string' || kind === 'list' || kind === 'object' || kind === 'null' ? shapes[kind] : undefined
    if (shape === undefined) throw wrongType(path, expected, value)
    shape(value, path)
  }
}
