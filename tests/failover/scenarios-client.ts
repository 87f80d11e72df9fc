// Scenarios about the caller: its deadline, its leaving at every stage, and its idempotency keys.
import type { Scenario } from './scenario.ts'
import { callsTheTool } from './told.ts'
import { answers, both, cancelled, failed, goesOn, left, meeting, one, SLACK_MS, stops } from './wants.ts'

const gone = left(cancelled('preferred', 'CANCELLED'))
const late = (withinMs: number, text: 'none' | 'beginning') =>
  stops('DEADLINE_EXCEEDED', {
    attempts: [cancelled('preferred', 'DEADLINE_EXCEEDED')],
    booked: 'counted',
    withinMs: withinMs + SLACK_MS,
    text,
  })
const replayed = answers(0, { isReplay: true, booked: 'nothing' })

/** Every one of them. */
export const clientScenarios: readonly Scenario[] = [
  {
    name: 'deadline before the first token',
    shows: 'is slower than the deadline of the caller',
    why: 'The deadline is for the whole call; when it is over nobody else is asked.',
    cases: both({
      preferred: meeting('hang-after-headers'),
      calls: one(late(500, 'none'), { deadlineMs: 500 }),
    }),
  },
  {
    name: 'deadline in the middle',
    shows: 'is in the middle of its answer when the deadline of the caller passes',
    why: 'The upstream is closed, and what it may bill is booked.',
    cases: {
      unary: { preferred: meeting('silence-after=40'), calls: one(late(500, 'none'), { deadlineMs: 500 }) },
      stream: {
        preferred: meeting('drip-events=120'),
        calls: one(late(700, 'beginning'), { deadlineMs: 700 }),
      },
    },
  },
  {
    name: 'deadline of the whole call',
    shows: 'says nothing, and the fallback has only what is left of the deadline',
    why: 'A deadline does not begin again with the next attempt.',
    cases: both({
      preferred: meeting('hang-before-headers'),
      fallback: meeting('hang-before-headers'),
      calls: one(
        stops('DEADLINE_EXCEEDED', {
          attempts: [failed('preferred', 'UPSTREAM_UNAVAILABLE'), cancelled('fallback', 'DEADLINE_EXCEEDED')],
          booked: 'counted',
          withinMs: 2000 + SLACK_MS,
          atLeastMs: 1900,
        }),
        { deadlineMs: 2000 },
      ),
    }),
  },
  {
    name: 'leaves before the headers',
    shows: 'has the request and has not answered when the caller leaves',
    why: 'Leaving is cancelling: the upstream socket is closed, nobody else is asked, and what may be billed is booked.',
    cases: both({ preferred: meeting('hang-before-headers'), calls: one(gone, { leave: 'asked' }) }),
  },
  {
    name: 'leaves before the first token',
    shows: 'has sent its headers when the caller leaves',
    why: 'As before the headers.',
    cases: both({ preferred: meeting('alive-forever=20'), calls: one(gone, { leave: 'begun' }) }),
  },
  {
    name: 'leaves in the middle',
    shows: 'is in the middle of its answer when the caller leaves',
    why: 'As before the headers.',
    cases: {
      unary: { preferred: meeting('silence-after=40'), calls: one(gone, { leave: 'begun' }) },
      stream: { preferred: meeting('silence-after-events=4'), calls: one(gone, { leave: 'text' }) },
    },
  },
  {
    name: 'leaves in a tool call',
    shows: 'is in the middle of a tool call when the caller leaves',
    why: 'As before the headers.',
    cases: {
      unary: {
        hasTool: true,
        preferred: { turns: [{ ...callsTheTool, faults: ['silence-after=150'] }] },
        calls: one(gone, { leave: 'begun' }),
      },
      stream: {
        hasTool: true,
        preferred: { turns: [{ ...callsTheTool, faults: ['silence-after-events=4'] }] },
        calls: one(gone, { leave: 'tool call' }),
      },
    },
  },
  {
    name: 'leaves during the fallback',
    shows: 'has failed (500), and the caller leaves while the fallback has the request',
    why: 'Cancelling reaches whoever is being asked.',
    cases: both({
      preferred: meeting('status=500'),
      fallback: meeting('hang-before-headers'),
      calls: one(left(failed('preferred', 'UPSTREAM_UNAVAILABLE'), cancelled('fallback', 'CANCELLED')), {
        leave: 'fallback asked',
      }),
    }),
  },
  {
    name: 'deaf while the caller leaves',
    shows: 'ignores that we leave, when the caller does',
    why: 'The call ends at once, whatever the upstream does.',
    cases: both({ preferred: { place: 'deaf' }, calls: one(gone, { leave: 'begun' }) }),
  },
  {
    name: 'cut and resumed',
    shows:
      'is in the middle of its answer when the connection of the caller is cut, and the caller resumes the stream',
    why: 'The resume window keeps the call alive: the text is whole, no event is lost or doubled, and it is asked and booked once.',
    cases: {
      stream: { preferred: meeting('drip-events=60'), calls: one(answers(2000), { isResumed: true }) },
    },
  },
  {
    name: 'same key at once',
    shows: 'is asked once by two calls at the same time with one idempotency key',
    why: 'The second call joins the first: the same answer, billed once.',
    cases: both({
      preferred: meeting('slow-headers=300'),
      calls: [
        { want: answers(300), idempotencyKey: 'same' },
        { want: answers(300, { booked: 'nothing' }), idempotencyKey: 'same', isBeside: true },
      ],
      reach: { preferred: 1, fallback: 0 },
    }),
  },
  {
    name: 'same key afterwards',
    shows: 'is asked once by two calls one after the other with one idempotency key',
    why: 'The second call gets the recorded answer, for free.',
    cases: both({
      calls: [
        { want: answers(), idempotencyKey: 'same' },
        { want: replayed, idempotencyKey: 'same' },
      ],
      reach: { preferred: 1, fallback: 0 },
    }),
  },
  {
    name: 'same key after a failover',
    shows: 'refuses the connection; the same idempotency key comes again',
    why: 'Who answered does not matter: the recorded answer is the fallback’s.',
    cases: both({
      preferred: { place: 'nobody' },
      calls: [
        { want: goesOn('UPSTREAM_UNAVAILABLE'), idempotencyKey: 'same' },
        {
          want: { ...goesOn('UPSTREAM_UNAVAILABLE'), isReplay: true, booked: 'nothing' },
          idempotencyKey: 'same',
        },
      ],
      reach: { preferred: 0, fallback: 1 },
    }),
  },
  {
    name: 'same key after leaving',
    shows: 'has the request when the caller leaves, and the same idempotency key comes again',
    why: 'A cancelled call frees its key: the question is asked anew.',
    cases: both({
      preferred: { turns: [{ faults: ['hang-before-headers'] }, {}] },
      calls: [
        { want: gone, idempotencyKey: 'same', leave: 'asked' },
        { want: answers(), idempotencyKey: 'same' },
      ],
    }),
  },
  {
    name: 'same key after a failure',
    shows: 'fails twice before its headers, and the same idempotency key comes again',
    why: 'The key lets the same one be asked a second time; when that fails, too, nothing was answered, and the key is free.',
    cases: both({
      preferred: { turns: [{ faults: ['reset-before-headers'], times: 2 }, {}] },
      fallback: 'none',
      calls: [
        {
          want: stops('UPSTREAM_UNAVAILABLE', {
            attempts: [
              failed('preferred', 'UPSTREAM_UNAVAILABLE'),
              failed('preferred', 'UPSTREAM_UNAVAILABLE'),
            ],
          }),
          idempotencyKey: 'same',
        },
        { want: answers(), idempotencyKey: 'same' },
      ],
    }),
  },
  {
    name: 'same key, other question',
    shows: 'is asked once, and then the same idempotency key comes with another question',
    why: 'An answer to another question would be a wrong one.',
    cases: both({
      calls: [
        { want: answers(), idempotencyKey: 'same' },
        {
          want: stops('IDEMPOTENCY_MISMATCH', { attempts: [] }),
          idempotencyKey: 'same',
          words: 'Something else.',
        },
      ],
      reach: { preferred: 1, fallback: 0 },
    }),
  },
]
