// Checks that schemas are put into Kimi's flavour without saying anything else than before.
import { describe, expect, it } from 'vitest'
import { moonshotSchema } from '../../../src/providers/kimi-schema.ts'
import { schemaFault } from '../../support/upstream/kimi-schema.ts'

describe('a schema for Kimi', () => {
  it('that fits already stays as it is', () => {
    const schema = {
      type: 'object',
      properties: {
        city: { type: 'string', minLength: 1 },
        days: { type: 'array', items: { type: 'integer' } },
      },
      required: ['city'],
      additionalProperties: false,
    }
    expect(moonshotSchema(schema)).toEqual(schema)
  })

  it('has its references in place', () => {
    const schema = {
      type: 'object',
      properties: { home: { $ref: '#/$defs/place', description: 'Where' } },
      $defs: { place: { type: 'object', properties: { city: { type: 'string' } } } },
    }
    expect(moonshotSchema(schema)).toEqual({
      type: 'object',
      properties: {
        home: { type: 'object', properties: { city: { type: 'string' } }, description: 'Where' },
      },
    })
  })

  it('has its types inside of anyOf, and a union of types as anyOf', () => {
    const schema = {
      type: 'object',
      properties: {
        size: { type: 'string', anyOf: [{ minLength: 3 }, { const: 'S' }] },
        note: { type: ['string', 'null'] },
        either: { oneOf: [{ type: 'integer' }, { type: 'boolean' }] },
      },
    }
    expect(moonshotSchema(schema)['properties']).toEqual({
      size: {
        anyOf: [
          { minLength: 3, type: 'string' },
          { const: 'S', type: 'string' },
        ],
      },
      note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      either: { anyOf: [{ type: 'integer' }, { type: 'boolean' }] },
    })
  })

  it('has tuples as prefixItems, and allOf as one', () => {
    const schema = {
      properties: {
        point: { type: 'array', items: [{ type: 'number' }, { type: 'number' }] },
        both: {
          allOf: [
            { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
            { properties: { b: { type: 'string' } }, required: ['b'] },
          ],
        },
      },
    }
    expect(moonshotSchema(schema)).toEqual({
      type: 'object',
      properties: {
        point: { type: 'array', prefixItems: [{ type: 'number' }, { type: 'number' }] },
        both: {
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'string' } },
          required: ['a', 'b'],
        },
      },
    })
  })

  it('has a type beside every property', () => {
    const properties = {
      any: {},
      color: { enum: ['red', 'green'] },
      fixed: { const: 3 },
      list: { items: {} },
      text: { pattern: '^a' },
      count: { minimum: 1 },
      nothing: { const: null },
    }
    const typed = moonshotSchema({ type: 'object', properties })['properties']
    const types = Object.entries(typed as Record<string, { type: string }>).map(([name, { type }]) => [
      name,
      type,
    ])
    expect(Object.fromEntries(types)).toEqual({
      any: 'object',
      color: 'string',
      fixed: 'number',
      list: 'array',
      text: 'string',
      count: 'number',
      nothing: 'null',
    })
  })

  it.each([
    ['refers to itself', { type: 'object', properties: { next: { $ref: '#' } } }],
    ['refers to nothing', { type: 'object', properties: { next: { $ref: '#/$defs/none' } } }],
    [
      'has a choice at its root',
      { anyOf: [{ type: 'object', properties: { a: {} }, required: ['a'] }, { type: 'object' }] },
    ],
    ['is a list at its root', { type: 'array', items: { type: 'string' } }],
    ['is empty', {}],
    [
      'nests all of it',
      {
        $defs: {
          n: { oneOf: [{ type: 'null' }, { $ref: '#/$defs/m' }] },
          m: { type: 'array', items: [{}, { $ref: '#/$defs/n' }] },
        },
        properties: { a: { $ref: '#/$defs/n' }, b: { additionalProperties: { type: ['integer', 'null'] } } },
      },
    ],
  ])('that %s is one that Kimi takes', (_, schema) => {
    expect(schemaFault(moonshotSchema(schema), 'schema')).toBeUndefined()
  })
})
