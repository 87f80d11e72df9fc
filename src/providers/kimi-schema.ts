// Puts a JSON Schema into the flavour that Kimi takes (MFJS), as Moonshot's own client does (MoonshotAI/kimi-code, kosong).
import type { JsonValue } from '@bufbuild/protobuf'
import { resolve } from './json-schema.ts'
import type { Fields } from './merge.ts'

type JsonRecord = { readonly [key: string]: JsonValue }

/** Deepest nesting of references; a schema that refers to itself has no end, and anything is allowed there. */
const REFERENCES_MAX = 8
const MAPS = ['properties', 'patternProperties']
const LISTS = ['anyOf', 'prefixItems']
const SINGLES = ['items', 'additionalProperties', 'not']
const NEVER_SENT = ['$defs', 'definitions', '$schema', '$id', '$ref']

/**
 * The same schema with its references put in place, a type beside every property, types inside of `anyOf`, tuples as
 * `prefixItems`, and an object at its root.
 */
export function moonshotSchema(schema: Fields): Fields {
  // The parse boundary: schemas come from a Struct of the contract, which holds JSON only.
  const root = schema as JsonRecord
  const { anyOf, ...flat } = flattened(root, root, 0)
  const branches = Array.isArray(anyOf) ? anyOf.filter(isRecord) : []
  if (branches.length === 0) return { ...flat, type: 'object' }
  // The root has to be one object: it may have the properties of every branch, and must have what all branches ask for.
  const required = listOf(branches[0]?.['required']).filter(name =>
    branches.every(branch => listOf(branch['required']).includes(name)),
  )
  const properties = Object.assign({}, ...[...branches, flat].map(each => recordOf(each['properties'])))
  return { ...flat, type: 'object', properties, required: [...listOf(flat['required']), ...required] }
}

function flattened(schema: JsonValue, root: JsonRecord, references: number): JsonRecord {
  if (!isRecord(schema)) return { type: 'object' }
  const { $ref, ...beside } = schema
  if (typeof $ref === 'string') {
    const target = resolve(root, $ref)
    if (references >= REFERENCES_MAX || target === undefined || !isRecord(target)) return { type: 'object' }
    return flattened({ ...target, ...beside }, root, references + 1)
  }
  const inner = (value: JsonValue): JsonRecord => flattened(value, root, references)
  const changed = Object.entries(renamed(schema, inner)).map(([key, value]): [string, JsonValue] => {
    if (MAPS.includes(key) && isRecord(value)) return [key, mapValues(value, inner)]
    if (LISTS.includes(key) && Array.isArray(value)) return [key, value.map(inner)]
    return SINGLES.includes(key) && isRecord(value) ? [key, inner(value)] : [key, value]
  })
  const kept = Object.fromEntries(changed.filter(([key]) => !NEVER_SENT.includes(key)))
  return kept['type'] === undefined && kept['anyOf'] === undefined ? { ...kept, type: typeFor(kept) } : kept
}

/** Other words for what the flavour has: `oneOf`, `allOf`, tuples in `items`, several types, a type beside `anyOf`. */
function renamed(schema: JsonRecord, inner: (value: JsonValue) => JsonRecord): JsonRecord {
  const { oneOf, allOf, anyOf, items, type, additionalItems: _, ...rest } = schema
  const types = Array.isArray(type) ? type : undefined
  const given = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : undefined
  const branches = given?.map(each => withType(each, type)) ?? types?.map(each => ({ type: each }))
  const base = Array.isArray(allOf) ? united([...allOf.map(inner), rest]) : rest
  return {
    ...base,
    ...(Array.isArray(items) ? { prefixItems: items } : items === undefined ? {} : { items }),
    ...(branches === undefined ? {} : { anyOf: branches }),
    ...(type === undefined || branches !== undefined ? {} : { type }),
  }
}

function withType(branch: JsonValue, type: JsonValue | undefined): JsonValue {
  if (!isRecord(branch) || type === undefined) return branch
  const says = ['type', '$ref', 'anyOf', 'oneOf', 'allOf'].some(key => branch[key] !== undefined)
  return says ? branch : { ...branch, type }
}

/** Several schemas that must all hold, as one. */
function united(schemas: readonly JsonRecord[]): JsonRecord {
  const all: JsonRecord = Object.assign({}, ...schemas)
  const properties = Object.assign({}, ...schemas.map(each => recordOf(each['properties'])))
  const required = [...new Set(schemas.flatMap(each => listOf(each['required'])))]
  return {
    ...all,
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(required.length === 0 ? {} : { required }),
  }
}

/** The type that the other keywords speak of. */
function typeFor(schema: JsonRecord): string {
  const { enum: values, const: only } = schema
  const example = only === undefined && Array.isArray(values) ? values[0] : only
  if (example === null) return 'null'
  if (example !== undefined) return Array.isArray(example) ? 'array' : typeof example
  const has = (...keys: readonly string[]): boolean => keys.some(key => schema[key] !== undefined)
  if (has('items', 'prefixItems', 'minItems', 'maxItems')) return 'array'
  if (has('minLength', 'maxLength', 'pattern', 'format')) return 'string'
  return has('minimum', 'maximum', 'multipleOf') ? 'number' : 'object'
}

function mapValues(map: JsonRecord, change: (value: JsonValue) => JsonValue): JsonRecord {
  return Object.fromEntries(Object.entries(map).map(([name, each]) => [name, change(each)]))
}

function recordOf(value: JsonValue | undefined): JsonRecord {
  return value !== undefined && isRecord(value) ? value : {}
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

function isRecord(value: JsonValue): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
