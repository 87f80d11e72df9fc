// Checks values against schemas: every keyword that can refuse one, at its border.
import type { JsonValue } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { valueProblem } from '../../../src/providers/json-schema.ts'

const tree: JsonValue = {
  $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' }, n: { type: 'integer' } } } },
  $ref: '#/$defs/node',
}

describe('a value', () => {
  it.each<readonly [JsonValue, JsonValue]>([
    [{}, { any: ['thing'] }],
    [true, 1],
    [{ type: 'integer' }, 3],
    [{ type: ['string', 'null'] }, null],
    [{ enum: [1, 'a', { b: [2] }] }, { b: [2] }],
    [{ const: null }, null],
    [{ minimum: 1, maximum: 1 }, 1],
    [{ exclusiveMinimum: 0, multipleOf: 0.1 }, 0.3],
    [{ minLength: 1, maxLength: 1 }, '🗼'],
    [{ pattern: '^\\p{Lu}' }, 'Über'],
    [{ pattern: '(' }, 'a pattern of another dialect'],
    [
      { required: ['a'], properties: { a: { type: 'string' } } },
      { a: 'x', b: 1 },
    ],
    [{ additionalProperties: false, patternProperties: { '^x-': {} } }, { 'x-a': 1 }],
    [{ prefixItems: [{ type: 'string' }], items: { type: 'number' } }, ['a', 1, 2]],
    [{ items: [{ type: 'string' }] }, ['a', 1]],
    [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, 1],
    [{ oneOf: [{ minimum: 5 }, { type: 'string' }] }, 7],
    [{ allOf: [{ minimum: 1 }, { maximum: 3 }] }, 2],
    [{ not: { type: 'string' } }, 2],
    [tree, { n: 1, next: { next: { n: 2 } } }],
    [{ minLength: 3, minItems: 3, minimum: 3, required: ['a'] }, true],
    [{ format: 'date' }, 'no date'],
    [{ $defs: { 'a/ü~%': { type: 'null' } }, $ref: '#/$defs/a~1%C3%BC~0%' }, null],
  ])('that follows %j: %j', (schema, value) => {
    expect(valueProblem(schema, value)).toBeUndefined()
  })

  it.each<readonly [JsonValue, JsonValue, string]>([
    [false, 1, 'the value must not be there'],
    [{ type: 'integer' }, 3.5, 'the value must be of type integer'],
    [{ type: 'object' }, [], 'the value must be of type object'],
    [{ type: ['string', 'null'] }, 1, 'the value must be of type string or null'],
    [{ enum: ['a', 1] }, '1', 'the value must be one of ["a",1]'],
    [{ const: { a: 1 } }, { a: 1, b: 2 }, 'the value must be {"a":1}'],
    [{ minimum: 1 }, 0.9, 'the value must be at least 1'],
    [{ maximum: 1 }, 1.1, 'the value must be at most 1'],
    [{ exclusiveMinimum: 1 }, 1, 'the value must be above 1'],
    [{ exclusiveMaximum: 1 }, 1, 'the value must be below 1'],
    [{ multipleOf: 3 }, 7, 'the value must be a multiple of 3'],
    [{ minLength: 2 }, '🗼', 'the value must have at least 2 characters'],
    [{ maxLength: 0 }, 'a', 'the value must have at most 0 characters'],
    [{ pattern: '^a$' }, 'b', 'the value must match ^a$'],
    [{ required: ['a'] }, { b: 1 }, 'the value must have "a"'],
    [{ minProperties: 1 }, {}, 'the value must have at least 1 properties'],
    [{ maxProperties: 0 }, { a: 1 }, 'the value must have at most 0 properties'],
    [{ additionalProperties: false }, { a: 1 }, '/a must not be there'],
    [{ patternProperties: { '^x': { type: 'string' } } }, { x1: 1 }, '/x1 must be of type string'],
    [{ properties: { a: { items: { type: 'string' } } } }, { a: ['x', 1] }, '/a/1 must be of type string'],
    [{ prefixItems: [{ type: 'string' }], items: false }, ['a', 'b'], '/1 must not be there'],
    [{ minItems: 1 }, [], 'the value must have at least 1 items'],
    [{ maxItems: 1 }, [1, 2], 'the value must have at most 1 items'],
    [{ uniqueItems: true }, [{ a: 1 }, { a: 1 }], 'the value must not have an item twice'],
    [{ anyOf: [{ type: 'string' }] }, 1, 'the value must follow one of the schemas in anyOf'],
    [
      { oneOf: [{ type: 'number' }, { minimum: 1 }] },
      1,
      'the value must follow exactly one of the schemas in oneOf',
    ],
    [{ allOf: [{ minimum: 1 }, { maximum: 3 }] }, 4, 'the value must be at most 3'],
    [{ not: {} }, 1, 'the value must not be what `not` says'],
    [tree, { next: { n: 'x' } }, '/next/n must be of type integer'],
    [{ $ref: '#/$defs/none' }, 1, 'the value has an unknown $ref #/$defs/none'],
    [
      { properties: { constructor: { type: 'string' } }, required: ['toString'] },
      {},
      'the value must have "toString"',
    ],
  ])('that breaks %j: %j', (schema, value, problem) => {
    expect(valueProblem(schema, value)).toBe(problem)
  })

  it('is never checked without end', () => {
    const endless: JsonValue = { $ref: '#' }
    expect(valueProblem(endless, 1)).toBe('the value is nested too deep')
  })
})
