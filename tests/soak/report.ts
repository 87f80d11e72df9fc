// Says in words and in a table what came of a soak.
import { availableParallelism, cpus } from 'node:os'
import type { SoakReport } from './run.ts'
import type { Sample } from './samples.ts'

const MIB = 2 ** 20
/** Connections to providers that are kept for a while, and files of the store that are open or not. */
const SPARE = 8
const LAG_SHARE = 0.95

/** How a soak was run. */
export interface SoakSetting {
  readonly minutes: number
  readonly rate: number
  readonly seed: number
}

/** What is wrong; nothing when the service stays as it is and nobody got a wrong answer. */
export function faultsOf({
  courses,
  mistakes,
  before,
  after,
  balance,
  ending,
}: SoakReport): readonly string[] {
  return [
    ...courses
      .filter(({ isFlat }) => !isFlat)
      .map(one => `${one.name} grew from ${one.first} to ${one.last}`),
    ...mistakes,
    ...(ownOf(after) > ownOf(before) + SPARE
      ? [`${ownOf(after) - ownOf(before)} file handles or sockets are left`]
      : []),
    ...(balance.wrong > 0 ? [`${balance.wrong} answers stand wrong in the ledger`] : []),
    ...(balance.unheard > balance.left ? [`${balance.unheard} lines in the ledger are nobody's`] : []),
    ...(ending.code === 0 ? [] : [`the service ended with ${ending.code ?? ending.signal}`]),
  ]
}

// The connections of clients are in their hands: those that are kept for a next call are theirs to close.
function ownOf({ files, connections }: Sample): number {
  return files - connections
}

/** One look, as a line. */
export function lineOf(sample: Sample): string {
  const { atSeconds, rssBytes, heapBytes, files, sockets, lagMs, inFlight, resources } = sample
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1)
  return `${atSeconds.toFixed(0)} s: heap ${mib(heapBytes)} MiB, resident ${mib(rssBytes)} MiB, ${files} handles, ${sockets} sockets, ${resources['Timeout'] ?? 0} timers, ${lagMs.toFixed(0)} ms late, ${inFlight} running`
}

/** What came of it, in Markdown. */
export function tableOf(report: SoakReport, { minutes, rate, seed }: SoakSetting): string {
  const { courses, calls, skipped, mistakes, before, after, balance, samples } = report
  const lags = samples.map(({ lagMs }) => lagMs).toSorted((one, other) => one - other)
  const lag = lags[Math.floor(lags.length * LAG_SHARE)] ?? 0
  const done = Object.values(calls).reduce((sum, count) => sum + count, 0)
  const kinds = Object.entries(calls).map(([name, count]) => `${count} ${name}`)
  const [cpu] = cpus()
  return [
    `${new Date().toISOString().slice(0, 10)}, \`npm run soak -- ${minutes} ${rate} ${seed}\`: ${minutes} minutes, ${rate} calls a second.`,
    `${cpu?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores, node ${process.version}.`,
    '',
    '| held | first third | last third | by the line, an hour | stays |',
    '|---|---:|---:|---:|---|',
    ...courses.map(
      ({ name, first, last, perHour, isFlat }) =>
        `| ${name} | ${amount(first)} | ${amount(last)} | ${perHour < 0 ? '−' : '+'}${amount(Math.abs(perHour))} | ${isFlat ? 'yes' : 'no'} |`,
    ),
    '',
    `- Calls with their right end: ${done} (${kinds.join(', ')}); wrong ones: ${mistakes.length}; not begun, because too many were running: ${skipped}.`,
    `- Handles before and after: ${before.files} and ${after.files}; sockets: ${before.sockets} and ${after.sockets}.`,
    `- Timers came at most ${lag.toFixed(0)} ms late in 95 of 100 looks, each with a collection of garbage before it.`,
    `- Money: ${balance.answers} answers, ${balance.providerNanoUsd} nano-dollars by the provider's count, ${balance.ledgerNanoUsd} in the ledger, ${balance.wrong} answers with another sum.`,
    '',
  ].join('\n')
}

function amount(value: number): string {
  return value > MIB / 8 ? `${(value / MIB).toFixed(1)} MiB` : value.toFixed(value < 10 ? 1 : 0)
}
