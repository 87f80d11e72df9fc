// Checks a JSON value against a JSON Schema (draft 2020-12, the keywords that tools and response formats use).
import type { JsonValue } from '@bufbuild/protobuf'

/** Deepest nesting that is checked; a schema that refers to itself without end stops here. */
const DEPTH_MAX = 64

type Json = JsonValue | undefined
type JsonRecord = { readonly [key: string]: JsonValue }

interface Place {
  readonly root: JsonValue
  readonly path: string
  readonly depth: number
}

type Check = (schema: JsonRecord, value: JsonValue, place: Place) => string | undefined

/**
 * Says where and why a value does not follow a schema, such as `/items/0 must be a string`, or undefined. Keywords that it
 * does not know say nothing; `format` is a note, as in the specification.
 */
export function valueProblem(schema: JsonValue, value: JsonValue): string | undefined {
  return problem(schema, value, { root: schema, path: '', depth: 0 })
}

/** Whether a schema asks for an object at its root. */
export function hasObjectRoot({ type, properties }: { readonly [key: string]: unknown }): boolean {
  return type === 'object' || (type === undefined && properties !== undefined)
}

function problem(schema: JsonValue, value: JsonValue, place: Place): string | undefined {
  if (typeof schema === 'boolean') return schema ? undefined : says(place, 'must not be there')
  if (!isRecord(schema)) return undefined
  if (place.depth > DEPTH_MAX) return says(place, 'is nested too deep')
  for (const check of checks) {
    const found = check(schema, value, { ...place, depth: place.depth + 1 })
    if (found !== undefined) return found
  }
  return undefined
}

const checks: readonly Check[] = [
  reference,
  type,
  choice,
  numbers,
  strings,
  members,
  elements,
  (schema, value, place) => first(listOf(schema['allOf']), each => problem(each, value, place)),
  alternatives,
  (schema, value, place) => {
    const { not } = schema
    return not !== undefined && problem(not, value, place) === undefined
      ? says(place, 'must not be what `not` says')
      : undefined
  },
]

function reference(schema: JsonRecord, value: JsonValue, place: Place): string | undefined {
  const { $ref } = schema
  if (typeof $ref !== 'string') return undefined
  const target = resolve(place.root, $ref)
  return target === undefined ? says(place, `has an unknown $ref ${$ref}`) : problem(target, value, place)
}

/** Follows a reference inside the document, such as `#/$defs/node`; undefined when it leads nowhere. */
export function resolve(root: JsonValue, reference: string): JsonValue | undefined {
  if (!reference.startsWith('#')) return undefined
  let at: Json = root
  for (const step of reference.slice(1).split('/').slice(1)) {
    const name = unescaped(step)
    at = Array.isArray(at) ? at[Number(name)] : isRecord(at) && Object.hasOwn(at, name) ? at[name] : undefined
  }
  return at
}

/** A step of a pointer in a URI fragment (RFC 6901, section 6). */
function unescaped(step: string): string {
  const bytes = step.replaceAll(/(?:%[0-9a-f]{2})+/gi, run =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  )
  return bytes.replaceAll('~1', '/').replaceAll('~0', '~')
}

function type(schema: JsonRecord, value: JsonValue, place: Place): string | undefined {
  const { type: wanted } = schema
  if (wanted === undefined) return undefined
  const names = Array.isArray(wanted) ? wanted : [wanted]
  return names.some(name => isOfType(name, value))
    ? undefined
    : says(place, `must be of type ${names.join(' or ')}`)
}

function isOfType(name: JsonValue, value: JsonValue): boolean {
  switch (name) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isRecord(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === name
  }
}

function choice(schema: JsonRecord, value: JsonValue, place: Place): string | undefined {
  const { enum: values, const: only } = schema
  if (only !== undefined && !isSame(only, value)) return says(place, `must be ${JSON.stringify(only)}`)
  if (!Array.isArray(values) || values.some(each => isSame(each, value))) return undefined
  return says(place, `must be one of ${JSON.stringify(values)}`)
}

function numbers(schema: JsonRecord, value: JsonValue, place: Place): string | undefined {
  if (typeof value !== 'number') return undefined
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  if (typeof minimum === 'number' && value < minimum) return says(place, `must be at least ${minimum}`)
  if (typeof maximum === 'number' && value > maximum) return says(place, `must be at most ${maximum}`)
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum)
    return says(place, `must be above ${exclusiveMinimum}`)
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum)
    return says(place, `must be below ${exclusiveMaximum}`)
  if (typeof multipleOf === 'number' && multipleOf > 0 && !isMultiple(value, multipleOf))
    return says(place, `must be a multiple of ${multipleOf}`)
  return undefined
}

