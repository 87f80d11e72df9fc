// Which failures count against the circuit of a provider's model.
import { describe, expect, test } from 'vitest'
import { GatewayError, type GatewayErrorDetails, REASONS, type Reason } from '../../../src/core/errors.ts'
import { countsAgainstCircuit } from '../../../src/routing/circuit-permit.ts'

function counts(reason: Reason, details: GatewayErrorDetails = {}): boolean {
  return countsAgainstCircuit(new GatewayError(reason, 'it failed', details))
}

describe('a failure counts against the circuit', () => {
  test.each(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_BROKEN'] as const)(
    'when it is %s, unless it is somebody else’s',
    reason => {
      expect(counts(reason)).toBe(true)
      expect(counts(reason, { against: 'provider' })).toBe(true)
      expect(counts(reason, { against: 'key' })).toBe(false)
      expect(counts(reason, { against: 'key_model' })).toBe(false)
      expect(counts(reason, { against: 'nobody' })).toBe(false)
    },
  )

  test.each(['UPSTREAM_LIMITED', 'UPSTREAM_CREDENTIALS'] as const)(
    'when it is %s only if it says that it is the provider’s',
    reason => {
      expect(counts(reason)).toBe(false)
      expect(counts(reason, { against: 'provider' })).toBe(true)
      expect(counts(reason, { against: 'key' })).toBe(false)
    },
  )

  test('with no other reason, whatever it says', () => {
    const upstream = ['UPSTREAM_UNAVAILABLE', 'UPSTREAM_BROKEN', 'UPSTREAM_LIMITED', 'UPSTREAM_CREDENTIALS']
    // The keys of the table are its reasons; Object.keys forgets that.
    const others = (Object.keys(REASONS) as Reason[]).filter(reason => !upstream.includes(reason))
    expect(others.length).toBeGreaterThan(20)
    expect(others.filter(reason => counts(reason) || counts(reason, { against: 'provider' }))).toEqual([])
  })
})
