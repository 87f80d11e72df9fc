// Checks that the smallest value of a schema is one that the schema allows.
import type { JsonObject } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { minimalValue } from '../../../src/providers/sandbox-schema.ts'

const cases: readonly (readonly [name: string, schema: JsonObject, value: unknown])[] = [
  [
    'an object has its required fields only',
    { type: 'object', properties: { a: { type: 'null' }, b: {} }, required: ['a'] },
    { a: null },
  ],
  ['a required field that nobody described is text', { type: 'object', required: ['a'] }, { a: 'sandbox' }],
  ['a constant is itself', { const: 0 }, 0],
  ['a choice is the first one', { enum: ['x', 'y'] }, 'x'],
  ['of several types the first that holds something', { type: ['null', 'integer'] }, 0],
  ['a number is the least', { type: 'number', minimum: 2.5 }, 2.5],
  ['a whole number is above an excluded one', { type: 'integer', exclusiveMinimum: 3 }, 4],
  ['a number is below a negative most', { type: 'number', maximum: -2 }, -2],
  ['a number is a multiple', { type: 'integer', minimum: 7, multipleOf: 5 }, 10],
  [
    'a list has as few items as it may',
    { type: 'array', items: { type: 'boolean' }, minItems: 2 },
    [true, true],
  ],
  ['a list may be empty', { type: 'array', items: {} }, []],
  ['text is as long as it must be', { type: 'string', minLength: 9 }, 'sandbox..'],
  ['text is as short as it must be', { type: 'string', maxLength: 3 }, 'san'],
  ['of alternatives the first', { anyOf: [{ type: 'integer' }, { type: 'string' }] }, 0],
  [
    'parts are laid together',
    {
      allOf: [
        { type: 'object', properties: { a: { const: 1 } }, required: ['a'] },
        { properties: { b: { const: 2 } }, required: ['b'] },
      ],
    },
    { a: 1, b: 2 },
  ],
  [
    'a reference is followed',
    {
      $ref: '#/$defs/a~1b',
      $defs: { 'a/b': { type: 'object', properties: { c: { const: 1 } }, required: ['c'] } },
    },
    { c: 1 },
  ],
  ['a reference to nowhere is text', { $ref: '#/$defs/x' }, 'sandbox'],
]

describe('the smallest value', () => {
  it.each(cases)('%s', (_, schema, value) => {
    expect(minimalValue(schema)).toEqual(value)
  })

  it('of a schema that refers to itself comes to an end', () => {
    const loop = { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] }
    expect(JSON.stringify(minimalValue(loop)).length).toBeLessThan(500)
    expect(minimalValue({ $ref: '#' })).toBe('sandbox')
  })
})
