// The state of a service as one screen of text: what is wrong stands out, and what is well is short.
import {
  type Circuit,
  Circuit_State as CircuitState,
  HealthState,
  ProviderKeyStatus_State as KeyState,
  type ProviderKeyStatus,
  type Status,
} from '#gen/exai/v1/status_pb'
import { safeLine } from './terminal-text.ts'

/** The screen, and whether calls can be answered. */
export function statusScreen(
  status: Status,
  nowMs: number,
): { readonly text: string; readonly isWell: boolean } {
  const providers = status.providers.filter(isInUse)
  const idle = status.providers.filter(one => !isInUse(one)).map(({ provider }) => provider)
  const parts = status.components.filter(({ name }) => !name.startsWith('provider/'))
  const shut = status.circuits.filter(({ state }) => state !== CircuitState.CLOSED)
  const lines = [
    headOf(status),
    '',
    ...section(
      'parts',
      parts.map(one => [mark(one.state), one.name, ...why(one, nowMs)]),
    ),
    ...section(
      'providers',
      providers.map(one => [mark(one.state), one.provider, keysOf(one.keys, nowMs), ...why(one, nowMs)]),
    ),
    ...(idle.length === 0 ? [] : [`  without a key: ${idle.join(', ')}`, '']),
    ...section(
      'stores',
      status.stores.map(one => [mark(one.state), one.name, roomOf(one.freeBytes), ...why(one, nowMs)]),
    ),
    `circuits: ${status.circuits.length - shut.length} closed${shut.length === 0 ? '' : `, ${shut.length} not`}`,
    ...shut.map(one => `  ${circuitLine(one, nowMs)}`),
    ...backlogLines(status),
  ]
  return { text: `${lines.map(safeLine).join('\n')}\n`, isWell: status.state !== HealthState.UNHEALTHY }
}

const WORDS: Readonly<Record<number, string>> = {
  [HealthState.HEALTHY]: 'healthy',
  [HealthState.DEGRADED]: 'degraded',
  [HealthState.UNHEALTHY]: 'UNHEALTHY',
}

function headOf({ state, version, instance, uptime, configVersion, draining }: Status): string {
  const since = uptime === undefined ? '' : `, up ${spanOf(Number(uptime.seconds) * 1000)}`
  const leaving = draining ? ', shutting down' : ''
  return `exai ${version} on ${instance}: ${WORDS[state] ?? 'unknown'}${leaving}${since}, configuration ${configVersion}`
}

function mark(state: HealthState): string {
  if (state === HealthState.HEALTHY) return 'ok'
  return state === HealthState.DEGRADED ? 'so-so' : 'DOWN'
}

/** A provider that never had a key is no news. */
function isInUse({ state, keys }: Status['providers'][number]): boolean {
  return state !== HealthState.UNHEALTHY || keys.length > 0
}

interface Part {
  readonly state: HealthState
  readonly detail: string
  readonly changeTime?: { readonly seconds: bigint } | undefined
}

function why({ state, detail, changeTime }: Part, nowMs: number): readonly string[] {
  if (state === HealthState.HEALTHY) return []
  const since = changeTime === undefined ? '' : ` (for ${sinceOf(changeTime, nowMs)})`
  return [`${detail}${since}`]
}

function keysOf(keys: readonly ProviderKeyStatus[], nowMs: number): string {
  if (keys.length === 0) return ''
  const out = keys.filter(({ state }) => state !== KeyState.READY)
  const count = `${keys.length - out.length} of ${keys.length} keys ready`
  const outs = out.map(({ label, coolDownUntilTime: until, detail }) => {
    const back = until === undefined ? '' : ` for ${spanOf(Number(until.seconds) * 1000 - nowMs)}`
    return `${label} out${back}: ${detail}`
  })
  return [count, ...outs].join('; ')
}

function circuitLine(
  { provider, model, state, reason, held, changeTime, probeTime }: Circuit,
  nowMs: number,
): string {
  const how = state === CircuitState.OPEN ? (held ? 'held open' : 'open') : 'half-open'
  const since = changeTime === undefined ? '' : ` for ${sinceOf(changeTime, nowMs)}`
  const probe =
    probeTime === undefined ? '' : `, next probe in ${spanOf(Number(probeTime.seconds) * 1000 - nowMs)}`
  return `${provider}/${model} ${how}${since}: ${reason}${probe}`
}

function roomOf(freeBytes: bigint | undefined): string {
  return freeBytes === undefined ? '' : `${(Number(freeBytes) / 1024 ** 3).toFixed(1)} GiB free`
}

function backlogLines({ backlog }: Status): readonly string[] {
  if (backlog === undefined || backlog.rowCount + backlog.deadLetterCount === 0) return []
  const { rowCount, deadLetterCount, oldestAgeDuration } = backlog
  const age = spanOf(Number(oldestAgeDuration?.seconds ?? 0n) * 1000)
  return [`backlog: ${rowCount} rows wait, the oldest for ${age}; ${deadLetterCount} refused for good`]
}

function section(title: string, rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const lines = rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .filter((cell, column) => column < 2 || cell !== '')
      .join('  ')
      .trimEnd(),
  )
  return rows.length === 0 ? [] : [title, ...lines.map(line => `  ${line}`), '']
}

function sinceOf({ seconds }: { readonly seconds: bigint }, nowMs: number): string {
  return spanOf(nowMs - Number(seconds) * 1000)
}

/** A span of time as people say it, in its two largest units. */
function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const hours = Math.floor(seconds / 3_600)
  if (hours < 48) return `${hours} h ${Math.floor((seconds % 3_600) / 60)} min`
  return `${Math.floor(hours / 24)} days`
}
