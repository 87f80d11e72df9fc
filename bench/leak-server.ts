// The gateway with gauges inside: started as main does, it tells over IPC what is left of the calls that it served.
import { createHook } from 'node:async_hooks'
import diagnostics from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { loadConfig } from '../src/config/config.ts'
import { systemClock } from '../src/core/clock.ts'
import { startGateway } from '../src/gateway.ts'
import { createLogger } from '../src/telemetry/logger.ts'

/** What the process holds after a garbage collection. */
export type Holdings = {
  readonly heapBytes: number
  readonly rssBytes: number
  /** Timers that have not fired and were not cleared, those that keep nothing alive included. */
  readonly timers: number
  /** Where those were made, each place with its number. */
  readonly timerPlaces: Readonly<Record<string, number>>
  /** Open connections of clients. */
  readonly clientSockets: number
  /** Open connections to the provider. */
  readonly upstreamSockets: number
  /** What keeps the event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
}

const PLACE_LINES = 8

// Before anything else makes a timer.
// The trace of each is taken when it is made, and written out only when it is asked for: that is the costly part.
const timers = new Map<number, Error>()
createHook({
  init: (id, type) => {
    if (type === 'Timeout') timers.set(id, new Error('a timer'))
  },
  destroy: id => void timers.delete(id),
  // Calls are made of promises: to be told of each would be most of the work.
  trackPromises: false,
}).enable()
const clientSockets = watchSockets('net.server.socket')
const upstreamSockets = watchSockets('net.client.socket')

const config = await loadConfig({
  env: process.env,
  readFile: path => readFileSync(path, 'utf8'),
  cwd: process.cwd(),
})
// Lines are made as usual, and written nowhere.
const log = createLogger({ level: config.logging.level, version: 'leak', destination: { write: () => {} } })
const gateway = await startGateway({
  config,
  log,
  clock: systemClock,
  version: 'leak',
  announce: () => undefined,
})

process.on('message', (message: 'measure' | 'stop') => {
  void (message === 'measure' ? measure() : stop())
})
process.once('disconnect', () => process.exit(0))
process.send?.({ port: gateway.at.port })

async function measure(): Promise<void> {
  // Destroyed handles are told a turn later, and what they held is garbage only then.
  await turn()
  await collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  const holdings: Holdings = {
    heapBytes: heapUsed,
    rssBytes: rss,
    timers: timers.size,
    timerPlaces: count([...timers.values()].map(placeOf)),
    clientSockets: clientSockets.size,
    upstreamSockets: upstreamSockets.size,
    resources: count(process.getActiveResourcesInfo()),
  }
  process.send?.(holdings)
}

async function collectGarbage(): Promise<void> {
  if (globalThis.gc === undefined) throw new Error('start this with --expose-gc')
  for (let pass = 0; pass < 3; pass += 1) {
    globalThis.gc()
    await turn()
  }
}

async function stop(): Promise<void> {
  await gateway.stop()
  process.exit(0)
}

function watchSockets(channel: string): ReadonlySet<Socket> {
  const open = new Set<Socket>()
  diagnostics.subscribe(channel, message => {
    // Node's documentation of both channels says so.
    const { socket } = message as { readonly socket: Socket }
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return open
}

function placeOf({ stack = '' }: Error): string {
  const lines = stack.split('\n').slice(1, 1 + PLACE_LINES)
  const place =
    lines.find(line => !line.includes('node:') && !line.includes('leak-server')) ?? lines.at(-1) ?? ''
  return place.trim().split('/').slice(-3).join('/')
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