// 0.3 is a multiple of 0.1, though not in binary.
function isMultiple(value: number, step: number): boolean {
  const count = value / step
  return Math.abs(count - Math.round(count)) < 1e-9 * Math.max(1, Math.abs(count))
}

function strings(
  { minLength, maxLength, pattern }: JsonRecord,
  value: JsonValue,
  place: Place,
): string | undefined {
  if (typeof value !== 'string') return undefined
  // The specification counts characters, not halves of them.
  const length = [...value].length
  if (typeof minLength === 'number' && length < minLength)
    return says(place, `must have at least ${minLength} characters`)
  if (typeof maxLength === 'number' && length > maxLength)
    return says(place, `must have at most ${maxLength} characters`)
  if (typeof pattern === 'string' && patternOf(pattern)?.test(value) === false)
    return says(place, `must match ${pattern}`)
  return undefined
}

function patternOf(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 'u')
  } catch {
    // The pattern is the caller's, and may be of another dialect: then nothing can be said.
    return undefined
  }
}

function members(schema: JsonRecord, value: JsonValue, place: Place): string | undefined {
  if (!isRecord(value)) return undefined
  const { properties, patternProperties, additionalProperties, minProperties, maxProperties } = schema
  const missing = listOf(schema['required']).find(
    name => typeof name === 'string' && !Object.hasOwn(value, name),
  )
  if (missing !== undefined) return says(place, `must have ${JSON.stringify(missing)}`)
  const count = Object.keys(value).length
  if (typeof minProperties === 'number' && count < minProperties)
    return says(place, `must have at least ${minProperties} properties`)
  if (typeof maxProperties === 'number' && count > maxProperties)
    return says(place, `must have at most ${maxProperties} properties`)
  const named = isRecord(properties) ? properties : {}
  const patterns = isRecord(patternProperties) ? Object.entries(patternProperties) : []
  return first(Object.entries(value), ([name, member]) => {
    const inside = { ...place, path: `${place.path}/${name}` }
    const own = Object.hasOwn(named, name) ? named[name] : undefined
    const fitting = patterns.flatMap(([source, each]) => (patternOf(source)?.test(name) ? [each] : []))
    const rules = own === undefined ? fitting : [own, ...fitting]
    if (rules.length > 0) return first(rules, rule => problem(rule, member, inside))
    return additionalProperties === undefined ? undefined : problem(additionalProperties, member, inside)
  })
}

function elements(schema: JsonRecord, value: JsonValue, place: Place): string | undefined {
  if (!Array.isArray(value)) return undefined
  const { items, minItems, maxItems, uniqueItems } = schema
  if (typeof minItems === 'number' && value.length < minItems)
    return says(place, `must have at least ${minItems} items`)
  if (typeof maxItems === 'number' && value.length > maxItems)
    return says(place, `must have at most ${maxItems} items`)
  if (
    uniqueItems === true &&
    value.some((each, index) => value.slice(0, index).some(one => isSame(one, each)))
  )
    return says(place, 'must not have an item twice')
  // Older drafts write a tuple as a list of items.
  const tuple = Array.isArray(items) ? items : listOf(schema['prefixItems'])
  const rest = Array.isArray(items) ? schema['additionalItems'] : items
  return first([...value.entries()], ([index, element]) => {
    const rule = tuple[index] ?? (index < tuple.length ? undefined : rest)
    return rule === undefined
      ? undefined
      : problem(rule, element, { ...place, path: `${place.path}/${index}` })
  })
}

function alternatives({ anyOf, oneOf }: JsonRecord, value: JsonValue, place: Place): string | undefined {
  const fits = (rule: JsonValue): boolean => problem(rule, value, place) === undefined
  if (Array.isArray(anyOf) && !anyOf.some(fits)) return says(place, 'must follow one of the schemas in anyOf')
  if (Array.isArray(oneOf) && oneOf.filter(fits).length !== 1)
    return says(place, 'must follow exactly one of the schemas in oneOf')
  return undefined
}

function isSame(one: JsonValue, other: JsonValue): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((each, index) => isSame(each, other[index] ?? null))
  if (!isRecord(one) || !isRecord(other)) return one === other
  const names = Object.keys(one)
  const size = Object.keys(other).length
  return (
    names.length === size &&
    names.every(name => Object.hasOwn(other, name) && isSame(one[name] ?? null, other[name] ?? null))
  )
}

function first<Item>(items: readonly Item[], find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

function says({ path }: Place, what: string): string {
  return `${path === '' ? 'the value' : path} ${what}`
}

function listOf(value: Json): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

function isRecord(value: Json): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
