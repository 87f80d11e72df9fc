// Makes a small value that a JSON schema accepts: what the double answers when a schema or a tool is given.
import { isObject, listOf, objectOf, textOf } from './shape.ts'

const DEPTH_MAX = 6

/** Returns a deterministic instance of a schema; references are followed inside `root` only. */
export function instanceOf(schema: unknown, root: unknown = schema, depth = 0): unknown {
  const {
    $ref,
    const: fixed,
    enum: choices,
    default: preset,
    examples,
    anyOf,
    oneOf,
    allOf,
    type,
  } = objectOf(schema)
  if (typeof $ref === 'string')
    return depth > DEPTH_MAX ? null : instanceOf(resolve($ref, root), root, depth + 1)
  if (fixed !== undefined) return fixed
  if (Array.isArray(choices)) return choices[0]
  if (preset !== undefined) return preset
  if (Array.isArray(examples) && examples.length > 0) return examples[0]
  const [first] = [...listOf(anyOf), ...listOf(oneOf)]
  if (first !== undefined) return instanceOf(first, root, depth + 1)
  if (Array.isArray(allOf)) {
    const parts = allOf.map(part => instanceOf(part, root, depth + 1))
    return parts.every(isObject) ? Object.assign({}, ...parts) : parts[0]
  }
  const [kind] = Array.isArray(type) ? type : [type]
  return ofType(textOf(kind), schema, root, depth)
}

function ofType(kind: string, schema: unknown, root: unknown, depth: number): unknown {
  const rule = objectOf(schema)
  switch (kind) {
    case 'string':
      return stringOf(rule['format'], rule['minLength'])
    case 'integer':
    case 'number':
      return typeof rule['minimum'] === 'number' ? rule['minimum'] : 1
    case 'boolean':
      return true
    case 'null':
      return null
    case 'array': {
      const count = typeof rule['minItems'] === 'number' ? rule['minItems'] : depth > DEPTH_MAX ? 0 : 1
      return Array.from({ length: count }, () => instanceOf(rule['items'], root, depth + 1))
    }
    default: {
      const properties = objectOf(rule['properties'])
      // Beyond the depth only what must be there: a schema that refers to itself has no end otherwise.
      const names = depth > DEPTH_MAX ? listOf(rule['required']).map(textOf) : Object.keys(properties)
      return Object.fromEntries(names.map(name => [name, instanceOf(properties[name], root, depth + 1)]))
    }
  }
}

function stringOf(format: unknown, minLength: unknown): string {
  const formats: Readonly<Record<string, string>> = {
    date: '2026-01-31',
    'date-time': '2026-01-31T12:00:00Z',
    email: 'someone@example.com',
    uri: 'https://example.com/',
    uuid: '01890a5d-ac96-774b-bcce-b302099a8057',
  }
  return (formats[textOf(format)] ?? 'text').padEnd(typeof minLength === 'number' ? minLength : 0, 'x')
}

/** Follows a reference such as `#/$defs/node`. */
function resolve(reference: string, root: unknown): unknown {
  let at: unknown = root
  for (const name of reference.split('/').slice(1)) at = objectOf(at)[name]
  return at
}
