// Other gateways beside ours: the same loads through `/v1/chat/completions`, in one run, with the same fake provider.
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Installed, PEERS_FOLDER } from '../scripts/bench-peers.ts'
import { startService } from './guarded.ts'
import { halfLoad, type Times, timesOf } from './latency.ts'
import { type Asked, LOADS, type Load, measure, measureOpen, type Rest } from './loads.ts'
import { type Cores, treeRssBytes } from './machine.ts'
import { median } from './numbers.ts'
import type { OpenResult } from './open-loop.ts'
import { type ChildOptions, type Server, startFloor, startServer, stopChild } from './processes.ts'
import { floorLoad } from './ranking.ts'
import { requestOf } from './wire.ts'

/** What one gateway costs; loads by name. */
export type PeerRow = {
  readonly name: string
  /** CPU of the whole process tree for a call or an event, in microseconds. */
  readonly micros: Readonly<Record<string, number>>
  /** Units in a second, when 32 calls run at any time. */
  readonly rates: Readonly<Record<string, number>>
  /** Milliseconds at a rate that all of them can do. */
  readonly times: Readonly<Record<string, Times>>
  /** Resident memory of the whole process tree in bytes, before and after the loads. */
  readonly rssIdle: number
  readonly rssLoaded: number
}

/** What was compared, and what was not to be had. */
export type PeerFigures = {
  readonly rows: readonly PeerRow[]
  /** Calls a second of the times, by load. */
  readonly timedAt: Readonly<Record<string, number>>
  readonly installed: readonly Installed[]
}

/** What a run is made with. */
export type PeerOptions = Rest & {
  readonly cores: Cores | undefined
  readonly folder: string
  readonly smoke: boolean
}

/** The loads that all of them can be asked. */
export const PEER_LOADS: readonly Load[] = LOADS.filter(({ protocol }) => protocol === 'openai')

type Running = {
  readonly name: string
  readonly child: ChildProcess
  readonly asked: Asked
  readonly isFloor: boolean
}

const START_MS_MAX = 90_000
const PORTKEY = 'portkey/node_modules/@portkey-ai/gateway/build/start-server.js'

/** What the installer of the peers noted; empty when it was not run. */
export function installedPeers(): readonly Installed[] {
  const file = join(PEERS_FOLDER, 'peers.json')
  // Written by our own script.
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as readonly Installed[]) : []
}

/** Starts all that is there, with ours and the floor, and asks them in turn. */
export async function measurePeers(options: PeerOptions): Promise<PeerFigures> {
  const installed = installedPeers()
  const { smoke } = options
  const plan = smoke ? { rounds: 1, seconds: 0.3, warm: 0.2 } : { rounds: 2, seconds: 1.5, warm: 1 }
  const servers: Running[] = []
  try {
    for (const start of startersOf(installed)) servers.push(await start(options))
    const rssIdle = new Map(servers.map(({ name, asked }) => [name, treeRssBytes(asked.pid)]))
    const samples = new Map<string, { micros: number[]; rates: number[] }>()
    for (let round = -1; round < plan.rounds; round += 1) {
      for (const one of PEER_LOADS) {
        for (const { name, asked, isFloor } of round % 2 === 0 ? servers : servers.toReversed()) {
          const load = isFloor ? floorLoad(one) : one
          const sample = await measure(options, asked, load, round < 0 ? plan.warm : plan.seconds)
          const key = `${name} ${one.name}`
          const kept = samples.get(key) ?? { micros: [], rates: [] }
          if (round < 0) continue
          samples.set(key, {
            micros: [...kept.micros, sample.micros],
            rates: [...kept.rates, sample.rate],
          })
        }
      }
      console.log(`peers, round ${round + 1}`)
    }
    const figure = (name: string, what: 'micros' | 'rates'): Record<string, number> =>
      Object.fromEntries(
        PEER_LOADS.map(one => [one.name, median(samples.get(`${name} ${one.name}`)?.[what] ?? [])]),
      )
    const micros = new Map(servers.map(({ name }) => [name, figure(name, 'micros')]))
    const { times, timedAt } = await timeAll(options, servers, micros)
    const rows = servers.map(({ name, asked }) => ({
      name,
      micros: micros.get(name) ?? {},
      rates: figure(name, 'rates'),
      times: times.get(name) ?? {},
      rssIdle: rssIdle.get(name) ?? Number.NaN,
      rssLoaded: treeRssBytes(asked.pid),
    }))
    return { rows, timedAt, installed }
  } finally {
    await Promise.all(servers.map(({ child }) => stopChild(child)))
  }
}

