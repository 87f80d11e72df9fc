// What follows a failed attempt: every reason in every situation, and how long a retry waits.
import { describe, expect, it } from 'vitest'
import { GatewayError, type GatewayErrorDetails, REASONS, type Reason } from '../../../src/core/errors.ts'
import { type AfterFailure, afterFailure, type FailedAttempt } from '../../../src/routing/retry.ts'

function follows(reason: Reason, details: GatewayErrorDetails = {}, over: Partial<FailedAttempt> = {}) {
  return afterFailure({
    error: new GatewayError(reason, 'it failed', details),
    triesOfCandidate: 1,
    remainingMs: 60_000,
    hasNext: false,
    isIdempotent: false,
    mayChangeMind: false,
    random: () => 0.5,
    ...over,
  })
}

// The situations of the table below, in its columns' order: somebody is left; nobody is; the same for a marked call;
// somebody is left whom the caller named for refused content, too.
const situations: readonly Partial<FailedAttempt>[] = [
  { hasNext: true },
  { hasNext: false },
  { hasNext: true, isIdempotent: true },
  { hasNext: false, isIdempotent: true },
  { hasNext: true, mayChangeMind: true },
]

const rows = {
  INVALID_REQUEST: 'stop stop stop stop stop',
  UNSUPPORTED: 'next stop next stop next',
  CONTEXT_TOO_LONG: 'next stop next stop next',
  UNAUTHENTICATED: 'stop stop stop stop stop',
  PERMISSION_DENIED: 'stop stop stop stop stop',
  MODEL_NOT_FOUND: 'next stop next stop next',
  FILE_NOT_FOUND: 'stop stop stop stop stop',
  CONVERSATION_NOT_FOUND: 'stop stop stop stop stop',
  STREAM_NOT_FOUND: 'stop stop stop stop stop',
  KEY_NOT_FOUND: 'stop stop stop stop stop',
  NO_CANDIDATE: 'stop stop stop stop stop',
  CONTENT_REFUSED: 'stop stop stop stop next',
  IDEMPOTENCY_MISMATCH: 'stop stop stop stop stop',
  RATE_LIMITED: 'stop stop stop stop stop',
  BUDGET_SPENT: 'stop stop stop stop stop',
  TOO_MANY_CALLS: 'stop stop stop stop stop',
  OVERLOADED: 'next stop next stop next',
  STORAGE_FULL: 'stop stop stop stop stop',
  UPSTREAM_UNAVAILABLE: 'next next next retry next',
  UPSTREAM_LIMITED: 'next retry next retry next',
  UPSTREAM_CREDENTIALS: 'next next next next next',
  SHUTTING_DOWN: 'stop stop stop stop stop',
  UPSTREAM_BROKEN: 'next stop next retry next',
  STREAM_LOST: 'stop stop stop stop stop',
  OUTCOME_UNKNOWN: 'stop stop stop stop stop',
  DEADLINE_EXCEEDED: 'stop stop stop stop stop',
  CANCELLED: 'stop stop stop stop stop',
  INTERNAL: 'stop stop stop stop stop',
} satisfies Record<Reason, string>

