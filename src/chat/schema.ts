// Whether a JSON Schema can be one at all, so that a slip is named here and not by some provider in its own words.
import type { JsonValue } from '@bufbuild/protobuf'

const TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']
/** Deepest nesting of a schema; the providers' own limits are lower. */
const DEPTH_MAX = 32
/** A path names its steps, and an error message must stay short whatever a schema calls its properties. */
const STEP_CHARACTERS_MAX = 64

const LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems']

type Json = JsonValue | undefined
type JsonRecord = { readonly [key: string]: JsonValue }

/**
 * Says where and why a value is not a JSON Schema (draft 2020-12, the keywords that tools use), or undefined.
 * Unknown keywords pass: the specification says so.
 */
export function schemaProblem(schema: JsonValue, path = '', depth = 0): string | undefined {
  const at = path === '' ? '' : `at ${path} `
  if (depth > DEPTH_MAX) return `${at}is nested deeper than ${DEPTH_MAX} levels`
  if (typeof schema === 'boolean') return undefined
  if (!isRecord(schema)) return `${at}must be a schema: an object or a boolean`
  const own =
    typeProblem(schema['type']) ?? requiredProblem(schema['required']) ?? enumProblem(schema['enum'])
  if (own !== undefined) return at + own
  for (const [name, child] of children(schema)) {
    const problem =
      child === undefined
        ? `at ${path}${name} must be ${LISTS.includes(name.slice(1)) ? 'a list of schemas' : 'an object'}`
        : schemaProblem(child, `${path}${name}`, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

function* children(schema: JsonRecord): Generator<readonly [string, JsonValue | undefined]> {
  for (const keyword of ['properties', '$defs', 'definitions', 'patternProperties']) {
    const map = schema[keyword]
    if (map === undefined) continue
    if (!isRecord(map)) yield [`/${keyword}`, undefined]
    else for (const [name, child] of Object.entries(map)) yield [`/${keyword}/${step(name)}`, child]
  }
  for (const keyword of ['items', 'additionalProperties', 'not', 'if', 'then', 'else']) {
    const child = schema[keyword]
    // Older drafts write a tuple as a list of items.
    const isTuple = keyword === 'items' && Array.isArray(child)
    if (child !== undefined && !isTuple) yield [`/${keyword}`, child]
  }
  for (const keyword of LISTS) {
    const list = schema[keyword]
    if (list === undefined) continue
    if (!Array.isArray(list)) yield [`/${keyword}`, undefined]
    else for (const [index, child] of list.entries()) yield [`/${keyword}/${index}`, child]
  }
}

/** A step of a path, escaped as in a JSON Pointer (RFC 6901, section 3). */
function step(name: string): string {
  const short = name.length > STEP_CHARACTERS_MAX ? `${name.slice(0, STEP_CHARACTERS_MAX)}…` : name
  return short.replaceAll('~', '~0').replaceAll('/', '~1')
}

function typeProblem(type: Json): string | undefined {
  if (type === undefined) return undefined
  const types = Array.isArray(type) ? type : [type]
  const wrong = types.find(one => typeof one !== 'string' || !TYPES.includes(one))
  return wrong === undefined
    ? undefined
    : `has the type ${JSON.stringify(wrong)?.slice(0, 64)}, which is none of ${TYPES.join(' ')}`
}

function requiredProblem(required: Json): string | undefined {
  if (required === undefined) return undefined
  const isList = Array.isArray(required) && required.every(name => typeof name === 'string')
  return isList ? undefined : 'needs a list of names as required'
}

function enumProblem(values: Json): string | undefined {
  return values === undefined || Array.isArray(values) ? undefined : 'needs a list as enum'
}

function isRecord(value: JsonValue): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
