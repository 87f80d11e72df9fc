// Puts many cells on one stage: their doubles, and one service as a process, in which every cell has providers of its own.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { question } from '../support/clients.ts'
import { type LogLine, type Service, startService } from '../support/running-server.ts'
import { type BusyHost, startBusyHost } from '../support/upstream/deaf.ts'
import type { Cell } from './cell.ts'
import { type Player, startPlayer } from './player.ts'
import { standIn } from './told.ts'
import { LIMITS, OPEN_MS } from './wants.ts'

/** The players of one cell. */
export interface Cast {
  readonly cell: Cell
  /** Part of every request id of the cell. */
  readonly id: string
  readonly preferred: Player
  readonly fallback: Player | undefined
}

/** What a provider was booked with, from the metrics of the service. */
export interface Ledger {
  readonly nanoUsd: number
  readonly inputTokens: number
  readonly outputTokens: number
}

/** A running stage. */
export interface Stage {
  readonly casts: readonly Cast[]
  readonly client: Client<typeof ChatService>
  /** Switches the circuits of a provider, as an operator does. */
  operate(provider: string, action: 'ACTION_OPEN' | 'ACTION_RESET'): Promise<void>
  /** The lines of the log about calls, once there is one for each of these, or two seconds are over. One that is named twice has two. */
  calls(requestIds: readonly string[]): Promise<(requestId: string) => readonly LogLine[]>
  /** The metrics as they are now, by id of provider. */
  ledger(): Promise<(id: string) => Ledger>
  /** Stops the service, and then everybody else. Resolves with what did not end well. */
  close(): Promise<readonly string[]>
}

const WARM_ROUNDS = 5
const PREFERRED_WINDOW = 100_000
const FALLBACK_WINDOW = 200_000
const seconds = (ms: number): string => String(ms / 1000)

/** Settings of every stage: limits far below the usual ones, so that waiting for them does not take long. */
export const stageSettings: Readonly<Record<string, string>> = {
  EXAI_CONFIG: 'exai.json',
  CONNECT_TIMEOUT: seconds(LIMITS.connectMs),
  FIRST_TOKEN_TIMEOUT: seconds(LIMITS.firstTokenMs),
  IDLE_TIMEOUT: seconds(LIMITS.idleMs),
  REQUEST_TIMEOUT: seconds(LIMITS.requestMs),
}

/** Whether a cell needs a stage with circuits that stay open for a moment only. */
export const isBrief = ({ scenario }: Cell): boolean => scenario.opensBriefly === true

/** Starts it. The caller closes it. */
export async function startStage(cells: readonly Cell[]): Promise<Stage> {
  const busy = await startBusyHost()
  const casts: Cast[] = []
  for (const [index, cell] of cells.entries()) casts.push(await castOf(cell, index, busy))
  const players = casts.flatMap(({ preferred, fallback }) =>
    fallback === undefined ? [preferred] : [preferred, fallback],
  )
  // JSON is YAML.
  const warm = await startPlayer({
    id: 'warm',
    provider: 'openai',
    play: {},
    window: PREFERRED_WINDOW,
    busyUrl: '',
  })
  players.push(warm)
  const routing = cells.some(isBrief) ? { routing: { circuit: { open_seconds: OPEN_MS / 1000 } } } : {}
  const file = JSON.stringify({ providers: players.map(({ entry }) => entry), ...routing })
  const service = await startService(stageSettings, { files: { 'exai.json': file }, isCovered: false })
  const transport = createGrpcTransport({ baseUrl: service.url, idleConnectionTimeoutMs: 1000 })
  const client = createClient(ChatService, transport)
  await warmUp(client, warm.model)
  return {
    casts,
    client,
    operate: (provider, action) => operate(service, { provider, action, reason: 'the scenario' }),
    calls: requestIds => readCalls(service, requestIds),
    ledger: () => readLedger(service),
    async close() {
      const code = await service.stop()
      const open = await untilNone(() => players.reduce((sum, player) => sum + player.openSockets(), 0))
      await Promise.all([...players, busy].map(player => player.close()))
      return [
        ...(code === 0 ? [] : [`the service ended with ${code}:\n${service.output().slice(-2000)}`]),
        ...(open === 0 ? [] : [`${open} sockets to providers outlived the service`]),
      ]
    },
  }
}

async function operate({ url }: Service, wish: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(`${url}/exai.v1.MonitoringService/SetCircuit`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  })
  if (!response.ok) throw new Error(`the circuits were not switched: ${await response.text()}`)
}

/** The first calls of a process load and compile what later ones find ready: under limits this low that would show. */
async function warmUp(client: Client<typeof ChatService>, model: string): Promise<void> {
  for (let round = 0; round < WARM_ROUNDS; round += 1) {
    await client.complete(question(model, 'Are you ready?'))
    for await (const _ of client.streamComplete(question(model, 'Are you ready?')));
  }
}

async function castOf(cell: Cell, index: number, { url: busyUrl }: BusyHost): Promise<Cast> {
  const { plan, provider } = cell
  const id = `c${String(index).padStart(3, '0')}`
  const { preferred = {}, fallback = {} } = plan
  return {
    cell,
    id,
    preferred: await startPlayer({
      id: `${id}-preferred`,
      provider,
      play: preferred,
      window: PREFERRED_WINDOW,
      busyUrl,
    }),
    fallback:
      fallback === 'none'
        ? undefined
        : await startPlayer({
            id: `${id}-fallback`,
            provider: standIn(provider),
            play: fallback,
            window: FALLBACK_WINDOW,
            busyUrl,
          }),
  }
}

const CLOSING_MS = 2000
const POLL_MS = 10

/** Waits until a number is 0, for two seconds at most; resolves with what it is then. */
export async function untilNone(count: () => number): Promise<number> {
  const endAtMs = performance.now() + CLOSING_MS
  while (count() > 0 && performance.now() < endAtMs) await sleep(POLL_MS)
  return count()
}

/** Read once for all: to parse a long log for every call would hold up the doubles. */
async function readCalls(
  service: Service,
  requestIds: readonly string[],
): Promise<(requestId: string) => readonly LogLine[]> {
  const wanted = Map.groupBy(requestIds, id => id)
  let byId = new Map<unknown, LogLine[]>()
  const missing = (): number => {
    const lines = service.log().filter(({ msg }) => msg === 'call' || msg === 'detached call')
    byId = Map.groupBy(lines, line => line['request_id'])
    return [...wanted].filter(([id, times]) => (byId.get(id)?.length ?? 0) < times.length).length
  }
  await untilNone(missing)
  return id => byId.get(id) ?? []
}

async function readLedger({ url }: Service): Promise<(id: string) => Ledger> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const sums = new Map<string, number>()
  const line = /^exai_(cost_usd|tokens)_total\{provider="([^"]+)"[^}]*?(?:,kind="(\w+)")?\} (\S+)$/gm
  for (const [, what, id, kind = '', value] of text.matchAll(line)) {
    const name = `${id} ${what} ${kind}`
    sums.set(name, (sums.get(name) ?? 0) + Number(value))
  }
  return id => ({
    nanoUsd: Math.round((sums.get(`${id} cost_usd `) ?? 0) * 1e9),
    inputTokens: sums.get(`${id} tokens input`) ?? 0,
    outputTokens: sums.get(`${id} tokens output`) ?? 0,
  })
}
