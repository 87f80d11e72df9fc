// Times of the contract: seconds and nanoseconds that are always in their ranges.
import { create, toJson } from '@bufbuild/protobuf'
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { durationOf, millisecondsOf, timestampOf } from '../../../src/core/time.ts'

describe('a duration', () => {
  it.each([
    [0, 0n, 0],
    [1, 0n, 1_000_000],
    [1.5, 0n, 1_500_000],
    [0.000001, 0n, 1],
    [999.9999999, 1n, 0],
    [1999.9999999, 2n, 0],
    [1000, 1n, 0],
    [600_000.25, 600n, 250_000],
    [-1500, -1n, -500_000_000],
    [-999.9999999, -1n, 0],
  ])('of %d ms is %d s and %d ns', (ms, seconds, nanos) => {
    const duration = durationOf(ms)
    expect(duration.seconds).toBe(seconds)
    expect(duration.nanos + 0).toBe(nanos)
  })

  it('gives its milliseconds back', () => {
    for (const ms of [0, 1, 1.5, 999, 1000, 1234.567, 600_000, -1500])
      expect(millisecondsOf(durationOf(ms))).toBeCloseTo(ms, 6)
  })

  it('can always be written as JSON', () => {
    expect(toJson(DurationSchema, create(DurationSchema, durationOf(999.9999999)))).toBe('1s')
    expect(toJson(DurationSchema, create(DurationSchema, durationOf(1.5)))).toBe('0.001500s')
  })
})

describe('a timestamp', () => {
  it.each([
    [0, '1970-01-01T00:00:00Z'],
    [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
    [1999.9999999, '1970-01-01T00:00:02Z'],
    // Before 1970 nanoseconds still count forward.
    [-1, '1969-12-31T23:59:59.999Z'],
    [-0.0000001, '1970-01-01T00:00:00Z'],
  ])('of %d ms is %s', (ms, written) => {
    const timestamp = timestampOf(ms)
    expect(timestamp.nanos).toBeGreaterThanOrEqual(0)
    expect(timestamp.nanos).toBeLessThan(1e9)
    expect(toJson(TimestampSchema, create(TimestampSchema, timestamp))).toBe(written)
  })
})
