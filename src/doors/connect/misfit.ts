// Says what of a JSON request does not fit its message: where it stands, and what is expected there.
import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { nearestNames } from '../../core/near.ts'

type Json = unknown
type Members = Readonly<Record<string, Json>>

const NAMES_MAX = 24
const SHOWN_MAX = 40
/** As deep as connect-es reads: what lies deeper is not looked at. */
const DEPTH_MAX = 100

// Forms of ProtoJSON (https://protobuf.dev/programming-guides/json/).
const DURATION = /^-?\d+(\.\d{1,9})?s$/
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
const NUMBER = /^-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/
const BASE64 = /^[\w+/-]*={0,2}$/

const WELL_KNOWN: Readonly<Record<string, (value: Json) => string | undefined>> = {
  'google.protobuf.Duration': value =>
    isTextLike(value, DURATION) ? undefined : 'a duration in seconds such as "1.5s"',
  'google.protobuf.Timestamp': value =>
    isTextLike(value, TIMESTAMP) ? undefined : 'a time such as "2026-01-31T12:00:00Z"',
  'google.protobuf.Struct': value => (isObject(value) ? undefined : 'an object'),
  'google.protobuf.ListValue': value => (Array.isArray(value) ? undefined : 'a list'),
  'google.protobuf.FieldMask': value => (typeof value === 'string' ? undefined : 'a text'),
}

/**
 * The first misfit of a value that was read as a message's JSON, as a sentence with its place; undefined when there is none that
 * is known here. Of what stands in it only names of fields and of enums are shown.
 */
export function misfitOf(schema: DescMessage, value: Json): string | undefined {
  return inMessage(schema, value, '', 0)
}

function inMessage(schema: DescMessage, value: Json, place: string, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return undefined
  if (schema.typeName.startsWith('google.protobuf.')) {
    const expected = WELL_KNOWN[schema.typeName]?.(value)
    return expected === undefined ? undefined : unexpected(place, expected, value)
  }
  if (!isObject(value)) return unexpected(place, 'an object', value)
  const chosen = new Map<string, string>()
  for (const [name, member] of Object.entries(value)) {
    const field = schema.fields.find(one => one.jsonName === name || one.name === name)
    if (field === undefined) return stranger(schema, name, place)
    if (member === null) continue
    const other = field.oneof && chosen.get(field.oneof.name)
    if (other !== undefined) return `${subject(place)} takes one of "${other}" and "${name}", and not both`
    if (field.oneof) chosen.set(field.oneof.name, name)
    const found = inField(field, member, place === '' ? name : `${place}.${name}`, depth)
    if (found !== undefined) return found
  }
  return undefined
}

function inField(field: DescField, value: Json, place: string, depth: number): string | undefined {
  switch (field.fieldKind) {
    case 'list': {
      if (!Array.isArray(value)) return unexpected(place, 'a list', value)
      return first(value.entries(), ([index, item]) => {
        const at = `${place}[${index}]`
        return item === null ? unexpected(at, 'a value', item) : inValue(field, item, at, depth)
      })
    }
    case 'map': {
      if (!isObject(value)) return unexpected(place, 'an object', value)
      return first(Object.entries(value), ([key, item]) => {
        const at = `${place}[${shown(key)}]`
        return item === null ? unexpected(at, 'a value', item) : inValue(field, item, at, depth)
      })
    }
    default:
      return inValue(field, value, place, depth)
  }
}

function inValue(
  { message, enum: names, scalar }: Pick<DescField, 'message' | 'enum' | 'scalar'>,
  value: Json,
  place: string,
  depth: number,
): string | undefined {
  if (message !== undefined) return inMessage(message, value, place, depth + 1)
  if (names !== undefined) return inEnum(names, value, place)
  const expected = scalar === undefined ? undefined : expectedScalar(scalar, value)
  return expected === undefined ? undefined : unexpected(place, expected, value)
}

function inEnum({ values, typeName }: DescEnum, value: Json, place: string): string | undefined {
  if (typeName === 'google.protobuf.NullValue' || Number.isInteger(value)) return undefined
  if (typeof value === 'string' && values.some(({ name }) => name === value)) return undefined
  const names = values.filter(({ number }) => number !== 0).map(({ name }) => name)
  const given = typeof value === 'string' ? shown(value) : kindOf(value)
  return `${place} must be one of ${listed(names)}, and not ${given}`
}

function expectedScalar(scalar: ScalarType, value: Json): string | undefined {
  switch (scalar) {
    case ScalarType.STRING:
      return typeof value === 'string' ? undefined : 'a text'
    case ScalarType.BOOL:
      return typeof value === 'boolean' ? undefined : 'true or false'
    case ScalarType.BYTES:
      return isTextLike(value, BASE64) ? undefined : 'bytes in base64'
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT: {
      const isWord = value === 'NaN' || value === 'Infinity' || value === '-Infinity'
      return typeof value === 'number' || isWord || isTextLike(value, NUMBER) ? undefined : 'a number'
    }
    default:
      return isWhole(value) ? undefined : 'a whole number'
  }
}

function stranger({ name: message, fields }: DescMessage, name: string, place: string): string {
  const names = fields.map(({ jsonName }) => jsonName)
  const near = nearestNames(name, names)
  const hint =
    near.length > 0 ? `did you mean ${listed(near.map(shown), ' or ')}?` : `it takes ${listed(names)}`
  return `${place === '' ? message : place} has no field ${shown(name)}: ${hint}`
}

function unexpected(place: string, expected: string, value: Json): string {
  return `${subject(place)} must be ${expected}, and not ${kindOf(value)}`
}

function subject(place: string): string {
  return place === '' ? 'the request' : place
}

function kindOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'string':
      return 'such a text'
    case 'number':
      return 'such a number'
    case 'boolean':
      return String(value)
    default:
      return 'an object'
  }
}

function shown(name: string): string {
  return JSON.stringify(name.length > SHOWN_MAX ? `${name.slice(0, SHOWN_MAX)}…` : name)
}

function listed(names: readonly string[], between = ', '): string {
  const rest = names.length - NAMES_MAX
  return `${names.slice(0, NAMES_MAX).join(between)}${rest > 0 ? ` and ${rest} more` : ''}`
}

function isObject(value: Json): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTextLike(value: Json, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value)
}

// As a number or as a text, with an exponent or with zeros after the point.
function isWhole(value: Json): boolean {
  if (typeof value === 'string') return NUMBER.test(value) && Number.isInteger(Number(value))
  return Number.isInteger(value)
}

function first<Item>(items: Iterable<Item>, find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
