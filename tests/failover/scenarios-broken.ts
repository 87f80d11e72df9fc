// Scenarios about answers that break off, or say their end in an unusual way.
import type { Case, Scenario, Who } from './scenario.ts'
import { callsTheTool } from './told.ts'
import {
  answers,
  both,
  breaks,
  broken,
  failed,
  LIMITS,
  meeting,
  met,
  one,
  SLACK_MS,
  spoils,
  spoilsAlone,
  succeeded,
} from './wants.ts'

const meetingTool = (...faults: readonly string[]) => ({ turns: [{ ...callsTheTool, faults }] })

/** What Kimi has said after four events, of which the first one has no text. */
const BEGUN = 'Kiwis are what '

const brokenOnce = (fault: string): Case => ({
  preferred: { turns: [{ faults: [fault] }, {}] },
  fallback: 'none',
  calls: one(
    answers(SLACK_MS, {
      attempts: [failed('preferred', 'UPSTREAM_BROKEN'), succeeded('preferred')],
      booked: 'both',
    }),
    { idempotencyKey: 'again' },
  ),
})
const goesOnWith = (by: Who) =>
  answers(LIMITS.firstTokenMs, {
    by,
    attempts: [broken('preferred'), succeeded(by)],
    booked: 'both',
    hasSeam: true,
  })

/** Every one of them. */
export const brokenScenarios: readonly Scenario[] = [
  {
    name: 'reset in the middle',
    shows: 'resets the connection in the middle of its answer',
    why: 'After the first output there is no silent switch; of a whole answer nothing was passed on, so another one answers.',
    cases: {
      unary: met(meeting('cut-after=0'), spoils()),
      stream: met(meeting('cut-after-events=4'), breaks()),
    },
  },
  {
    name: 'just stops',
    shows: 'ends its answer properly, too early',
    why: 'An upstream that just stops is a failure, never a success; what it may bill is booked beside the answer of another.',
    cases: {
      unary: met(meeting('half-json'), spoils()),
      stream: met(meeting('end-after-events=4'), breaks()),
    },
  },
  {
    name: 'cut in the middle of an event',
    shows: 'stops in the middle of an event',
    why: 'Half an event is not passed on, and what came before it is no whole answer.',
    cases: {
      unary: met(meeting('cut-after=60'), spoils()),
      stream: met(meeting('half-event=4'), breaks()),
    },
  },
  {
    name: 'stops before the first token',
    shows: 'begins a stream and ends it without any event',
    why: 'It took the request and may bill it, but the caller has got nothing: another one answers, and both are booked.',
    cases: { stream: met(meeting('end-after-events=0'), spoils()) },
  },
  {
    name: 'reset before the first token',
    shows: 'begins a stream and resets the connection without any event',
    why: 'As one that stops: another one answers, and both are booked.',
    cases: { stream: met(meeting('cut-after-events=0'), spoils()) },
  },
  {
    name: 'cut, alone',
    shows: 'resets the connection in the middle of a single answer, and there is no fallback',
    why: 'It may be billed, and only the caller may decide to pay twice for the same one: the call ends, and the estimate is booked.',
    cases: { unary: met(meeting('cut-after=60'), spoilsAlone(), { fallback: 'none' }) },
  },
  {
    name: 'stops before the first token, alone',
    shows: 'begins a stream and ends it without any event, and there is no fallback',
    why: 'As a single answer that is cut: the same one is not asked again, and the estimate is booked.',
    cases: { stream: met(meeting('end-after-events=0'), spoilsAlone(), { fallback: 'none' }) },
  },
  {
    name: 'breaks off, alone and idempotent',
    shows:
      'breaks off once before anything was passed on, there is no fallback, and the call has an idempotency key',
    why: 'The caller said that asking twice is safe: the same one is asked again, and both attempts are booked.',
    cases: {
      unary: brokenOnce('empty'),
      stream: brokenOnce('end-after-events=0'),
    },
  },
  {
    name: 'text goes on',
    shows: 'breaks a stream in its text, the caller allows another to go on, and the fallback can',
    why: 'The seam is exact and told, nothing of the text comes twice or is lost, and both parts are booked.',
    // Only Kimi goes on with a text that is begun, and it stands in for GLM.
    providers: ['glm'],
    cases: {
      stream: {
        preferred: meeting('cut-after-events=4'),
        calls: one(goesOnWith('fallback'), { allows: 'reroute' }),
      },
    },
  },
  {
    name: 'own text goes on',
    shows: 'breaks a stream in its text, the caller allows to go on, and only it can',
    why: 'The fallback would begin anew; the same one knows its own words, and the text is that of one answer.',
    providers: ['kimi'],
    cases: {
      stream: {
        preferred: {
          turns: ({ text }) => [
            { faults: ['cut-after-events=4'] },
            { answer: { text: text.slice(BEGUN.length) } },
          ],
        },
        calls: one(goesOnWith('preferred'), { allows: 'reroute' }),
      },
    },
  },
  {
    name: 'text cannot go on',
    shows: 'breaks a stream in its text, the caller allows to go on, and nobody can',
    why: 'A second beginning is no continuation: the stream ends with the error of the break.',
    providers: ['openai', 'minimax'],
    cases: {
      stream: { preferred: meeting('cut-after-events=4'), calls: one(breaks(), { allows: 'reroute' }) },
    },
  },
  {
    name: 'cut in the middle of a tool call',
    shows: 'resets the connection in the middle of the arguments of a tool call',
    why: 'Half a call must never look like one: the stream breaks, and no other provider goes on with it.',
    cases: {
      unary: met(meetingTool('cut-after=150'), spoils(), { hasTool: true }),
      stream: met(meetingTool('cut-after-events=4'), breaks(), { hasTool: true }),
    },
  },
  {
    name: 'tool call just stops',
    shows: 'ends the stream properly in the middle of the arguments of a tool call',
    why: 'A call whose arguments are no whole JSON is not done.',
    cases: { stream: met(meetingTool('end-after-events=4', 'no-finish'), breaks(), { hasTool: true }) },
  },
  {
    name: 'error in the middle',
    shows: 'sends an error object in the middle of the stream',
    why: 'Part of the answer is with the caller: it is told that the rest will not come.',
    cases: { stream: met(meeting('error-after-events=4'), breaks()) },
  },
  {
    name: 'no finish',
    shows: 'never says why it stopped',
    why: 'Without a reason to stop nobody knows whether the answer is whole.',
    cases: {
      unary: met(meeting('no-finish'), spoils()),
      stream: met(meeting('no-finish'), breaks()),
    },
  },
  {
    name: 'finish twice',
    shows: 'says twice why it stopped',
    why: 'The answer is whole; it is completed once and booked once.',
    cases: { stream: met(meeting('finish-twice'), answers()) },
  },
  {
    name: 'usage cut off',
    shows: 'ends after the finish without usage and without the mark of the end',
    why: 'The answer is whole; its usage is counted here and said to be an estimate.',
    cases: both(met(meeting('no-usage', 'no-done'), answers(0, { booked: 'counted' }))),
  },
  {
    name: 'usage in every chunk',
    shows: 'reports its usage again and again',
    why: 'Counts are cumulative: the last ones are booked, once.',
    cases: both(met(meeting('usage-everywhere'), answers())),
  },
]
