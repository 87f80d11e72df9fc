// Scenarios about refusals: of the request, which nobody else would take either, and of the model, the length or the content.
import type { Case, Scenario } from './scenario.ts'
import { both, goesOn, meeting, met, stops } from './wants.ts'

const refusing = (status: number, error: Readonly<Record<string, string>>) => ({
  turns: [
    {
      raw: {
        status,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ error }),
      },
    },
  ],
})

const tooLong = refusing(400, { message: 'The prompt is too long.', code: 'context_length_exceeded' })
const refused = refusing(400, { message: 'The prompt was flagged.', code: 'content_filter' })
const alone: Partial<Case> = { fallback: 'none' }

/** Every one of them. */
export const refusedScenarios: readonly Scenario[] = [
  {
    name: '401 auth',
    shows: 'refuses its only key (401)',
    why: 'Our key is not the caller’s: somebody whose key is good is asked.',
    cases: both(met(meeting('status=401'), goesOn('UPSTREAM_CREDENTIALS'))),
  },
  {
    name: '402 billing',
    shows: 'wants to be paid first (402)',
    why: 'No credit is the key’s trouble, and nothing was answered.',
    cases: both(met(refusing(402, { message: 'Payment required.' }), goesOn('UPSTREAM_CREDENTIALS'))),
  },
  {
    name: '403 permission',
    shows: 'does not let the key use the model (403)',
    why: 'It is about this key and this model only.',
    cases: both(met(refusing(403, { message: 'No access to the model.' }), goesOn('UPSTREAM_CREDENTIALS'))),
  },
  {
    name: '404 model',
    shows: 'does not know the model (404)',
    why: 'Nothing was answered, and the fallback is another model: what one provider lacks says nothing about the next.',
    cases: both(
      met(refusing(404, { message: 'No such model.', code: 'model_not_found' }), goesOn('MODEL_NOT_FOUND')),
    ),
  },
  {
    name: '400 bad request',
    shows: 'refuses the request (400)',
    why: 'What is wrong with a request is wrong everywhere: the caller is told, and nobody else is bothered.',
    cases: both(met(refusing(400, { message: 'A field is wrong.' }), stops('INVALID_REQUEST'))),
  },
  {
    name: '413 too large',
    shows: 'finds the body too large (413)',
    why: 'A bad request.',
    cases: both(met(refusing(413, { message: 'Too large.' }), stops('INVALID_REQUEST'))),
  },
  {
    name: '422 unprocessable',
    shows: 'cannot process the request (422)',
    why: 'A bad request.',
    cases: both(met(refusing(422, { message: 'Cannot be processed.' }), stops('INVALID_REQUEST'))),
  },
  {
    name: 'too long, larger window',
    shows: 'finds the prompt too long, and the fallback has a larger window',
    why: 'The next larger window may hold it.',
    cases: both(met(tooLong, goesOn('CONTEXT_TOO_LONG'))),
  },
  {
    name: 'too long, smaller window',
    shows: 'finds the prompt too long, and the fallback has a smaller window',
    why: 'What is too long for a window is too long for a smaller one.',
    cases: both(met(tooLong, stops('CONTEXT_TOO_LONG'), { fallback: { window: 50_000 } })),
  },
  {
    name: 'too long, alone',
    shows: 'finds the prompt too long, and there is no fallback',
    why: 'The caller is told what is wrong with its prompt.',
    cases: both(met(tooLong, stops('CONTEXT_TOO_LONG'), alone)),
  },
  {
    name: 'content refused',
    shows: 'refuses the content, and the call names a fallback',
    why: 'Who names a fallback asks for another opinion.',
    cases: both(met(refused, goesOn('CONTENT_REFUSED'))),
  },
  {
    name: 'content refused, alone',
    shows: 'refuses the content, and there is no fallback',
    why: 'Nobody else was allowed to answer.',
    cases: both(met(refused, stops('CONTENT_REFUSED'), alone)),
  },
]
