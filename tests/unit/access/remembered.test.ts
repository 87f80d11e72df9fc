// Remembered credentials: until when, how many, and what makes them be forgotten.
import { describe, expect, test } from 'vitest'
import { createRemembered, nameOf } from '../../../src/access/remembered.ts'
import type { Caller } from '../../../src/core/caller.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const callerOf = (id?: string): Caller => ({
  tenant: 'acme',
  subject: id ?? 'ada',
  scopes: ['chat'],
  ...(id === undefined ? {} : { key: { id, label: 'a key' } }),
})

function setUp(sizeMax = 3) {
  const clock = createHandClock()
  const remembered = createRemembered(clock, sizeMax)
  const put = (name: string, id?: string, ttlMs = 1_000) =>
    remembered.put(name, callerOf(id), clock.now() + ttlMs, remembered.epoch())
  return { clock, remembered, put }
}

describe('what is remembered', () => {
  test('is there until its time, and not a millisecond longer', () => {
    const { clock, remembered, put } = setUp()
    put('a')
    clock.pass(999)
    expect(remembered.get('a')).toEqual(callerOf())
    clock.pass(1)
    expect([remembered.get('a'), remembered.size()]).toEqual([undefined, 0])
  })

  test('is not put at all when its time is over already', () => {
    const { remembered, put } = setUp()
    put('a', 'key_1', 0)
    expect(remembered.size()).toBe(0)
  })

  test('is at most so much: what was not used for longest goes', () => {
    const { remembered, put } = setUp()
    for (const name of ['a', 'b', 'c']) put(name, `key_${name}`)
    remembered.get('a')
    put('d')
    expect(['a', 'b', 'c', 'd'].filter(name => remembered.get(name) !== undefined)).toEqual(['a', 'c', 'd'])
    for (let each = 0; each < 100; each += 1) put(`more-${each}`, `key_more_${each}`)
    expect(remembered.size()).toBe(3)
  })

  test('of a key is forgotten with it, and nothing else is', () => {
    const { remembered, put } = setUp()
    put('a', 'key_a')
    put('b', 'key_b')
    put('c')
    remembered.forgetKey('key_a')
    remembered.forgetKey('key_unknown')
    expect(['a', 'b', 'c'].filter(name => remembered.get(name) !== undefined)).toEqual(['b', 'c'])
  })

  test('of a key with a new secret is forgotten under the new one', () => {
    const { remembered, put } = setUp()
    put('old', 'key_a')
    put('new', 'key_a')
    remembered.forgetKey('key_a')
    expect([remembered.get('new'), remembered.get('old'), remembered.size()]).toEqual([
      undefined,
      undefined,
      0,
    ])
  })

  test('can be forgotten altogether', () => {
    const { remembered, put } = setUp()
    put('a', 'key_a')
    remembered.clear()
    expect([remembered.size(), remembered.get('a')]).toEqual([0, undefined])
  })

  test.each([
    [
      'a key was revoked',
      (remembered: ReturnType<typeof setUp>['remembered']) => remembered.forgetKey('key_a'),
    ],
    ['everything was forgotten', (remembered: ReturnType<typeof setUp>['remembered']) => remembered.clear()],
  ])('is not what was read before %s', (_, forget) => {
    const { clock, remembered } = setUp()
    const epoch = remembered.epoch()
    forget(remembered)
    remembered.put('a', callerOf('key_a'), clock.now() + 1_000, epoch)
    expect(remembered.get('a')).toBeUndefined()
  })

  test('has a name that does not show the credential, and is another for every one', () => {
    // SHA-256 of "abc", FIPS 180-4 example.
    expect(nameOf('abc')).toBe(
      Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString(
        'base64',
      ),
    )
  })
})