/** All at one rate, half of what the slowest of them can: what differs is theirs. */
async function timeAll(
  options: PeerOptions,
  servers: readonly Running[],
  micros: ReadonlyMap<string, Readonly<Record<string, number>>>,
) {
  const times = new Map<string, Record<string, Times>>()
  const timedAt: Record<string, number> = {}
  for (const one of PEER_LOADS.filter(({ name }) => /^(unary|stream at once)/.test(name))) {
    const rate = Math.min(...[...micros.values()].map(all => halfLoad(one, all[one.name] ?? Number.NaN)))
    timedAt[one.name] = rate
    for (const { name, asked, isFloor } of servers) {
      const pace = { rate, seconds: options.smoke ? 0.3 : 3 }
      const result: OpenResult = await measureOpen(options, asked, isFloor ? floorLoad(one) : one, pace)
      times.set(name, { ...times.get(name), [one.name]: timesOf([result], one.kind !== 'unary') })
    }
  }
  return { times, timedAt }
}

type Start = (options: PeerOptions) => Promise<Running>

function startersOf(installed: readonly Installed[]): readonly Start[] {
  const isThere = (name: string): boolean =>
    installed.some(one => one.name === name && one.error === undefined)
  return [
    startFloorHere,
    startOurs,
    ...(isThere('litellm') ? [startLiteLlm] : []),
    ...(isThere('portkey') ? [startPortkey] : []),
  ]
}

async function startFloorHere({ upstreamPort, cores, folder }: PeerOptions): Promise<Running> {
  const server = await startFloor({ upstreamPort, core: cores?.server, folder })
  return { name: 'the floor', child: server.child, asked: server, isFloor: true }
}

async function startOurs(options: PeerOptions): Promise<Running> {
  const { server, credential } = await startService('key', options)
  return { name: 'exai', child: server.child, asked: { ...server, credential }, isFloor: false }
}

async function startLiteLlm({ upstreamPort, cores, folder }: PeerOptions): Promise<Running> {
  const own = mkdtempSync(join(folder, 'litellm-'))
  const config = join(own, 'config.yaml')
  writeFileSync(config, liteLlmConfig(upstreamPort))
  const server = await startPeer('/health/liveliness', {}, port => ({
    file: join(PEERS_FOLDER, 'litellm/bin/litellm'),
    args: ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1'],
    core: cores?.server,
    cwd: own,
    log: join(own, 'log'),
    env: LITELLM_ENV,
  }))
  return { name: 'litellm', child: server.child, asked: server, isFloor: false }
}

async function startPortkey({ upstreamPort, cores, folder }: PeerOptions): Promise<Running> {
  const headers = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
    authorization: 'Bearer sk-bench-portkey',
  }
  const own = mkdtempSync(join(folder, 'portkey-'))
  const server = await startPeer('/', headers, port => ({
    file: join(PEERS_FOLDER, PORTKEY),
    args: [`--port=${port}`, '--headless'],
    core: cores?.server,
    cwd: own,
    log: join(own, 'log'),
    env: { TRUSTED_CUSTOM_HOSTS: '127.0.0.1', NODE_ENV: 'production' },
  }))
  return { name: 'portkey', child: server.child, asked: { ...server, headers }, isFloor: false }
}

function startPeer(
  ready: string,
  headers: Readonly<Record<string, string>>,
  child: (port: number) => ChildOptions,
): Promise<Server> {
  const request = { ...requestOf('openai', 'unary'), headers }
  return startServer(child, { ready, request, protocol: 'openai', startMsMax: START_MS_MAX })
}

// Everything that it would fetch at its start is in the package, too; no callbacks, no log but errors, no credential asked.
const LITELLM_ENV = {
  LITELLM_LOCAL_MODEL_COST_MAP: 'True',
  LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS: 'True',
  LITELLM_LOCAL_AUTOROUTER_PRESETS: 'True',
  LITELLM_LOCAL_BLOG_POSTS: 'True',
  LITELLM_LOCAL_POLICY_TEMPLATES: 'True',
  LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: 'true',
  LITELLM_LOG: 'ERROR',
  LITELLM_MODE: 'PRODUCTION',
  NO_DOCS: 'True',
  DISABLE_ADMIN_UI: 'True',
  DO_NOT_TRACK: '1',
}

function liteLlmConfig(upstreamPort: number): string {
  return [
    'model_list:',
    '  - model_name: gpt-4.1-mini',
    `    litellm_params: { model: openai/gpt-4.1-mini, api_base: 'http://127.0.0.1:${upstreamPort}/v1', api_key: sk-bench-litellm }`,
    'litellm_settings: { callbacks: [], success_callback: [], failure_callback: [], num_retries: 0 }',
    'general_settings: { disable_spend_logs: true, disable_error_logs: true }',
    '',
  ].join('\n')
}
