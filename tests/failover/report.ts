// Writes the report of the failover suite: the score, and every scenario with a mark for each provider and shape.
import { type Cell, type CellResult, titleOf } from './cell.ts'
import { PROVIDERS, type Scenario, SHAPES, type Want } from './scenario.ts'
import { codeTopic, type Topic, topics } from './scenarios.ts'

/** What the report is made of. */
export interface ReportInput {
  readonly results: readonly CellResult[]
  readonly date: string
  readonly machine: string
  readonly seconds: number
  /** What the report before said about the outage; undefined: nothing. */
  readonly outage: string | undefined
}

/** Names the place of the part that the measured outage writes. */
export const OUTAGE = 'outage'

/** That part of an earlier report; undefined when it has none. */
export function outageIn(report: string): string | undefined {
  const [, text] = report.split(new RegExp(`<!-- ${OUTAGE}:(?:begin|end) -->`))
  return text?.trim()
}

/** The share of good cells in percent, rounded down to a tenth: 100 only if all are good. */
export const scoreOf = (results: readonly CellResult[]): number => {
  const good = results.filter(({ problems }) => problems.length === 0).length
  return Math.floor((good / results.length) * 1000) / 10
}

/** The whole document, in Markdown. */
export function reportOf({ results, date, machine, seconds, outage }: ReportInput): string {
  const marks = new Map(results.map(({ cell, problems }) => [titleOf(cell), problems.length === 0]))
  const count = topics.reduce((sum, { scenarios }) => sum + scenarios.length, 0)
  const good = results.filter(({ problems }) => problems.length === 0).length
  return [
    '# Failover',
    '',
    'What becomes of a call when a provider fails. This page is written by `npm run failover`.',
    '',
    `**Score: ${scoreOf(results)} %** (${good} of ${results.length} cells), ${date}, in ${seconds.toFixed(0)} s on ${machine}.`,
    '',
    ...introduction(count),
    ...topics.flatMap(topic => topicOf(topic, marks)),
    ...codesOf(marks),
    '## An outage under load',
    '',
    'Written by `npm run failover -- --outage`.',
    '',
    `<!-- ${OUTAGE}:begin -->`,
    '',
    outage ?? 'Not measured yet.',
    '',
    `<!-- ${OUTAGE}:end -->`,
    '',
  ].join('\n')
}

const introduction = (count: number): readonly string[] => [
  'The service runs as a process of its own, and its providers are doubles on real sockets that speak the wires of',
  'OpenAI, GLM, Kimi and MiniMax and misbehave on demand. Every provider is the preferred one once, with the next one',
  `in the circle as the fallback model. Each of the ${count} scenarios is played for every provider, as a single answer`,
  '(`Complete`) and as a stream (`StreamComplete`) where it makes sense, and so is every error code that a provider documents.',
  '',
  'What must come of it was written down by hand in `tests/failover/scenarios-*.ts`, with a reason for each. A cell is',
  'good (✓) only if all of this is so:',
  '',
  '- the call ends as expected, in exactly one way: with the right provider’s answer, or with the right code and reason;',
  '- the text is the whole text of one provider, or the beginning of it where the stream broke, and never a mixture;',
  '- the route shows exactly the expected attempts, and every provider got exactly as many requests;',
  '- it took no longer than the configured limits allow, and no shorter than a wait that was asked for;',
  '- usage and cost in the answer, in the log and in the metrics are what the answering provider reported, once, and where',
  '  another one may bill the same call, an estimate for that one beside it;',
  '- soon after the call no request to any provider is open, and with the end of the service no socket.',
  '',
  'An answer that breaks off before its first output has reached a provider that took the request, and may bill it. The next',
  'candidate is asked all the same: a caller wants an answer, and going on is no repetition. **Such a call may be paid twice**,',
  'and both parts are booked, the broken one as an estimate. With nobody left it ends with ABORTED and UPSTREAM_BROKEN, and the',
  'same candidate is asked again only where the call has an idempotency key.',
  '',
  'To run it: `npm run failover`, or `npm run failover -- --only "429"` for those cells whose title has these words. It ends with',
  'an error unless the score is 100 %. A part of it runs with the tests.',
  '',
]

function topicOf({ title, scenarios }: Topic, marks: ReadonlyMap<string, boolean>): readonly string[] {
  const names = PROVIDERS.join(' · ')
  return [
    `## ${title}`,
    '',
    `| The preferred provider | What comes of it | single: ${names} | stream: ${names} |`,
    '|---|---|---|---|',
    ...scenarios.map(scenario => {
      const cells = SHAPES.map(shape =>
        PROVIDERS.map(provider => markOf(marks.get(titleOf({ scenario, provider, shape })))).join(' '),
      )
      return `| ${scenario.shows} | ${endsOf(scenario)} | ${cells.join(' | ')} |`
    }),
    '',
  ]
}

function codesOf(marks: ReadonlyMap<string, boolean>): readonly string[] {
  return [
    `## ${codeTopic.title}`,
    '',
    'Every code in the tables of the providers; a fallback with a larger window is there to be asked.',
    '',
    '| Provider | Code | What comes of it | single | stream |',
    '|---|---|---|---|---|',
    ...codeTopic.scenarios.map(scenario => {
      const [provider = 'openai'] = scenario.providers ?? []
      const cells = SHAPES.map(shape => markOf(marks.get(titleOf({ scenario, provider, shape }))))
      const code = scenario.name.replace('code ', '')
      return `| ${provider} | \`${code}\` | ${scenario.why.replace('It means: ', '').replace('.', '')}: ${endsOf(scenario)} | ${cells.join(' | ')} |`
    }),
    '',
  ]
}

const markOf = (isGood: boolean | undefined): string => (isGood === undefined ? '–' : isGood ? '✓' : '✗')

/** What must come of it, from the last call of each shape; said once where both are the same. */
function endsOf({ cases }: Scenario): string {
  const ends = SHAPES.flatMap(shape => {
    const want = cases[shape]?.calls.at(-1)?.want
    return want === undefined ? [] : [{ shape, says: endOf(want) }]
  })
  const [first, second] = ends
  if (first === undefined) return ''
  if (second === undefined || first.says === second.says) return first.says
  return ends.map(({ shape, says }) => `${shape === 'unary' ? 'single' : 'stream'}: ${says}`).join('; ')
}

function endOf(want: Want): string {
  switch (want.end) {
    case 'answered': {
      const failed = want.attempts.length - 1
      if (want.isReplay === true) return 'the recorded answer, free'
      if (want.hasSeam === true)
        return want.by === 'fallback' ? 'the fallback goes on with the text' : 'it goes on with its own text'
      if (want.by === 'fallback')
        return `the fallback answers${want.booked === 'both' ? ', and both are booked' : ''}`
      return failed === 0 ? 'it answers' : 'it answers at the next attempt'
    }
    case 'failed':
      return `${want.code} ${want.reason}${want.text === 'beginning' ? ' after the beginning of the answer' : ''}`
    case 'left':
      return 'cancelled, and closed upstream'
  }
}

/** A cell that is not good, for a terminal. */
export const complaintOf = ({ cell, problems }: CellResult): string =>
  [`✗ ${titleOf(cell)}`, ...problems.map(problem => `    ${problem}`)].join('\n')

/** Titles of cells have the words that were asked for. */
export const isWanted = (cell: Cell, words: string): boolean =>
  titleOf(cell).toLowerCase().includes(words.toLowerCase())
