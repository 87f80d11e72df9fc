// What the end of an attempt shows of the model that was asked, and what it does not.
import { describe, expect, it } from 'vitest'
import { GatewayError, type GatewayErrorDetails, type Reason } from '../../../src/core/errors.ts'
import { type AttemptEnd, seenOf } from '../../../src/routing/seen.ts'
import { toldAttempt } from '../../support/attempt-rig.ts'

const counts = {
  inputTokens: 9,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 80,
  reasoningTokens: 0,
}
const one = { provider: 'one', model: 'one-model' }
const begun = { firstTokenMs: () => 300, streamMs: () => 2_000, sentMs: () => 9_000, counts: () => counts }
const silent = { sentMs: () => 700 }

const ended = (over: Partial<AttemptEnd> = {}): AttemptEnd => ({
  isStream: true,
  error: undefined,
  cancelled: false,
  ...over,
})
const failed = (reason: Reason, details: GatewayErrorDetails = {}): AttemptEnd =>
  ended({ error: new GatewayError(reason, 'it failed', details) })
const cancelled = (details: GatewayErrorDetails = {}, isStream = true): AttemptEnd =>
  ended({ isStream, error: new GatewayError('CANCELLED', 'over', details), cancelled: true })

describe('an answer', () => {
  it('shows its first token, and its speed by the time of waiting for it', () => {
    expect(seenOf(toldAttempt(begun), ended())).toEqual({
      ...one,
      outcome: 'succeeded',
      firstTokenMs: 300,
      outputTokens: 80,
      streamMs: 2_000,
    })
  })

  it('that comes whole shows its speed only', () => {
    expect(seenOf(toldAttempt(begun), ended({ isStream: false }))).toEqual({
      ...one,
      outcome: 'succeeded',
      firstTokenMs: undefined,
      outputTokens: 80,
      streamMs: 2_300,
    })
  })
})

describe('a failure', () => {
  it.each<[Reason, GatewayErrorDetails]>([
    ['UPSTREAM_UNAVAILABLE', {}],
    ['UPSTREAM_BROKEN', {}],
    ['UPSTREAM_LIMITED', { against: 'provider' }],
  ])('%s %o speaks against the model', (reason, details) => {
    expect(seenOf(toldAttempt(), failed(reason, details))).toEqual({ ...one, outcome: 'failed' })
  })

  it.each<[Reason, GatewayErrorDetails]>([
    ['UPSTREAM_CREDENTIALS', {}],
    ['UPSTREAM_LIMITED', {}],
    ['UPSTREAM_LIMITED', { against: 'nobody' }],
    ['UPSTREAM_UNAVAILABLE', { against: 'nobody' }],
    ['INVALID_REQUEST', {}],
    ['CONTEXT_TOO_LONG', {}],
    ['CONTENT_REFUSED', {}],
    ['OVERLOADED', {}],
    ['DEADLINE_EXCEEDED', {}],
    ['INTERNAL', {}],
  ])('%s %o shows nothing of the model, as it does not move its circuit', (reason, details) => {
    expect(seenOf(toldAttempt(), failed(reason, details))).toBeUndefined()
  })
})

describe('an attempt that is ended from outside', () => {
  it('shows how soon it began', () => {
    expect(seenOf(toldAttempt(begun), cancelled())).toEqual({
      ...one,
      outcome: 'succeeded',
      firstTokenMs: 300,
    })
  })

  it('before it began shows nothing when the caller left', () => {
    expect(seenOf(toldAttempt(silent), cancelled())).toBeUndefined()
  })

  it('because another candidate began first was at least that slow', () => {
    expect(seenOf(toldAttempt(silent), cancelled({ origin: 'gateway' }))).toEqual({
      ...one,
      outcome: 'succeeded',
      firstTokenMs: 700,
    })
  })

  it('because another one began first shows nothing when it had not asked, or no first token was to come', () => {
    expect(seenOf(toldAttempt({ sentMs: () => undefined }), cancelled({ origin: 'gateway' }))).toBeUndefined()
    expect(seenOf(toldAttempt(silent), cancelled({ origin: 'gateway' }, false))).toBeUndefined()
  })
})
