// The WebSocket door on a real port, in front of a chat and a monitoring that a test steers.
import { onTestFinished } from 'vitest'
import type { Access } from '../../../../src/access/open.ts'
import { DEFAULT_CALLER } from '../../../../src/core/caller.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import type { LogFields } from '../../../../src/core/log.ts'
import { createWebSocketDoor, type WebSocketDoorDeps } from '../../../../src/doors/websocket/door.ts'
import type { SocketLimits } from '../../../../src/doors/websocket/limits.ts'
import { createPlainDoor } from '../../../../src/doors/websocket/plain.ts'
import { createCors } from '../../../../src/server/cors.ts'
import { createDrain, type Drain } from '../../../../src/server/drain.ts'
import type { Gatekeeper } from '../../../../src/server/entrance.ts'
import { type CallEnd, createExchanges, type Exchanges } from '../../../../src/server/exchange.ts'
import { createHandler } from '../../../../src/server/handler.ts'
import { loopbackGuard, openGuard, pageGuard } from '../../../../src/server/hosts.ts'
import { createPort, type PortOptions } from '../../../../src/server/port.ts'
import { createSocketCalls } from '../../../../src/server/socket-calls.ts'
import { createUpgrades } from '../../../../src/server/upgrades.ts'
import { openSocket, type SocketClient } from '../../../support/socket-client.ts'

type Chat = WebSocketDoorDeps['chat']
type Monitoring = WebSocketDoorDeps['monitoring']

/** A running door. */
export interface Rig {
  readonly url: string
  readonly exchanges: Exchanges
  readonly ends: readonly CallEnd[]
  readonly lines: readonly { readonly message: string; readonly fields: LogFields }[]
  readonly drain: Drain
  open(path?: string, options?: Parameters<typeof openSocket>[1]): Promise<SocketClient>
}

/** What a test decides. */
export interface RigOptions {
  readonly chat?: Partial<Chat>
  readonly monitoring?: Partial<Monitoring>
  /** Absent: nobody is asked for a credential. */
  readonly access?: Pick<Access, 'isAsking' | 'authenticate' | 'authorize' | 'isOpen'>
  readonly limits?: Partial<SocketLimits>
  readonly portLimits?: PortOptions['limits']
  readonly tls?: PortOptions['tls'] | undefined
  readonly corsOrigins?: readonly string[]
  readonly maxRequestBytes?: number
}

const nothing = (): never => {
  throw new Error('this test did not mean to ask that')
}

const EVERYBODY: Gatekeeper & { readonly isAsking: boolean } = {
  isAsking: false,
  authenticate: () => DEFAULT_CALLER,
  isOpen: () => false,
  authorize: () => undefined,
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined }

/** Starts it; it ends with the test. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const lines: { message: string; fields: LogFields }[] = []
  const ends: CallEnd[] = []
  const line = (message: string, fields: LogFields = {}): void => void lines.push({ message, fields })
  const clock = systemClock
  const exchanges = createExchanges({
    log: { ...silent, info: line, error: line },
    metrics: { callEnded: end => void ends.push(end) },
    clock,
    requestTimeoutMs: 60_000,
  })
  const access = options.access ?? EVERYBODY
  const door = createWebSocketDoor({
    chat: { complete: nothing, stream: nothing, ...options.chat },
    monitoring: { watchStatus: nothing, watchEvents: nothing, ...options.monitoring },
    calls: createSocketCalls({ exchanges, access, clock }),
    access,
    clock,
    maxRequestBytes: options.maxRequestBytes ?? 4 * 1024 * 1024,
    connections: () => port.connections(),
    limits: { checkIntervalMs: 10, ...options.limits },
  })
  const guard = access.isAsking ? openGuard : loopbackGuard
  const cors = createCors(options.corsOrigins ?? [], { methods: [], requestHeaders: [], responseHeaders: [] })
  const handler = createHandler({
    doors: [createPlainDoor(['/ws', '/ws/monitoring'])],
    routes: (_, res) => void res.end('a page'),
    exchanges,
    guard,
    access,
    cors,
    clock,
  })
  const port = createPort({
    handler,
    upgrades: createUpgrades({ door, exchanges, guards: [guard, pageGuard(cors.allows)], clock }),
    limits: { checkIntervalMs: 10, ...options.portLimits },
    ...(options.tls === undefined ? {} : { tls: options.tls }),
  })
  const { port: number } = await port.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    port.destroy()
    await port.closed()
  })
  const url = `${options.tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${number}`
  const drain = createDrain({
    port,
    exchanges,
    health: { drain: () => undefined },
    clock,
    drainDelayMs: 0,
    drainTimeoutMs: 200,
  })
  return {
    url,
    exchanges,
    ends,
    lines,
    drain,
    open: (path = '/ws', socketOptions = {}) => openSocket(`${url}${path}`, socketOptions),
  }
}

/** A request frame. */
export const request = (id: string | undefined, more: object = {}) => ({
  type: 'request',
  ...(id === undefined ? {} : { request_id: id }),
  model: 'test-model',
  messages: [{ role: 'user', content: 'Hello!' }],
  ...more,
})

/** An answer of the chat. */
export const answerOf = (text: string) => ({
  id: 'resp_1',
  model: 'test-model',
  provider: 'test',
  message: { content: [{ kind: { case: 'text' as const, value: text } }] },
})

/** A stream of these pieces and its end. */
export async function* speech(...pieces: readonly string[]) {
  yield {
    sequence: 1,
    event: {
      case: 'started' as const,
      value: { responseId: 'resp_1', provider: 'test', model: 'test-model' },
    },
  }
  let sequence = 1
  for (const text of pieces) {
    sequence += 1
    yield { sequence, event: { case: 'textDelta' as const, value: { text } } }
  }
  yield { sequence: sequence + 1, event: { case: 'completed' as const, value: { response: answerOf('') } } }
}
