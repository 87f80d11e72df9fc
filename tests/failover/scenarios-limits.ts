// Scenarios about limits and storms: 429 in all its forms, retries of what was provably not accepted, and a provider that fails for long.
import type { Case, Scenario } from './scenario.ts'
import { answers, both, failed, goesOn, meeting, met, one, SLACK_MS, stops, succeeded } from './wants.ts'

const DAY_S = 86_400
const HOUR_MS = 3_600_000
const limited = goesOn('UPSTREAM_LIMITED')
const alone: Partial<Case> = { fallback: 'none' }
const storm = { booked: 'reported', end: 'answered', by: 'fallback', withinMs: SLACK_MS } as const

/** Every one of them. */
export const limitScenarios: readonly Scenario[] = [
  {
    name: '429 with Retry-After',
    shows: 'limits the rate (429) and wants one second',
    why: 'Somebody else can answer now: waiting would only cost time.',
    cases: both(met(meeting('status=429', 'retry-after=1'), limited)),
  },
  {
    name: '429 with 24 hours',
    shows: 'limits the rate (429) and wants 24 hours',
    why: 'An absurd wait freezes nobody.',
    cases: both(met(meeting('status=429', `retry-after=${DAY_S}`), limited)),
  },
  {
    name: '429 with a date',
    shows: 'limits the rate (429) until a date',
    why: 'Retry-After may be a date.',
    cases: both(met(meeting('status=429', 'retry-after-date=5'), limited)),
  },
  {
    name: '429 alone',
    shows: 'limits the rate (429) without a word on how long',
    why: 'Somebody else can answer now.',
    cases: both(met(meeting('status=429'), limited)),
  },
  {
    name: '429, waits',
    shows: 'limits the rate (429), wants one second, and there is no fallback',
    why: 'A 429 was provably not accepted: the same one is asked again, and Retry-After is the least wait.',
    cases: both({
      ...alone,
      preferred: { turns: [{ faults: ['status=429', 'retry-after=1'] }, {}] },
      calls: one(
        answers(1000, {
          atLeastMs: 950,
          attempts: [failed('preferred', 'UPSTREAM_LIMITED'), succeeded('preferred')],
        }),
      ),
    }),
  },
  {
    name: '429 with 24 hours, alone',
    shows: 'limits the rate (429), wants 24 hours, and there is no fallback',
    why: 'Nobody waits so long: the call fails at once, and the wait that it tells is capped.',
    cases: both(
      met(
        meeting('status=429', `retry-after=${DAY_S}`),
        stops('UPSTREAM_LIMITED', { retryDelayMs: [HOUR_MS - SLACK_MS, DAY_S * 1000] }),
        alone,
      ),
    ),
  },
  {
    name: '503 without a body, comes back',
    shows: 'is overloaded once (503 without a body), and there is no fallback',
    why: 'It was provably not accepted, so the same one may be asked again.',
    cases: both({
      ...alone,
      preferred: { turns: [{ raw: { status: 503, headers: { 'content-type': 'text/plain' } } }, {}] },
      calls: one(
        answers(3000, { attempts: [failed('preferred', 'UPSTREAM_UNAVAILABLE'), succeeded('preferred')] }),
      ),
    }),
  },
  {
    name: '500, alone',
    shows: 'fails once (500), and there is no fallback',
    why: 'It may have done the work: asking again would pay twice, and only the caller may decide that.',
    cases: both({
      ...alone,
      preferred: { turns: [{ faults: ['status=500'] }, {}] },
      calls: one(stops('UPSTREAM_UNAVAILABLE')),
    }),
  },
  {
    name: '500, alone and idempotent',
    shows: 'fails once (500), there is no fallback, and the call has an idempotency key',
    why: 'The caller said that asking again is safe.',
    cases: both({
      ...alone,
      preferred: { turns: [{ faults: ['status=500'] }, {}] },
      calls: one(
        answers(3000, { attempts: [failed('preferred', 'UPSTREAM_UNAVAILABLE'), succeeded('preferred')] }),
        { idempotencyKey: 'again' },
      ),
    }),
  },
  {
    name: 'storm of limits',
    shows: 'limits the rate of every call (429) for 15 calls',
    why: 'A limit is the key’s, not the provider’s: the key rests, and the circuit stays closed.',
    cases: both({
      preferred: meeting('status=429', 'retry-after=60'),
      reach: { preferred: 1, fallback: 15 },
      calls: [
        {
          want: { ...storm, attempts: [failed('preferred', 'UPSTREAM_LIMITED'), succeeded('fallback')] },
        },
        { times: 14, want: { ...storm, attempts: [succeeded('fallback')] } },
      ],
    }),
  },
]
