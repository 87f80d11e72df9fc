// When two requests are the same, and when not.
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { digestOf } from '../../../src/chat/request-digest.ts'
import { ask } from '../../support/request.ts'

type Over = Parameters<typeof ask>[1]
const of = (over: Over = {}) => digestOf(ask('hi', over))
const text = (value: string) => ({ kind: { case: 'text', value } }) as const
const image = (...data: number[]) =>
  ({
    kind: {
      case: 'media',
      value: { mimeType: 'image/png', source: { case: 'data', value: Uint8Array.from(data) } },
    },
  }) as const

describe('the digest of a request', () => {
  it('is 64 hexadecimal digits', () => expect(of()).toMatch(/^[0-9a-f]{64}$/))

  it('does not depend on the order of metadata, options and schemas', () => {
    const a = of({
      metadata: { a: '1', b: '2' },
      providerOptions: { x: { p: 1, q: { r: [1, 2], s: null } }, y: {} },
      tools: [{ name: 't', parameters: { type: 'object', properties: { a: {}, b: {} } } }],
    })
    const b = of({
      tools: [{ name: 't', parameters: { properties: { b: {}, a: {} }, type: 'object' } }],
      providerOptions: { y: {}, x: { q: { s: null, r: [1, 2] }, p: 1 } },
      metadata: { b: '2', a: '1' },
    })
    expect(a).toBe(b)
  })

  it('does not depend on the way that the request came', () => {
    const request = ask('grüße 🗼', {
      temperature: 0.5,
      seed: 7n,
      metadata: { b: '2', a: '1' },
      messages: [{ role: Role.USER, content: [text('x'), image(1, 2)] }],
      routing: { allow: ['one'], maxCostNanoUsd: 5n },
    })
    const binary = fromBinary(CompleteRequestSchema, toBinary(CompleteRequestSchema, request))
    const json = fromJsonString(CompleteRequestSchema, toJsonString(CompleteRequestSchema, request))
    expect([digestOf(binary), digestOf(json)]).toEqual([digestOf(request), digestOf(request)])
  })

  it('leaves out how the answer is kept', () => {
    expect(of({ idempotencyKey: 'a', resumeWindow: { seconds: 5n } })).toBe(of({ idempotencyKey: 'b' }))
  })

  const different: readonly (readonly [string, Over])[] = [
    ['a model', { model: 'other' }],
    ['a temperature of 0', { temperature: 0 }],
    ['a seed of 0', { seed: 0n }],
    ['strictness', { strict: true }],
    ['a label', { metadata: { a: '' } }],
    ['a label whose name and text are shifted', { metadata: { ab: 'c' } }],
    ['the same label otherwise', { metadata: { a: 'bc' } }],
    ['an option', { providerOptions: { a: { b: 1 } } }],
    ['an option that is a text', { providerOptions: { a: { b: '1' } } }],
    ['an option that is null', { providerOptions: { a: { b: null } } }],
    ['an option in a list', { providerOptions: { a: { b: [1] } } }],
    ['an option called like an inner field', { providerOptions: { a: { $unknown: 1 } } }],
    ['two stops', { stop: ['a', 'b'] }],
    ['the same stops in one', { stop: ['ab'] }],
    ['stops in another order', { stop: ['b', 'a'] }],
    ['a text in two parts', { messages: [{ role: Role.USER, content: [text('h'), text('i')] }] }],
    ['another role', { messages: [{ role: Role.SYSTEM, content: [text('hi')] }] }],
    ['two messages', { messages: [{ content: [text('h')] }, { content: [text('i')] }] }],
    ['bytes', { messages: [{ content: [image(1, 2)] }] }],
    ['other bytes', { messages: [{ content: [image(1, 3)] }] }],
    ['a fallback', { routing: { fallbackModels: ['x'] } }],
    ['an empty routing', { routing: {} }],
  ]

  it('differs with everything that may change the answer', () => {
    const digests = different.map(([, over]) => of(over))
    expect(new Set([of(), ...digests]).size).toBe(different.length + 1)
  })

  it('differs with fields that this version does not know', () => {
    // Field 1000 of wire type 0.
    const unknown = fromBinary(CompleteRequestSchema, Uint8Array.of(0xc0, 0x3e, 1))
    expect(digestOf(unknown)).not.toBe(digestOf(create(CompleteRequestSchema)))
  })
})
