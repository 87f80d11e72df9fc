// The WebSocket door: takes connections over from the port and keeps them until they end.
import type { WebSocketServer } from 'ws'
import type { Caller } from '../../core/caller.ts'
import type { Clock } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { CredentialSource } from '../../server/entrance.ts'
import type { PortRequest, Upgrade } from '../../server/port-handler.ts'
import type { SocketCalls } from '../../server/socket-calls.ts'
import type { UpgradeDoor } from '../../server/upgrades.ts'
import type { Services } from '../services.ts'
import { createChatEndpoint } from './chat.ts'
import { type Connection, createConnection } from './connection.ts'
import { DEFAULT_SOCKET_LIMITS, type SocketLimits } from './limits.ts'
import { createMonitoringEndpoint } from './monitoring.ts'
import type { Endpoint } from './task.ts'

/** What `createWebSocketDoor` needs. */
export interface WebSocketDoorDeps {
  readonly chat: Pick<Services['chat'], 'complete' | 'stream'>
  readonly monitoring: Pick<Services['monitoring'], 'watchStatus' | 'watchEvents'>
  readonly calls: SocketCalls
  readonly access: {
    /** Whether callers must show a credential. */
    readonly isAsking: boolean
    readonly authenticate: (source: CredentialSource) => Caller | Promise<Caller>
  }
  readonly clock: Clock
  /** The largest frame in bytes, also when it comes in pieces. */
  readonly maxRequestBytes: number
  /** How many connections of any kind the port has. */
  readonly connections: () => number
  /** Limits other than the default ones. */
  readonly limits?: Partial<SocketLimits>
}

/** The paths of the endpoints. */
export const SOCKET_PATHS = { chat: '/ws', monitoring: '/ws/monitoring' } as const

/** Makes the door. */
export function createWebSocketDoor(deps: WebSocketDoorDeps): UpgradeDoor {
  const limits = { ...DEFAULT_SOCKET_LIMITS, ...deps.limits }
  const endpoints = new Map<string, Endpoint>([
    [SOCKET_PATHS.chat, createChatEndpoint(deps)],
    [SOCKET_PATHS.monitoring, createMonitoringEndpoint(deps)],
  ])
  const endpointOf = (req: PortRequest): Endpoint | undefined =>
    endpoints.get((req.url ?? '').split('?', 1)[0] ?? '')
  const load = serverOf(deps, limits)
  const book = createBook(deps.clock, limits.checkIntervalMs)
  let isLeaving = false

  async function take({ req, socket, head }: Upgrade, refuse: (error: GatewayError) => void): Promise<void> {
    const endpoint = endpointOf(req)
    if (endpoint === undefined) return refuse(new GatewayError('INTERNAL', 'there is no endpoint'))
    const credential = await shownIn(req, deps.access)
    if (credential === undefined && book.strangers() >= limits.strangersMax)
      return refuse(
        new GatewayError('OVERLOADED', 'too many connections wait for their authentication: try again', {
          retryDelayMs: 1_000,
        }),
      )
    const server = await load()
    server.handleUpgrade(req, socket, head, ws => {
      const connection = createConnection({
        ...deps,
        ws,
        socket,
        origin: { headers: req.headers },
        endpoint,
        authenticate: deps.access.authenticate,
        credential,
        limits,
      })
      const forget = book.add(connection)
      ws.once('close', forget)
      if (isLeaving) connection.goAway()
    })
  }

  return {
    asks: req => endpointOf(req)?.asked({}),
    take: (upgrade, refuse) =>
      void take(upgrade, refuse).catch((error: unknown) => refuse(GatewayError.from(error))),
    goAway() {
      isLeaving = true
      book.goAway()
    },
  }
}

/** The connections that are open, under one timer. */
function createBook(clock: Clock, checkIntervalMs: number) {
  const open = new Set<Connection>()
  let timer: NodeJS.Timeout | undefined
  const look = (): void => {
    const nowMs = clock.monotonic()
    for (const connection of open) connection.tick(nowMs)
  }
  return {
    strangers: (): number => open.values().reduce((sum, one) => (one.isStranger() ? sum + 1 : sum), 0),
    goAway: (): void => {
      for (const connection of open) connection.goAway()
    },
    /** Keeps a connection; gives the way to forget it. */
    add(connection: Connection): () => void {
      open.add(connection)
      timer ??= setInterval(look, checkIntervalMs).unref()
      return () => {
        open.delete(connection)
        if (open.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
  }
}

/** What a handshake shows of its client; undefined when that has yet to come in a frame. Rejects when it is not accepted. */
async function shownIn(
  req: PortRequest,
  { isAsking, authenticate }: WebSocketDoorDeps['access'],
): Promise<CredentialSource | undefined> {
  const { authorization, 'x-api-key': key } = req.headers
  if (isAsking && authorization === undefined && key === undefined) return undefined
  await authenticate(req)
  // Not the request: it would stay as long as the connection.
  return { rawHeaders: req.rawHeaders }
}

/** The library is loaded with the first connection. */
function serverOf({ maxRequestBytes }: WebSocketDoorDeps, { closeTimeoutMs }: SocketLimits) {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxRequestBytes,
    closeTimeout: closeTimeoutMs,
    // No protocol of ours has a name, and a token in its place must not be sent back.
    handleProtocols: (): false => false,
  }
  let loading: Promise<WebSocketServer> | undefined
  return (): Promise<WebSocketServer> => {
    loading ??= import('ws').then(({ WebSocketServer: Server }) => new Server(options))
    return loading
  }
}
