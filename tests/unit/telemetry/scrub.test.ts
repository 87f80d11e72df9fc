// What a scrubber gives back: a copy with everything that may be written, wherever a key stands in it.
import { describe, expect, test } from 'vitest'
import { createScrubber, REDACTED } from '../../../src/telemetry/scrub.ts'

const { text, value } = createScrubber()

describe('a key is taken out', () => {
  test.each([
    ['sk-proj12345', REDACTED],
    ['rk_live12345', REDACTED],
    ['pk-12345678', REDACTED],
    ['gsk_12345678', REDACTED],
    ['xai-12345678', REDACTED],
    ['exai_Abcdefgh1', REDACTED],
    ['Bearer\tabcdefgh', `Bearer ${REDACTED}`],
    ['BASIC abcdefgh', `BASIC ${REDACTED}`],
    ['key=abcdef', `key=${REDACTED}`],
    ['token:abcdef', `token:${REDACTED}`],
    ['s://u:p@h', `s://${REDACTED}@h`],
    ['eyJhbGciOiJI.e30.c2ln', REDACTED],
    [`${'0a'.repeat(16)}.Abcdef123456`, REDACTED],
  ])('of %j, alone and among others', (raw, safe) => {
    expect(text(raw)).toBe(safe)
    expect(value({ id: raw, list: [raw] })).toEqual({ id: safe, list: [safe] })
    for (const beside of ['(', '/', '"', 'é']) expect(text(`${beside}${raw}`)).toBe(`${beside}${safe}`)
  })
})

test('ids, names and what has dashes stay as they are', () => {
  const plain = [
    '0af7651916cd43dd8448eb211c80319c',
    '018f4e2a-7c1b-7d00-9a51-5f1c2b3d4e5f',
    'resp_018f4e2a-7c1b-7d00-9a51-5f1c2b3d4e5f',
    'exai.v1.ChatService/Complete',
    'gpt-4.1-mini',
    'glm-4.6',
    'grpc-web',
    'task_list-1',
    '',
  ]
  expect(plain.map(text)).toEqual(plain)
})

test('a copy has the fields in their order, and does not touch what it was made from', () => {
  const raw = { b: 1, apiKey: 'hunter2hunter2', a: [1, { token: 'abcdefgh' }], gone: undefined, run: () => 1 }
  const copy = value(raw)
  expect(JSON.stringify(copy)).toBe(`{"b":1,"apiKey":"${REDACTED}","a":[1,{"token":"${REDACTED}"}]}`)
  expect(raw.apiKey).toBe('hunter2hunter2')
  expect(raw.a).toEqual([1, { token: 'abcdefgh' }])
})

test('fields with odd names are fields like others', () => {
  const odd = JSON.parse('{"__proto__":{"x":1},"sk-abcdef123":2,"a\\u202eb":3}')
  expect(JSON.stringify(value(odd))).toBe(`{"__proto__":{"x":1},"${REDACTED}":2,"a\\\\u202eb":3}`)
  expect(value(new Map([['cookie', 'a']]))).toEqual({ cookie: REDACTED })
})

test('of very many fields the first fifty are kept', () => {
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`field${at}`, at]))
  expect(Object.keys(value(many) as object)).toHaveLength(50)
})
