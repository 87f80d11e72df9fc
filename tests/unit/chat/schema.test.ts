// What is no JSON Schema is named by its path; what might be one passes.
import type { JsonValue } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { schemaProblem } from '../../../src/chat/schema.ts'
import { type Chance, createChance } from '../../support/seeded.ts'

const types = 'string number integer boolean object array null'

/** A schema that is so many levels deep below its top. */
function deep(levels: number, inmost: JsonValue = {}): JsonValue {
  return levels === 0 ? inmost : { not: deep(levels - 1, inmost) }
}

describe('a schema that passes', () => {
  it.each<[string, JsonValue]>([
    ['is empty', {}],
    ['is true or false', false],
    ['has a list of types', { type: ['string', 'null'] }],
    ['has keywords that nobody knows', { 'x-own': 5, format: 'email', pattern: '[' }],
    ['has a property named like a keyword', { properties: { type: { type: 'string' }, required: true } }],
    ['has a tuple of an older draft', { items: [{ type: 'strin' }] }],
    ['closes an object', { type: 'object', additionalProperties: false, required: [] }],
    ['is 32 levels deep', deep(32)],
  ])('%s', (_, schema) => {
    expect(schemaProblem(schema)).toBeUndefined()
  })
})

describe('a schema that is none', () => {
  it.each<[JsonValue, string]>([
    [null, 'must be a schema: an object or a boolean'],
    [[], 'must be a schema: an object or a boolean'],
    ['string', 'must be a schema: an object or a boolean'],
    [{ type: 'strin' }, `has the type "strin", which is none of ${types}`],
    [{ type: ['string', 'String'] }, `has the type "String", which is none of ${types}`],
    [{ type: null }, `has the type null, which is none of ${types}`],
    [{ type: {} }, `has the type {}, which is none of ${types}`],
    [{ required: true }, 'needs a list of names as required'],
    [{ required: ['a', 1] }, 'needs a list of names as required'],
    [{ enum: 'a' }, 'needs a list as enum'],
    [{ properties: [] }, 'at /properties must be an object'],
    [{ properties: null }, 'at /properties must be an object'],
    [{ $defs: { a: 1 } }, 'at /$defs/a must be a schema: an object or a boolean'],
    [{ definitions: { a: { enum: {} } } }, 'at /definitions/a needs a list as enum'],
    [
      { patternProperties: { '^a': 'x' } },
      'at /patternProperties/^a must be a schema: an object or a boolean',
    ],
    [{ items: { type: 5 } }, `at /items has the type 5, which is none of ${types}`],
    [{ additionalProperties: 'no' }, 'at /additionalProperties must be a schema: an object or a boolean'],
    [{ not: [] }, 'at /not must be a schema: an object or a boolean'],
    [JSON.parse('{"if":{},"then":1}'), 'at /then must be a schema: an object or a boolean'],
    [{ else: { required: 'x' } }, 'at /else needs a list of names as required'],
    [{ anyOf: {} }, 'at /anyOf must be a list of schemas'],
    [{ oneOf: 'x' }, 'at /oneOf must be a list of schemas'],
    [{ allOf: [{}, 0] }, 'at /allOf/1 must be a schema: an object or a boolean'],
    [{ prefixItems: [[]] }, 'at /prefixItems/0 must be a schema: an object or a boolean'],
    [
      { properties: { a: { items: { anyOf: [{}, { properties: { b: { type: 'x' } } }] } } } },
      `at /properties/a/items/anyOf/1/properties/b has the type "x", which is none of ${types}`,
    ],
    [{ properties: { 'a/b~c': 1 } }, 'at /properties/a~1b~0c must be a schema: an object or a boolean'],
  ])('%j is named by its path', (schema, problem) => {
    expect(schemaProblem(schema)).toBe(problem)
  })

  it('is one of 33 levels', () => {
    expect(schemaProblem(deep(33))).toBe(`at ${'/not'.repeat(33)} is nested deeper than 32 levels`)
  })

  it('makes a short message, whatever its properties are called', () => {
    const long = 'n'.repeat(100_000)
    expect(schemaProblem({ properties: { [long]: 1 } })?.length).toBeLessThan(200)
    expect(schemaProblem({ type: long })?.length).toBeLessThan(200)
  })
})

/** Wraps a schema into a random keyword, and says by which path it is reached from there. */
function wrap(chance: Chance, inner: JsonValue): { schema: JsonValue; path: string } {
  const name = chance.oneOf(['a', 'b c', 'type', 'ü', '0'])
  const map = chance.oneOf(['properties', '$defs', 'definitions', 'patternProperties'])
  const single = chance.oneOf(['items', 'additionalProperties', 'not', 'if', 'then', 'else'])
  const list = chance.oneOf(['anyOf', 'oneOf', 'allOf', 'prefixItems'])
  switch (chance.below(3)) {
    case 0:
      return { schema: { [map]: { before: {}, [name]: inner } }, path: `/${map}/${name}` }
    case 1:
      return { schema: { type: 'object', [single]: inner }, path: `/${single}` }
    default:
      return { schema: { [list]: [true, {}, inner] }, path: `/${list}/2` }
  }
}

describe('a slip at the bottom of any nesting', () => {
  it('is found and named by its whole path, and only while it is there', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const nest = (inmost: JsonValue): { schema: JsonValue; path: string } => {
        const chance = createChance(seed)
        let schema = inmost
        let path = ''
        for (let levels = 1 + chance.below(31); levels > 0; levels -= 1) {
          const wrapped = wrap(chance, schema)
          schema = wrapped.schema
          path = wrapped.path + path
        }
        return { schema, path }
      }
      const bad = nest({ enum: 1 })
      expect(schemaProblem(bad.schema)).toBe(`at ${bad.path} needs a list as enum`)
      expect(schemaProblem(nest({ enum: [1] }).schema)).toBeUndefined()
    }
  })
})
