// Where a credential may stand in a header, and that whatever is doubled or malformed is none.
import { describe, expect, test } from 'vitest'
import { credentialOf } from '../../../src/access/credential.ts'
import { newSecret } from '../../../src/access/secret.ts'
import { header } from '../../support/access-rig.ts'

const KEY = `exai_${'aZ09_-'.repeat(7)}x`
const OTHER_KEY = `exai_${'bY18_-'.repeat(7)}x`
type Pair = readonly [name: string, value: string]
const of = (...pairs: readonly Pair[]) => credentialOf(header(...pairs))

describe('a credential is found', () => {
  test.each<[string, Pair, string, 'key' | 'token']>([
    ['as a bearer token', ['authorization', 'Bearer a.b.c'], 'a.b.c', 'token'],
    [
      'with any case of the scheme, and spaces',
      ['AUTHORIZATION', 'bEaReR   a.b-c_d~e+f/g=='],
      'a.b-c_d~e+f/g==',
      'token',
    ],
    ['as a key of ours', ['authorization', `Bearer ${KEY}`], KEY, 'key'],
    ['as a key of ours in a field of its own', ['X-API-Key', KEY], KEY, 'key'],
  ])('%s', (_, pair, text, kind) => {
    expect(of(['host', 'x'], pair, ['accept', '*/*'])).toEqual({ kind, text })
  })

  test('in both fields when it is the same', () => {
    const both: readonly Pair[] = [
      ['x-api-key', KEY],
      ['authorization', `Bearer ${KEY}`],
    ]
    expect(of(...both)).toEqual({ kind: 'key', text: KEY })
    expect(of(...both.toReversed())).toEqual({ kind: 'key', text: KEY })
  })

  test('as every key that is made', () => {
    for (let made = 0; made < 100; made += 1) {
      const text = newSecret()
      expect(of(['authorization', `Bearer ${text}`])).toEqual({ kind: 'key', text })
    }
  })
})

describe('there is none', () => {
  test.each<[string, readonly Pair[]]>([
    ['without a field for it', [['host', 'localhost']]],
    ['in an empty field', [['authorization', '']]],
    ['in the scheme alone', [['authorization', 'Bearer']]],
    ['after the scheme and a space', [['authorization', 'Bearer ']]],
    ['after another scheme', [['authorization', `Basic ${KEY}`]]],
    ['without a scheme', [['authorization', KEY]]],
    ['after two words', [['authorization', 'Bearer a b']]],
    ['in a list', [['authorization', 'Bearer a, Bearer b']]],
    ['in quotation marks', [['authorization', 'Bearer "a"']]],
    ['behind a tabulator', [['authorization', 'Bearer\ta']]],
    ['before a line break', [['authorization', 'Bearer a\n']]],
    ['with letters beyond ASCII', [['authorization', 'Bearer ÿ']]],
    ['with a letter that folds to one of ASCII', [['authorization', `bearer exai_${'\u212a'.repeat(43)}`]]],
    ['in the first letters of a key', [['authorization', 'Bearer exai_']]],
    ['in a key that is too short by its last letter', [['authorization', `Bearer ${KEY.slice(0, -1)}`]]],
    ['in a key that is too long', [['authorization', `Bearer ${KEY}x`]]],
    ['in a key with a letter that none has', [['authorization', `Bearer ${KEY.slice(0, -1)}.`]]],
    ['as a token in the field of keys', [['x-api-key', 'a.b.c']]],
    ['in a field of keys with a scheme', [['x-api-key', `Bearer ${KEY}`]]],
    ['in a list of keys', [['x-api-key', `${KEY}, ${KEY}`]]],
    [
      'twice',
      [
        ['authorization', `Bearer ${KEY}`],
        ['Authorization', `Bearer ${KEY}`],
      ],
    ],
    [
      'twice, the second one empty',
      [
        ['authorization', `Bearer ${KEY}`],
        ['authorization', ''],
      ],
    ],
    [
      'twice as a key',
      [
        ['x-api-key', KEY],
        ['X-Api-Key', KEY],
      ],
    ],
    [
      'in both fields when they differ',
      [
        ['x-api-key', KEY],
        ['authorization', `Bearer ${OTHER_KEY}`],
      ],
    ],
    [
      'in both fields when one is malformed',
      [
        ['x-api-key', KEY],
        ['authorization', `Basic ${KEY}`],
      ],
    ],
    [
      'in both fields when one is empty',
      [
        ['x-api-key', ''],
        ['authorization', `Bearer ${KEY}`],
      ],
    ],
    [
      'in fields that are named nearly so',
      [
        ['authorizatiom', `Bearer ${KEY}`],
        ['x_api_key', KEY],
      ],
    ],
    ['in a cookie', [['cookie', `authorization=Bearer ${KEY}`]]],
    ['of nine KiB', [['authorization', `Bearer ${'a'.repeat(9 * 1024)}`]]],
  ])('%s', (_, pairs) => {
    expect(of(...pairs)).toBeUndefined()
  })

  test('in a header that ends in the middle', () => {
    expect(credentialOf({ rawHeaders: ['authorization'] })).toBeUndefined()
  })
})
