// What belongs to a thought survives in one text, and whatever was not made here is nothing.
import { describe, expect, test } from 'vitest'
import { argumentsObject, argumentsText } from '../../../../src/doors/anthropic/arguments.ts'
import { openSeal, sealText } from '../../../../src/doors/anthropic/seal.ts'

describe('a seal', () => {
  test('is a text that needs no quoting, and opens to what was put into it', () => {
    const seal = { provider: 'p', model: 'a/b ö', opaque: new Uint8Array([0, 255, 7]), at: 3 }
    const text = sealText(seal)
    expect(text).toMatch(/^exai1\.[\w-]+$/)
    expect(openSeal(text)).toEqual(seal)
  })

  test('may have nothing sealed, and no place', () => {
    const seal = { provider: 'p', model: 'm', opaque: new Uint8Array() }
    expect(openSeal(sealText(seal))).toEqual(seal)
  })

  const made = (value: unknown): string => `exai1.${Buffer.from(JSON.stringify(value)).toString('base64url')}`

  test.each([
    ['an empty text', ''],
    ['a signature of somebody else', 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds'],
    ['a text that is no JSON', 'exai1.AAAA'],
    ['one that is cut', sealText({ provider: 'p', model: 'm', opaque: new Uint8Array() }).slice(0, -6)],
    ['one without a model', made({ p: 'p' })],
    ['one that is null', made(null)],
  ])('is not %s', (_, text) => {
    expect(openSeal(text)).toBeUndefined()
  })

  test('has no place that there cannot be', () => {
    for (const at of [-1, 0.5, '1', null])
      expect(openSeal(made({ p: 'p', m: 'm', at }))).toEqual({
        provider: 'p',
        model: 'm',
        opaque: new Uint8Array(),
      })
  })
})

describe('arguments', () => {
  test('are an object, and their text comes back', () => {
    expect(argumentsObject('{"a":[1,null]}')).toEqual({ a: [1, null] })
    expect(argumentsObject('')).toEqual({})
    expect(argumentsText({ a: [1, null] })).toBe('{"a":[1,null]}')
  })

  test.each(['{"a":', '[1]', 'null', '"x"'])(
    'that are %s are put into an object and come out again',
    text => {
      const input = argumentsObject(text)
      expect(input).toEqual({ INVALID_JSON: text })
      expect(argumentsText(input)).toBe(text)
    },
  )

  test('that have such a field beside others are left alone', () => {
    expect(argumentsText({ INVALID_JSON: 'x', more: 1 })).toBe('{"INVALID_JSON":"x","more":1}')
  })
})
