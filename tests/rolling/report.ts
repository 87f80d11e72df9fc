// What a rehearsal comes to: whether it went as it must, and its rows of the report.
import { alignedTable } from '../../bench/report.ts'
import type { LoadOptions } from './load.ts'
import type { Rehearsal } from './rehearsal.ts'

/** One part of a report. */
export interface Played {
  readonly name: string
  readonly result: Rehearsal
}

/** How the calls of one kind went, over all ways. */
export function sumOf(tallies: Rehearsal['unary']): { readonly sent: number; readonly failed: number } {
  return tallies.reduce((sum, { sent, failed }) => ({ sent: sum.sent + sent, failed: sum.failed + failed }), {
    sent: 0,
    failed: 0,
  })
}

/** What is not as it must be: calls that failed, streams that were cut, processes that ended otherwise than by themselves. */
export function problemsOf({ failures, endings, unary, streams }: Rehearsal): readonly string[] {
  const idle = [...unary, ...streams].filter(({ sent }) => sent === 0)
  return [
    ...failures,
    ...idle.map(({ name }) => `${name} was never asked`),
    ...endings
      .filter(({ code, aborted }) => code !== 0 || aborted !== 0)
      .map(({ instance, code, aborted }) => `${instance} ended with ${code} and cut ${aborted} calls off`),
  ]
}

/** The report in Markdown. */
export function reportOf(
  played: readonly Played[],
  { date, machine, load }: { readonly date: string; readonly machine: string; readonly load: LoadOptions },
): string {
  const rows = played.map(({ name, result }) => {
    const [unary, streams] = [sumOf(result.unary), sumOf(result.streams)]
    return [
      name,
      result.endings.length,
      result.endings.reduce((sum, { running }) => sum + running, 0),
      unary.sent,
      unary.failed,
      streams.sent,
      streams.failed,
      result.resumed,
    ].map(cell => cell.toLocaleString('en'))
  })
  const ways = played.map(({ name, result }) => {
    const told = [...result.unary, ...result.streams].map(
      each => `${each.name} ${each.sent.toLocaleString('en')}`,
    )
    return `- ${name} (${result.seconds.toFixed(0)} s): ${told.join('; ')}`
  })
  return [
    `On ${date}: ${machine}. ${load.callsPerSecond} unary calls and ${load.streamsPerSecond} streams begin in a second, each stream`,
    `takes ${load.streamSeconds} s or more, through HAProxy, to two instances with one Redis.`,
    '',
    alignedTable([['', 'replaced', 'running then', 'calls', 'failed', 'streams', 'cut', 'resumed'], ...rows]),
    '',
    'Who called, and how often:',
    '',
    ...ways,
  ].join('\n')
}
