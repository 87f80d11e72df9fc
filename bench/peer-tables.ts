// The comparison with other gateways as it stands in the documentation.
import { threeOf } from './latency.ts'
import { PEER_LOADS, type PeerFigures, type PeerRow } from './peers.ts'
import { figure } from './ranking.ts'
import { alignedTable } from './report.ts'
import type { Promised } from './targets.ts'

const SHORT = 'node scripts/bench-peers.ts'

/** A table of CPU and memory, one of times, and a line for each that is not there. */
export function describePeers(figures: PeerFigures): string {
  const { rows, installed } = figures
  const versions = installed.filter(({ error }) => error === undefined).map(({ from }) => from)
  const missing = installed.filter(({ error }) => error !== undefined)
  return [
    cpuTable(rows),
    '',
    timesTable(figures),
    '',
    versions.length === 0 ? `None is installed: ${SHORT} does it.` : `Installed: ${versions.join('; ')}.`,
    ...missing.flatMap(({ from, error = '' }) => [
      '',
      `Not to be had: ${from}: \`${error.replaceAll('`', "'")}\`.`,
    ]),
  ].join('\n')
}

/** That ours costs less than every other, by load; unknown when there is no other. */
export function peerTargets({ rows }: PeerFigures): readonly Promised[] {
  const ours = rows.find(({ name }) => name === 'exai')
  const others = othersOf(rows)
  return PEER_LOADS.map(({ name }) => {
    const own = ours?.micros[name] ?? Number.NaN
    const least = others
      .map(row => ({ name: row.name, micros: row.micros[name] ?? Number.NaN }))
      .toSorted((one, other) => one.micros - other.micros)[0]
    return {
      what: `CPU less than every peer: ${name}`,
      target: least === undefined ? 'no peer' : `< ${figure(least.micros)} µs (${least.name})`,
      found: `${figure(own)} µs`,
      isMet: least === undefined ? undefined : own < least.micros,
    }
  })
}

function othersOf(rows: readonly PeerRow[]): readonly PeerRow[] {
  return rows.filter(({ name }) => name !== 'exai' && name !== 'the floor')
}

function cpuTable(rows: readonly PeerRow[]): string {
  const floor = rows.find(({ name }) => name === 'the floor')
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
  return alignedTable([
    ['CPU µs (× the floor)', ...PEER_LOADS.map(titleOf), 'calls/s, unary', 'RSS idle MiB', 'after the loads'],
    ...rows.map(({ name, micros, rates, rssIdle, rssLoaded }) => [
      name,
      ...PEER_LOADS.map(one => {
        const own = micros[one.name] ?? Number.NaN
        return `${figure(own)} (${(own / (floor?.micros[one.name] ?? Number.NaN)).toFixed(1)})`
      }),
      Math.round(rates[PEER_LOADS[0]?.name ?? ''] ?? Number.NaN).toLocaleString('en'),
      mib(rssIdle),
      mib(rssLoaded),
    ]),
  ])
}

function timesTable({ rows, timedAt }: PeerFigures): string {
  const timed = PEER_LOADS.filter(({ name }) => name in timedAt)
  return alignedTable([
    [
      'p50 / p95 / p99 ms',
      ...timed.map(one => {
        const what = one.kind === 'unary' ? 'answer' : 'first text'
        return `${titleOf(one)}: ${what}, at ${(timedAt[one.name] ?? Number.NaN).toFixed(0)} calls/s`
      }),
    ],
    ...rows.map(({ name, times }) => [
      name,
      ...timed.map(one => {
        const own = times[one.name]
        return own === undefined ? '' : threeOf(own)
      }),
    ]),
  ])
}

function titleOf({ name, kind }: (typeof PEER_LOADS)[number]): string {
  return `${name.split(',')[0]}, ${kind === 'unary' ? 'call' : 'event'}`
}
