// Scenarios about answers that are none: errors under a wrong status, pages, garbage, redirects, empty bodies.
import type { Scenario, Told, Turn } from './scenario.ts'
import { answers, both, goesOn, meeting, met, spoils } from './wants.ts'

const unavailable = goesOn('UPSTREAM_UNAVAILABLE')
const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8' }
const JSON_TYPE = { 'content-type': 'application/json' }
const saying = (raw: NonNullable<Turn['raw']>) => ({ turns: [{ raw }] })
const GARBAGE = Uint8Array.from({ length: 400 }, (_, index) => (index * 73 + 41) % 256)

const usage = ({ inputTokens, outputTokens }: Told) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
})
const head = { id: 'chatcmpl-by-hand', created: 1_763_769_600, model: 'by-hand' }
const asDocument = (told: Told): readonly Turn[] => {
  const choice = { index: 0, message: { role: 'assistant', content: told.text }, finish_reason: 'stop' }
  const body = { ...head, object: 'chat.completion', choices: [choice], usage: usage(told) }
  return [{ raw: { headers: JSON_TYPE, body: JSON.stringify(body) } }]
}
const asEvents = (told: Told): readonly Turn[] => {
  const chunks = [
    {
      ...head,
      choices: [{ index: 0, delta: { role: 'assistant', content: told.text }, finish_reason: null }],
    },
    { ...head, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: usage(told) },
  ]
  const frames = [...chunks.map(chunk => JSON.stringify(chunk)), '[DONE]'].map(data => `data: ${data}\n\n`)
  return [{ raw: { headers: EVENTS, body: frames } }]
}

/** Every one of them. */
export const answerScenarios: readonly Scenario[] = [
  {
    name: 'error in 200',
    shows: 'puts an error under status 200',
    why: 'The body decides: an error is a failed attempt, whatever the status says.',
    cases: both(met(meeting('error-200=500'), unavailable)),
  },
  {
    name: 'error as first event',
    shows: 'sends an error object as the first event of the stream',
    why: 'Nothing good has come yet, so nothing was passed on.',
    cases: { stream: met(meeting('error-after-events=0'), unavailable) },
  },
  {
    name: 'page of a proxy',
    shows: 'is hidden behind the error page of a proxy (502)',
    why: 'No model was asked.',
    cases: both(met(meeting('html=502'), unavailable)),
  },
  {
    name: 'page instead of JSON',
    shows: 'answers with a web page under status 200',
    why: 'No model was asked: a wrong base URL or a proxy answers so.',
    cases: both(met(meeting('html=200'), unavailable)),
  },
  {
    name: 'other JSON',
    shows: 'answers with JSON that is no answer',
    why: 'It took the request under status 200 and may bill it: another one answers, and both are booked.',
    cases: {
      unary: met(saying({ headers: JSON_TYPE, body: '{"hello":"world"}' }), spoils()),
      stream: met(
        saying({ headers: EVENTS, body: ['data: {"hello":"world"}\n\n', 'data: [DONE]\n\n'] }),
        spoils(),
      ),
    },
  },
  {
    name: 'no JSON',
    shows: 'answers with text that is no JSON',
    why: 'As other JSON: under status 200 it may be billed, and nobody has got anything of it.',
    cases: {
      unary: met(saying({ headers: JSON_TYPE, body: 'hello there' }), spoils()),
      stream: met(saying({ headers: EVENTS, body: 'data: hello there\n\n' }), spoils()),
    },
  },
  {
    name: 'empty 200',
    shows: 'answers 200 with an empty body',
    why: 'As a stream without an event: under status 200 it may be billed, and another one answers.',
    cases: both(met(meeting('empty'), spoils())),
  },
  {
    name: 'compressed garbage',
    shows: 'says that its answer is gzip, which was not asked for, and sends garbage',
    why: 'The answer cannot be read, and may be billed: another one answers, and both are booked.',
    cases: both(met(saying({ headers: { 'content-encoding': 'gzip' }, body: GARBAGE }), spoils())),
  },
  {
    name: 'wrong content type',
    shows: 'answers under the wrong content type',
    why: 'What came decides where it can be read at all; events under text/plain cannot, and another one answers.',
    cases: {
      unary: met(meeting('header=content-type:text/plain'), answers()),
      stream: met(meeting('header=content-type:text/plain'), spoils()),
    },
  },
  {
    name: 'other form than asked for',
    shows: 'answers a stream with one document, or a single question with a stream',
    why: 'Some hosts do so, and the answer is whole.',
    cases: {
      unary: met({ turns: asEvents }, answers()),
      stream: met({ turns: asDocument }, answers()),
    },
  },
  {
    name: 'redirect',
    shows: 'answers 302 with another place',
    why: 'A redirect is never followed, since the key would go along: the endpoint is not there.',
    cases: both(
      met(saying({ status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' } }), unavailable),
    ),
  },
  {
    name: 'wrong path',
    shows: 'answers 404 without an error of its own',
    why: 'A 404 without a code comes from a proxy or a wrong base URL, not from a missing model.',
    cases: both(
      met(
        saying({ status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found' }),
        unavailable,
      ),
    ),
  },
  {
    name: '500',
    shows: 'fails (500)',
    why: 'A failed server answered nothing.',
    cases: both(met(meeting('status=500'), unavailable)),
  },
  {
    name: '503 with a body',
    shows: 'is overloaded (503) and says so',
    why: 'Overload is what a fallback is for.',
    cases: both(met(meeting('status=503'), unavailable)),
  },
  {
    name: '503 without a body',
    shows: 'is overloaded (503) and says nothing more',
    why: 'The status says enough.',
    cases: both(met(saying({ status: 503, headers: { 'content-type': 'text/plain' } }), unavailable)),
  },
]
