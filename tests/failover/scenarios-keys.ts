// Scenarios about several keys of one provider: refused ones, limited ones, one account, and a region that is dead.
import type { Key, Scenario } from './scenario.ts'
import { answers, both, failed, goesOn, one, SLACK_MS, stops, succeeded } from './wants.ts'

const good: Key = { state: 'good' }
const refused: Key = { state: 'refused' }
const byNextKey = (error: 'UPSTREAM_CREDENTIALS' | 'UPSTREAM_LIMITED' | 'UPSTREAM_UNAVAILABLE') =>
  answers(0, { attempts: [failed('preferred', error, 'key-1'), succeeded('preferred', 'key-2')] })
const allRefused = ['key-1', 'key-2', 'key-3'].map(key => failed('preferred', 'UPSTREAM_CREDENTIALS', key))

/** Every one of them. */
export const keyScenarios: readonly Scenario[] = [
  {
    name: 'one dead key of three',
    shows: 'refuses one of our three keys',
    why: 'The next key is asked before any other model; the refused one is not tried again by the next call.',
    cases: both({
      preferred: { keys: [refused, good, good] },
      calls: [
        { want: byNextKey('UPSTREAM_CREDENTIALS') },
        { want: answers(0, { attempts: [succeeded('preferred', 'key-3')] }) },
      ],
    }),
  },
  {
    name: 'all keys dead',
    shows: 'refuses all of our three keys',
    why: 'Keys first, then the next provider; the next call goes there at once.',
    cases: both({
      preferred: { keys: [refused, refused, refused] },
      calls: [
        {
          want: {
            end: 'answered',
            by: 'fallback',
            attempts: [...allRefused, succeeded('fallback')],
            withinMs: SLACK_MS,
            booked: 'reported',
          },
        },
        {
          want: {
            end: 'answered',
            by: 'fallback',
            attempts: [succeeded('fallback')],
            withinMs: SLACK_MS,
            booked: 'reported',
          },
        },
      ],
    }),
  },
  {
    name: 'all keys dead, alone',
    shows: 'refuses all of our three keys, and there is no fallback',
    why: 'The error says that our credentials are at fault, so that no caller thinks that its own are.',
    cases: both({
      preferred: { keys: [refused, refused, refused] },
      fallback: 'none',
      calls: one(stops('UPSTREAM_CREDENTIALS', { attempts: allRefused })),
    }),
  },
  {
    name: 'one limited key of two',
    shows: 'limits the rate of one of our two keys (429)',
    why: 'The keys have accounts of their own, so the other one may be asked at once.',
    cases: both({
      preferred: { keys: [good, good], turns: [{ faults: ['status=429', 'retry-after=30'] }, {}] },
      calls: [
        { want: byNextKey('UPSTREAM_LIMITED') },
        { want: answers(0, { attempts: [succeeded('preferred', 'key-2')] }) },
      ],
    }),
  },
  {
    name: 'one limited account',
    shows: 'limits the rate of an account to which both of our keys belong (429)',
    why: 'A shared limit is not escaped by turning to another key.',
    cases: both({
      preferred: {
        keys: [
          { state: 'good', account: 'shared' },
          { state: 'good', account: 'shared' },
        ],
        turns: [{ faults: ['status=429', 'retry-after=30'] }],
      },
      calls: one(goesOn('UPSTREAM_LIMITED')),
    }),
  },
  {
    name: 'one dead region',
    shows: 'refuses connections in one region, and another key is of another region',
    why: 'A key has its own base URL: where it leads elsewhere, it is worth asking before any other model, and next time at once.',
    cases: both({
      preferred: { keys: [{ state: 'dead' }, good] },
      calls: [
        { want: byNextKey('UPSTREAM_UNAVAILABLE') },
        { times: 3, want: answers(0, { attempts: [succeeded('preferred', 'key-2')] }) },
      ],
      reach: { preferred: 4 },
    }),
  },
  {
    name: 'all regions dead',
    shows: 'refuses connections in both regions of our two keys',
    why: 'Each region is asked once, then the fallback: a dead provider does not cost more attempts than it has addresses.',
    cases: both({
      preferred: { keys: [{ state: 'dead' }, { state: 'dead', place: 'elsewhere' }] },
      calls: one({
        end: 'answered',
        by: 'fallback',
        attempts: [
          failed('preferred', 'UPSTREAM_UNAVAILABLE', 'key-1'),
          failed('preferred', 'UPSTREAM_UNAVAILABLE', 'key-2'),
          succeeded('fallback'),
        ],
        withinMs: SLACK_MS,
        booked: 'reported',
      }),
      reach: { preferred: 0 },
    }),
  },
]
