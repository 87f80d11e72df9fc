// Scenarios about the way to a provider: connections that are refused, never taken, reset, ended, stale or not let go.
import type { Scenario } from './scenario.ts'
import { answers, both, breaks, failed, goesOn, LIMITS, meeting, met, one, spoils, stops } from './wants.ts'

const nobody = { place: 'nobody' } as const

/** Every one of them. */
export const connectionScenarios: readonly Scenario[] = [
  {
    name: 'connection refused',
    shows: 'refuses the connection',
    why: 'Nothing was asked, so the next candidate is asked at once.',
    cases: both(met(nobody, goesOn('UPSTREAM_UNAVAILABLE'))),
  },
  {
    name: 'connection never taken',
    shows: 'takes no connection, and says nothing about it',
    why: 'CONNECT_TIMEOUT ends the wait, far before the limit for the first token; its clock may be half a second late.',
    cases: both(met({ place: 'busy' }, goesOn('UPSTREAM_UNAVAILABLE', LIMITS.connectMs + 500))),
  },
  {
    name: 'reset after accept',
    shows: 'takes the connection and resets it',
    why: 'The request was never read.',
    cases: both(met(meeting('refuse'), goesOn('UPSTREAM_UNAVAILABLE'), { reach: { preferred: 0 } })),
  },
  {
    name: 'reset after the request',
    shows: 'reads the request and resets the connection',
    why: 'No answer came, and nothing was passed on: the next candidate is asked, and this one not again.',
    cases: both(met(meeting('reset-before-headers'), goesOn('UPSTREAM_UNAVAILABLE'))),
  },
  {
    name: 'closed after the request',
    shows: 'reads the request and ends the connection without a byte',
    why: 'As a reset: no answer came.',
    cases: both(met(meeting('fin-before-headers'), goesOn('UPSTREAM_UNAVAILABLE'))),
  },
  {
    name: 'hang before the headers',
    shows: 'reads the request and says nothing at all',
    why: 'The limit for the first token ends the attempt, and the socket is closed.',
    cases: both(met(meeting('hang-before-headers'), goesOn('UPSTREAM_UNAVAILABLE', LIMITS.firstTokenMs))),
  },
  {
    name: 'half-open connection',
    shows: 'ends its side in the middle of the answer and keeps the connection half open',
    why: 'An end without the end of the HTTP body is a broken answer, not a whole one: where nothing was passed on, another one answers.',
    cases: {
      unary: met(meeting('fin-after=40'), spoils()),
      stream: met(meeting('fin-after-events=4'), breaks()),
    },
  },
  {
    name: 'deaf to close',
    shows: 'begins a stream without saying anything, ignores that we leave, and goes on sending',
    why: 'Leaving does not need its consent: the next candidate is asked on time, and nothing of the first is in the answer.',
    cases: both(met({ place: 'deaf' }, goesOn('UPSTREAM_UNAVAILABLE', LIMITS.firstTokenMs))),
  },
  {
    name: 'stale connection',
    shows: 'ends the idle connection between two calls',
    why: 'A connection that was kept for the next call may be gone by then; a new one is made, and nobody notices.',
    cases: both({
      calls: [{ want: answers() }, { want: answers(), before: 'the provider ends idle connections' }],
    }),
  },
  {
    name: 'reset of a kept connection',
    shows: 'answers one call, and resets the kept connection when it reads the next request',
    why: 'It cannot be told from a provider that failed while it worked: the same one is not asked again, another is.',
    cases: both({
      preferred: { turns: [{ times: 1 }, { faults: ['reset-before-headers'] }] },
      calls: [{ want: answers() }, { want: goesOn('UPSTREAM_UNAVAILABLE') }],
    }),
  },
  {
    name: 'all dead',
    shows: 'refuses the connection, and so does the fallback',
    why: 'Who is last is asked once more, because a refused connection took nothing up; then the error shows who was tried.',
    cases: both({
      preferred: nobody,
      fallback: nobody,
      calls: one(
        stops('UPSTREAM_UNAVAILABLE', {
          attempts: [
            failed('preferred', 'UPSTREAM_UNAVAILABLE'),
            failed('fallback', 'UPSTREAM_UNAVAILABLE'),
            failed('fallback', 'UPSTREAM_UNAVAILABLE'),
          ],
        }),
      ),
    }),
  },
  {
    name: 'all silent',
    shows: 'says nothing at all, and neither does the fallback',
    why: 'Each attempt has its own limit for the first token, within the deadline of the whole call.',
    cases: both({
      preferred: meeting('hang-before-headers'),
      fallback: meeting('hang-after-headers'),
      calls: one(
        stops('UPSTREAM_UNAVAILABLE', {
          attempts: [failed('preferred', 'UPSTREAM_UNAVAILABLE'), failed('fallback', 'UPSTREAM_UNAVAILABLE')],
          withinMs: 2 * LIMITS.firstTokenMs + 3000,
        }),
      ),
    }),
  },
]
