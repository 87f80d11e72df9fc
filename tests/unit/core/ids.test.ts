// Ids: UUIDv7 by RFC 9562, sorted by time, never the same twice.
import { describe, expect, it } from 'vitest'
import { isId, newId, uuidv7 } from '../../../src/core/ids.ts'

describe('a UUIDv7', () => {
  it('carries its instant in its first 48 bits, as in the example of RFC 9562, A.6', () => {
    // 2022-02-22T19:22:22Z is 0x017F22E279B0.
    expect(uuidv7(0x017f22e279b0)).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(uuidv7(0)).toMatch(/^00000000-0000-7/)
    expect(uuidv7(2 ** 48 - 1)).toMatch(/^ffffffff-ffff-7/)
  })

  it('drops fractions of a millisecond', () => {
    expect(uuidv7(255.9)).toMatch(/^00000000-00ff-7/)
  })

  it('is never made twice, even in one millisecond', () => {
    const made = new Set(Array.from({ length: 20_000 }, () => uuidv7(1_700_000_000_000)))
    expect(made.size).toBe(20_000)
  })

  it('sorts behind those that were made before it in the same millisecond', () => {
    for (let ms = 1_800_000_000_000; ms < 1_800_000_000_010; ms += 1) {
      const made = Array.from({ length: 2_048 }, () => uuidv7(ms))
      expect([...made].sort()).toEqual(made)
    }
  })

  it('uses every random bit', () => {
    let ones = 0n
    let zeros = 0n
    for (let count = 0; count < 400; count += 1) {
      // Two instants in turn, so that each id is the first of its millisecond.
      const bits = BigInt(`0x${uuidv7(count % 2).replaceAll('-', '')}`)
      ones |= bits
      zeros |= ~bits & (2n ** 128n - 1n)
    }
    // 48 bits of time (one of them moves here), 4 of version (0111), a counter that begins at 11 random bits, 2 of variant (10),
    // 62 random.
    expect(ones.toString(16)).toBe('177ffbfffffffffffffff')
    expect(zeros.toString(16)).toBe(`${'f'.repeat(12)}8fff7fffffffffffffff`)
  })
})

describe('ids', () => {
  it('sort by the time of their making', () => {
    const instants = [0, 1, 255, 256, 65_535, 1_700_000_000_000, 1_700_000_000_001, 2 ** 47]
    const made = instants.map(instant => newId('resp', instant))
    expect([...made].sort()).toEqual(made)
  })

  it('are known by their prefix and shape', () => {
    const id = newId('conv', 1_700_000_000_000)
    expect(id).toMatch(/^conv_[0-9a-f-]{36}$/)
    expect(isId('conv', id)).toBe(true)
    expect(isId('resp', id)).toBe(false)
  })

  it.each([
    ['nothing', ''],
    ['the prefix alone', 'file_'],
    ['a UUID without a prefix', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'],
    ['another version', 'file_017f22e2-79b0-4cc3-98c4-dc0c0c07398f'],
    ['another variant', 'file_017f22e2-79b0-7cc3-c8c4-dc0c0c07398f'],
    ['capitals', 'file_017F22E2-79B0-7CC3-98C4-DC0C0C07398F'],
    ['something after it', 'file_017f22e2-79b0-7cc3-98c4-dc0c0c07398f0'],
    ['a line break after it', 'file_017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n'],
    ['a path', 'file_../../../../../../../../../../etc/passwd'],
  ])('cannot be %s', (_, text) => {
    expect(isId('file', text)).toBe(false)
  })

  it('can be the example of RFC 9562', () => {
    expect(isId('file', 'file_017f22e2-79b0-7cc3-98c4-dc0c0c07398f')).toBe(true)
  })
})
