// Scenarios about time: providers that fall silent, drip, or are slow and well.
import type { Scenario } from './scenario.ts'
import { answers, both, breaks, cancelled, goesOn, LIMITS, meeting, met, succeeded } from './wants.ts'

const unavailable = goesOn('UPSTREAM_UNAVAILABLE', LIMITS.firstTokenMs)

/** Every one of them. */
export const silenceScenarios: readonly Scenario[] = [
  {
    name: 'silence before the first token',
    shows: 'sends its headers and nothing else',
    why: 'A head is no answer: the limit for the first token runs on from the start of the attempt.',
    cases: both(met(meeting('hang-after-headers'), unavailable)),
  },
  {
    name: 'signs of life only',
    shows: 'sends comments or blank lines for ever, and no token',
    why: 'Signs of life must not put off the limit for the first token.',
    cases: both(met(meeting('alive-forever=100'), unavailable)),
  },
  {
    name: 'silence in the middle',
    shows: 'falls silent in the middle of its answer',
    why: 'A stream that was begun breaks at the idle limit; of a whole answer nothing was passed on, so another is asked.',
    cases: {
      unary: met(meeting('silence-after=40'), unavailable),
      stream: met(meeting('silence-after-events=4'), breaks(LIMITS.idleMs)),
    },
  },
  {
    name: 'first event drips',
    shows: 'sends its first event (or its whole body) byte by byte, too slowly',
    why: 'Bytes that make no event are signs of life only.',
    cases: {
      unary: met(meeting('drip-bytes=50'), unavailable),
      stream: met(meeting('drip-event=0,50'), unavailable),
    },
  },
  {
    name: 'later event drips',
    shows: 'sends an event in the middle byte by byte, too slowly',
    why: 'The idle limit looks at pieces of the answer, not at bytes.',
    cases: { stream: met(meeting('drip-event=4,50'), breaks(LIMITS.idleMs)) },
  },
  {
    name: 'slow and well',
    shows: 'is slow, but never slower than the limits',
    why: 'The limits are about silence: an answer that takes longer than each of them in all is not cut off.',
    cases: {
      unary: met(meeting('slow-body=600'), answers(600)),
      stream: met(meeting('drip-events=150'), answers(4000, { atLeastMs: 1200 })),
    },
  },
  {
    name: 'hedge',
    shows: 'is known to begin at once, says nothing this time, and the caller allows a second one beside it',
    why: 'Who begins first answers, long before the limit for the first token; the other one is closed, and each is booked once.',
    cases: {
      stream: {
        preferred: { turns: [{ times: 12 }, { faults: ['hang-before-headers'] }] },
        calls: [
          { times: 12, want: answers() },
          {
            allows: 'hedge',
            want: answers(0, {
              by: 'fallback',
              attempts: [cancelled('preferred', 'CANCELLED'), succeeded('fallback')],
              booked: 'both',
            }),
          },
        ],
      },
    },
  },
  {
    name: 'slow to begin',
    shows: 'waits for most of the limit before its headers',
    why: 'A slow beginning is no failure.',
    cases: both(met(meeting('slow-headers=600'), answers(600, { atLeastMs: 500 }))),
  },
]
