// Makes the smallest value that a JSON Schema allows, for the sandbox's tool calls and structured answers.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

// Schemas may refer to themselves: below this depth a value is null.
const DEPTH_MAX = 16
const LENGTH_MAX = 256
const WORD = 'sandbox'

/** A value for the schema: required fields only, first choices, lowest numbers. What it cannot read becomes null. */
export function minimalValue(schema: JsonObject): JsonValue {
  return build(schema, schema, 0)
}

function build(node: JsonValue | undefined, root: JsonObject, depth: number): JsonValue {
  if (!isObject(node) || depth > DEPTH_MAX) return null
  const whole = resolve(node, root, depth)
  const { const: only, enum: choices } = whole
  if (only !== undefined) return only
  if (Array.isArray(choices) && choices[0] !== undefined) return choices[0]
  const [branch] = [whole['anyOf'], whole['oneOf']].flatMap(list => (Array.isArray(list) ? list : []))
  if (branch !== undefined) return build(branch, root, depth + 1)
  switch (typeOf(whole)) {
    case 'object':
      return objectOf(whole, root, depth)
    case 'array':
      return Array.from({ length: length(whole['minItems']) }, () => build(whole['items'], root, depth + 1))
    case 'string':
      return textOf(whole)
    case 'integer':
    case 'number':
      return numberOf(whole)
    case 'boolean':
      return true
    default:
      return null
  }
}

// `$ref` into the same schema, and `allOf` laid together.
function resolve(node: JsonObject, root: JsonObject, depth: number): JsonObject {
  const { $ref: ref, allOf, ...own } = node
  const parts = [
    typeof ref === 'string' ? lookUp(ref, root) : undefined,
    ...(Array.isArray(allOf) ? allOf : []),
  ].filter(isObject)
  if (parts.length === 0 || depth > DEPTH_MAX) return own
  return parts.map(part => resolve(part, root, depth + 1)).reduce((all, part) => merge(all, part), own)
}

function merge(one: JsonObject, other: JsonObject): JsonObject {
  const { properties, required } = other
  return {
    ...other,
    ...one,
    ...(isObject(properties) && { properties: { ...properties, ...objectAt(one['properties']) } }),
    ...(Array.isArray(required) && { required: [...listAt(one['required']), ...required] }),
  }
}

function lookUp(ref: string, root: JsonObject): JsonValue | undefined {
  if (!ref.startsWith('#')) return undefined
  let node: JsonValue | undefined = root
  for (const step of ref.slice(1).split('/').filter(Boolean)) {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    node = isObject(node) && Object.hasOwn(node, name) ? node[name] : undefined
  }
  return node
}

function typeOf(schema: JsonObject): string {
  const { type } = schema
  const types = Array.isArray(type) ? type : [type]
  const named = types.find(one => typeof one === 'string' && one !== 'null') ?? types[0]
  if (typeof named === 'string') return named
  if (schema['properties'] !== undefined || schema['required'] !== undefined) return 'object'
  return schema['items'] === undefined ? 'string' : 'array'
}

function objectOf(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = objectAt(schema['properties'])
  const names = listAt(schema['required']).filter(name => typeof name === 'string')
  return Object.fromEntries(
    names.map(name => [
      name,
      build(Object.hasOwn(properties, name) ? properties[name] : { type: 'string' }, root, depth + 1),
    ]),
  )
}

function textOf(schema: JsonObject): string {
  const most = typeof schema['maxLength'] === 'number' ? length(schema['maxLength']) : LENGTH_MAX
  return WORD.padEnd(length(schema['minLength']), '.').slice(0, most)
}

function numberOf(schema: JsonObject): number {
  const { minimum, exclusiveMinimum, maximum, multipleOf } = schema
  const step = typeof multipleOf === 'number' && multipleOf > 0 ? multipleOf : 1
  const above = typeof exclusiveMinimum === 'number' ? exclusiveMinimum + step : undefined
  const low = typeof minimum === 'number' ? minimum : above
  const value = low ?? (typeof maximum === 'number' ? Math.min(maximum, 0) : 0)
  return typeOf(schema) === 'integer' || multipleOf !== undefined ? Math.ceil(value / step) * step : value
}

function length(value: JsonValue | undefined): number {
  return typeof value === 'number' ? Math.min(Math.max(Math.trunc(value), 0), LENGTH_MAX) : 0
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectAt(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {}
}

function listAt(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}
