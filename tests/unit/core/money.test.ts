// Money: dollars become nano-dollars by their digits.
import { describe, expect, test } from 'vitest'
import { nanoUsdFromUsd } from '../../../src/core/money.ts'

describe('nanoUsdFromUsd', () => {
  test.each([
    [0, 0n],
    [10, 10_000_000_000n],
    [12.5, 12_500_000_000n],
    [0.1, 100_000_000n],
    [0.0125, 12_500_000n],
    [1.005, 1_005_000_000n],
    [0.000000001, 1n],
    [2.5e-7, 250n],
    [999_999.999_999_999, 999_999_999_999_999n],
    [1_000_000, 1_000_000_000_000_000n],
  ])('%d USD is exactly %d nano-USD', (usd, nano) => {
    expect(nanoUsdFromUsd(usd)).toBe(nano)
  })

  test.each([
    [1.5e-9, 2n],
    [1.4999e-9, 1n],
    [4.9e-10, 0n],
    [5e-10, 1n],
  ])('%d USD is rounded half up to %d nano-USD', (usd, nano) => {
    expect(nanoUsdFromUsd(usd)).toBe(nano)
  })

  test.each([-1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_000.1, 9_999_999, 1e15, 1e21])(
    '%d is no amount',
    usd => {
      expect(nanoUsdFromUsd(usd)).toBeUndefined()
    },
  )
})
