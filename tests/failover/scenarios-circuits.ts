// Scenarios about circuits: what opens one, what does not, and how one closes again.
import type { Case, Scenario, Want } from './scenario.ts'
import {
  answers,
  both,
  breaks,
  cancelled,
  goesOn,
  left,
  meeting,
  one,
  SLACK_MS,
  stops,
  succeeded,
} from './wants.ts'

const byFallback: Want = {
  end: 'answered',
  by: 'fallback',
  attempts: [succeeded('fallback')],
  withinMs: SLACK_MS,
  booked: 'reported',
}
const unavailable = goesOn('UPSTREAM_UNAVAILABLE')
const fails = { faults: ['status=500'] }
const waits = { before: 'the circuit has been open long enough' } as const
const refusing = { raw: { status: 400, body: '{"error":{"message":"A field is wrong."}}' } }
const nobodyElse: Partial<Case> = { fallback: 'none' }

/** Every one of them. */
export const circuitScenarios: readonly Scenario[] = [
  {
    name: 'storm',
    shows: 'fails every call (500) for 30 calls',
    why: 'After ten failures its circuit opens: it is asked no more, and every call is answered all the same.',
    cases: both({
      preferred: { turns: [fails] },
      calls: [
        { times: 10, want: unavailable },
        { times: 20, want: byFallback },
      ],
    }),
  },
  {
    name: 'storm of resets',
    shows: 'refuses every connection for 30 calls',
    why: 'A dead host must not tax every call.',
    cases: both({
      preferred: { place: 'nobody' },
      calls: [
        { times: 10, want: unavailable },
        { times: 20, want: byFallback },
      ],
    }),
  },
  {
    name: 'storm, alone',
    shows: 'fails every call (500) for 15 calls, and there is no fallback',
    why: 'A circuit works with one target, too: calls fail at once, and the error says when to come again.',
    cases: both({
      ...nobodyElse,
      preferred: { turns: [fails] },
      calls: [
        { times: 10, want: stops('UPSTREAM_UNAVAILABLE') },
        {
          times: 5,
          want: stops('UPSTREAM_UNAVAILABLE', {
            attempts: [],
            retryDelayMs: [1, 30_000],
            withinMs: SLACK_MS,
          }),
        },
      ],
    }),
  },
  {
    name: 'after the storm',
    shows: 'fails ten calls (500) and is well again',
    why: 'After the open time one real call is the probe; when it succeeds the circuit is closed, and the fallback has rest.',
    opensBriefly: true,
    cases: both({
      preferred: { turns: [{ ...fails, times: 10 }, {}] },
      calls: [
        { times: 10, want: unavailable },
        { times: 2, want: byFallback },
        { ...waits, want: answers() },
        { times: 4, want: answers() },
      ],
    }),
  },
  {
    name: 'probe fails',
    shows: 'fails ten calls (500) and the probe as well',
    why: 'One failed probe opens the circuit for another time: no second call pays for it.',
    opensBriefly: true,
    cases: both({
      preferred: { turns: [{ ...fails, times: 11 }, {}] },
      calls: [
        { times: 10, want: unavailable },
        { ...waits, want: unavailable },
        { times: 2, want: byFallback },
        { ...waits, want: answers() },
      ],
    }),
  },
  {
    name: 'one probe at a time',
    shows: 'is slow to answer the probe while other calls come',
    why: 'Half open is one call: the others go to the fallback at once instead of waiting for it.',
    opensBriefly: true,
    cases: both({
      preferred: { turns: [{ ...fails, times: 10 }, { faults: ['slow-headers=400'] }] },
      calls: [
        { times: 10, want: unavailable },
        { ...waits, want: answers(400) },
        { isBeside: true, want: byFallback },
        { isBeside: true, want: byFallback },
        { isBeside: true, want: byFallback },
      ],
      reach: { preferred: 11 },
    }),
  },
  {
    name: 'probe is cancelled',
    shows: 'is slow to answer the probe, whose caller leaves',
    why: 'A cancelled probe says nothing: the next call is the probe.',
    opensBriefly: true,
    cases: both({
      preferred: { turns: [{ ...fails, times: 10 }, { faults: ['hang-before-headers'] }, {}] },
      calls: [
        { times: 10, want: unavailable },
        { ...waits, want: left(cancelled('preferred', 'CANCELLED')), leave: 'asked' },
        { want: answers() },
      ],
    }),
  },
  {
    name: 'broken streams',
    shows: 'breaks every stream after its first output',
    why: 'A break is one more failure beside the good beginning: five streams are ten outcomes, half of them bad.',
    cases: {
      stream: {
        preferred: meeting('cut-after-events=4'),
        calls: [
          { times: 5, want: breaks() },
          { times: 3, want: byFallback },
        ],
      },
    },
  },
  {
    name: 'leaving callers',
    shows: 'is left by twelve callers before it answers',
    why: 'Cancelled calls count for nothing: the circuit stays closed.',
    cases: both({
      preferred: { turns: [{ faults: ['hang-before-headers'], times: 12 }, {}] },
      calls: [
        { times: 12, want: left(cancelled('preferred', 'CANCELLED')), leave: 'asked' },
        { want: answers() },
      ],
    }),
  },
  {
    name: 'bad requests',
    shows: 'refuses twelve bad requests (400)',
    why: 'Bad requests count for nobody: the circuit stays closed.',
    cases: both({
      preferred: { turns: [{ ...refusing, times: 12 }, {}] },
      calls: [{ times: 12, want: stops('INVALID_REQUEST') }, { want: answers() }],
    }),
  },
  {
    name: 'operator',
    shows: 'is well, and an operator holds its circuit open for a while',
    why: 'An operator takes a provider out without a restart: the fallback answers at once, and a reset brings it back.',
    cases: both({
      calls: [
        { want: answers() },
        { before: 'an operator opens its circuit', times: 3, want: byFallback },
        { before: 'an operator resets its circuit', times: 2, want: answers() },
      ],
    }),
  },
  {
    name: 'late failures',
    shows: 'fails 14 calls at once (500) that began before its circuit opened',
    why: 'All of them are answered, and what ends after the circuit opened is dropped: one probe closes it.',
    opensBriefly: true,
    cases: both({
      preferred: { turns: [{ faults: ['status=500', 'slow-headers=200'], times: 14 }, {}] },
      calls: [
        ...one(unavailable),
        ...Array.from({ length: 13 }, () => ({ want: unavailable, isBeside: true as const })),
        { want: byFallback },
        { ...waits, want: answers() },
        { want: answers() },
      ],
    }),
  },
]