describe('after a failure', () => {
  it.each(Object.entries(rows))('of %s follows %s', (name, expected) => {
    const reason = (Object.keys(REASONS) as Reason[]).find(one => one === name)
    if (reason === undefined) throw new Error(`${name} is no reason`)
    expect(situations.map(over => follows(reason, {}, over).type).join(' ')).toBe(expected)
  })

  it.each<readonly [string, Reason, GatewayErrorDetails, AfterFailure['type']]>([
    ['no connection was made', 'UPSTREAM_UNAVAILABLE', { isUntaken: true }, 'retry'],
    ['the connection closed before an answer', 'UPSTREAM_UNAVAILABLE', { against: 'provider' }, 'next'],
    ['no first token came in time', 'UPSTREAM_UNAVAILABLE', {}, 'next'],
    ['a bare 503 came', 'UPSTREAM_UNAVAILABLE', { upstreamStatus: 503, isUntaken: true }, 'retry'],
    ['a 503 with text came', 'UPSTREAM_UNAVAILABLE', { upstreamStatus: 503 }, 'next'],
    ['a 500 came', 'UPSTREAM_UNAVAILABLE', { upstreamStatus: 500 }, 'next'],
    ['a 429 came', 'UPSTREAM_LIMITED', { upstreamStatus: 429, keyBackMs: 1200 }, 'retry'],
    ['a limit came in a 200', 'UPSTREAM_LIMITED', { keyBackMs: 1200 }, 'retry'],
    ['a 429 came, and there is another key', 'UPSTREAM_LIMITED', { keyBackMs: 0 }, 'next'],
    ['the key is out for an hour', 'UPSTREAM_LIMITED', { keyBackMs: 3_600_000 }, 'next'],
    ['the provider asks for 24 hours', 'UPSTREAM_LIMITED', { retryDelayMs: 86_400_000 }, 'next'],
    [
      'all keys were out before anybody was asked',
      'UPSTREAM_LIMITED',
      { retryDelayMs: 900, against: 'nobody' },
      'retry',
    ],
    ['the key was refused', 'UPSTREAM_CREDENTIALS', { upstreamStatus: 401, isUntaken: true }, 'next'],
  ])(
    'the last candidate, of which %s, is asked again only where that is safe (%s %j: %s)',
    (_, reason, details, type) => {
      expect(follows(reason, details).type).toBe(type)
      expect(follows(reason, details, { hasNext: true })).toEqual({ type: 'next' })
    },
  )

  it('the same candidate is asked twice at most, also by a marked call', () => {
    const twice = { triesOfCandidate: 2, isIdempotent: true }
    expect(follows('UPSTREAM_LIMITED', {}, twice)).toEqual({ type: 'next' })
    expect(follows('UPSTREAM_UNAVAILABLE', { isUntaken: true }, twice)).toEqual({ type: 'next' })
    expect(follows('UPSTREAM_BROKEN', {}, twice)).toEqual({ type: 'stop' })
  })
})

describe('the wait before a retry', () => {
  const waits = (details: GatewayErrorDetails, over: Partial<FailedAttempt> = {}) =>
    follows('UPSTREAM_LIMITED', details, over)

  it.each([
    [0, 100],
    [0.5, 300],
    [0.999, 500],
  ])('varies from 100 to 500 ms when nobody says how long (chance %d: %i ms)', (chance, afterMs) => {
    expect(waits({}, { random: () => chance })).toEqual({ type: 'retry', afterMs })
  })

  it('is never shorter than what is asked for, and up to 100 ms longer', () => {
    expect(waits({ retryDelayMs: 2000 }, { random: () => 0 })).toEqual({ type: 'retry', afterMs: 2000 })
    expect(waits({ retryDelayMs: 2000 })).toEqual({ type: 'retry', afterMs: 2050 })
    expect(waits({ retryDelayMs: 2000, keyBackMs: 3000 })).toEqual({ type: 'retry', afterMs: 3050 })
    expect(waits({ retryDelayMs: 0 })).toEqual({ type: 'retry', afterMs: 300 })
  })

  it('is at most 5 s: for a longer one nobody waits', () => {
    expect(waits({ retryDelayMs: 5000 })).toEqual({ type: 'retry', afterMs: 5050 })
    expect(waits({ retryDelayMs: 5001 })).toEqual({ type: 'next' })
  })

  it('ends before the deadline, or there is none', () => {
    expect(waits({ retryDelayMs: 2000 }, { remainingMs: 2051 })).toEqual({ type: 'retry', afterMs: 2050 })
    expect(waits({ retryDelayMs: 2000 }, { remainingMs: 2050 })).toEqual({ type: 'next' })
    expect(waits({}, { remainingMs: 0 })).toEqual({ type: 'next' })
  })
})
