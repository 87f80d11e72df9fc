// Checks how a caller's own fields are laid over what would be sent.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { mergeFields, providerLayers } from '../../../src/providers/merge.ts'

describe('merged fields', () => {
  it('follow RFC 7396: objects merge, null removes, everything else replaces', () => {
    const base = { a: 1, b: { c: 1, d: 2 }, e: [1, 2], f: 1 }
    expect(mergeFields(base, { b: { d: null, x: 3 }, e: [9], f: null, g: { h: null } })).toEqual({
      a: 1,
      b: { c: 1, x: 3 },
      e: [9],
      g: {},
    })
    expect(base).toEqual({ a: 1, b: { c: 1, d: 2 }, e: [1, 2], f: 1 })
  })

  it('treat __proto__ as a field like any other', () => {
    const merged = mergeFields({}, JSON.parse('{"__proto__":{"polluted":true}}'))
    expect(Object.hasOwn(merged, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
    expect(JSON.stringify(merged)).toBe('{"__proto__":{"polluted":true}}')
  })
})

describe("a caller's fields for a provider", () => {
  it('are those for everybody, then those by its id', () => {
    const request = create(CompleteRequestSchema, {
      providerOptions: { '*': { a: 1, b: 1 }, openai: { b: 2 }, glm: { c: 3 } },
    })
    expect(providerLayers(request, 'openai')).toEqual([{ a: 1, b: 1 }, { b: 2 }])
    expect(providerLayers(request, 'kimi')).toEqual([{ a: 1, b: 1 }])
    expect(providerLayers(create(CompleteRequestSchema, {}), 'constructor')).toEqual([])
  })
})
