// Checks a JSON schema for what Moonshot's flavour of it forbids: references, tuples, and properties without a type.
import { isObject, type JsonObject, objectOf } from './shape.ts'

/** Returns what is wrong with the schema, with its place, or undefined. */
export function schemaFault(schema: unknown, path: string): string | undefined {
  if (objectOf(schema)['type'] !== 'object') return `${path}: the root of the schema must be of type object`
  return faultIn(objectOf(schema), path)
}

function faultIn(schema: JsonObject, path: string): string | undefined {
  if (schema['$ref'] !== undefined) return `${path}: $ref is not supported`
  if (schema['anyOf'] !== undefined && schema['type'] !== undefined)
    return `${path}: when using anyOf, type should be defined in the anyOf items instead of the parent schema`
  if (schema['anyOf'] === undefined && schema['type'] === undefined) return `${path}: type is not defined`
  if (Array.isArray(schema['items'])) return `${path}: items must be a schema, use prefixItems for tuples`
  for (const [at, each] of partsOf(schema, path)) {
    if (!isObject(each)) return `${at}: a schema must be an object`
    const fault = faultIn(each, at)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** The schemas inside a schema; `additionalProperties` may also be a boolean. */
function partsOf(schema: JsonObject, path: string): readonly (readonly [string, unknown])[] {
  const { properties, $defs, items, additionalProperties } = schema
  const named = [
    ...Object.entries(objectOf(properties)),
    ...Object.entries(objectOf($defs)),
    ...(items === undefined ? [] : [['items', items] as const]),
    ...(isObject(additionalProperties) ? [['additionalProperties', additionalProperties] as const] : []),
  ].map(([key, each]) => [`${path}.${key}`, each] as const)
  const listed = ['anyOf', 'prefixItems'].flatMap(key => {
    const branches = schema[key]
    return Array.isArray(branches)
      ? branches.map((each: unknown, index) => [`${path}.${key}[${index}]`, each] as const)
      : []
  })
  return [...named, ...listed]
}
