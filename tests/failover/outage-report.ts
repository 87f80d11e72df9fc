// The part of the failover report about an outage under load.
import type { Death, OutageOptions, OutageResult, Times } from './outage.ts'

/** One run and how it went. */
export interface OutageRun {
  readonly options: OutageOptions
  readonly result: OutageResult
}

const deaths: Readonly<Record<Death, string>> = {
  refuses: 'refuses connections',
  hangs: 'never answers',
  fails: 'answers 500',
}

/** A section in Markdown without its heading. */
export function outageReport(runs: readonly OutageRun[], date: string, machine: string): string {
  const [first] = runs
  if (first === undefined) return ''
  const { rate, outageSeconds } = first.options
  return [
    `The preferred provider is dead for ${outageSeconds} s while ${rate} streams begin every second (open loop), each with a fallback`,
    `model of another provider. Measured on ${date} on ${machine}; the clients and the doubles share the machine.`,
    '',
    '| The dead provider | calls | failed | healthy: p50 / p99 | before the circuit opened: calls, p99 | after: p50 / p99 | added at p99 | probes in vain | back after |',
    '|---|---|---|---|---|---|---|---|---|',
    ...runs.map(rowOf),
    '',
    'Times are milliseconds from the call to its first text at the client. "Added" is the p99 in the outage after the circuit',
    'opened, probes included, less the p99 before the outage.',
  ].join('\n')
}

function rowOf({ options, result }: OutageRun): string {
  const { healthy, hit, open } = result
  const cells = [
    deaths[options.death],
    String(result.calls),
    String(result.failed),
    pairOf(healthy),
    `${hit.calls}, ${ms(hit.p99Ms)}`,
    pairOf(open),
    `${addedMs(result).toFixed(1)}`,
    String(result.probes),
    result.backAfterMs === undefined ? 'never' : `${(result.backAfterMs / 1000).toFixed(1)} s`,
  ]
  return `| ${cells.join(' | ')} |`
}

/** What the outage adds to the time to the first token at p99 once the circuit is open, in milliseconds. */
export const addedMs = ({ open, healthy }: OutageResult): number => open.p99Ms - healthy.p99Ms

/** Above this the machine is too busy with other things to tell what an outage adds, in milliseconds. */
const QUIET_P99_MS = 50

/** Whether the times before the outage allow to compare anything with them. */
export const isQuiet = ({ healthy }: OutageResult): boolean => healthy.p99Ms <= QUIET_P99_MS

const pairOf = ({ p50Ms, p99Ms }: Times): string => `${ms(p50Ms)} / ${ms(p99Ms)}`
const ms = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(1))
