// JSON is read as the codec reads it, and refused where that refuses it: a name that stands twice, whatever it is written like.
import { fromJsonString } from '@bufbuild/protobuf'
import { ValueSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { readJson } from '../../../../src/doors/connect/own/json.ts'
import { type Chance, createChance } from '../../../support/seeded.ts'

function isRead(text: string): boolean {
  return readJson(Buffer.from(text)) !== undefined
}

function isCodecRead(text: string): boolean {
  try {
    fromJsonString(ValueSchema, text)
    return true
  } catch {
    return false
  }
}

// None is a backslash: V8 14 takes `"\""` for it where such a name has stood in the same place before.
const names = ['"a"', '"b"', '"\\u0061"', '"é"', '"\\""', '"__proto__"', '""', '":"', '"{"'] as const
const strings = [
  ...names,
  '"a:b,{\\"c\\":1}"',
  `"${'x'.repeat(46)}\\\\"`,
  `"${'x'.repeat(47)}\\""`,
  `"${'\\\\'.repeat(40)}"`,
  `"${':'.repeat(200)}\\\\\\":"`,
] as const

/** A text that is JSON, and in which some names stand twice. */
function textOf(chance: Chance, depth: number): string {
  const kind = chance.below(depth > 4 ? 2 : 5)
  if (kind === 0) return chance.oneOf(['1', 'true', 'null', '-1.5e3'])
  if (kind === 1) return chance.oneOf([...strings])
  const space = chance.oneOf(['', ' ', '\n\t'])
  const items = Array.from({ length: chance.below(4) }, () => textOf(chance, depth + 1))
  if (kind === 2) return `[${space}${items.join(`,${space}`)}]`
  const members = items.map(item => `${chance.oneOf([...names])}${space}:${item}`)
  return `{${space}${members.join(`${space},`)}}`
}

describe('JSON', () => {
  test('is read where the codec reads it', () => {
    const chance = createChance(11)
    const counts = [0, 0]
    for (let round = 0; round < 6_000; round += 1) {
      const text = textOf(chance, 0)
      const wanted = isCodecRead(text)
      expect(isRead(text), text).toBe(wanted)
      counts[wanted ? 1 : 0] = (counts[wanted ? 1 : 0] ?? 0) + 1
    }
    expect(Math.min(...counts)).toBeGreaterThan(500)
  })

  test.each(['', '{', '{"a":1,}', '[1', '\ufeff{}', 'nothing', '{"a":1}{', '"a', '{"a" 1}'])(
    '%j is not read',
    text => expect(isRead(text)).toBe(false),
  )

  test('that is too deep is not read', () => {
    expect(isRead(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).toBe(false)
  })

  test('keeps its values', () => {
    const text = '{"a":["é☃",{"b":null}],"c":-1.5e3}'
    expect(readJson(Buffer.from(text))).toEqual({ a: ['é☃', { b: null }], c: -1500 })
  })

  test('of bytes that are no UTF-8 is what the codec reads', () => {
    const chance = createChance(5)
    for (let round = 0; round < 3_000; round += 1) {
      const inside = Buffer.from(
        Array.from({ length: 12 }, () =>
          chance.oneOf([0x61, 0xc3, 0xa9, 0xe2, 0x98, 0x83, 0xf0, 0x9f, 0xff, 0xed, 0xa0, 0x80]),
        ),
      )
      const bytes = Buffer.concat([Buffer.from('"'), inside, Buffer.from('"')])
      expect(readJson(bytes)).toBe(JSON.parse(new TextDecoder().decode(bytes)))
    }
  })
})
