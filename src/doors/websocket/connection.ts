// One connection from its handshake to its close: what it may send, what runs on it, and whether anybody is still there.
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Clock } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { PortRequest } from '../../server/port-handler.ts'
import type { SocketCalls } from '../../server/socket-calls.ts'
import { type ClientFrame, errorFrame, quoted, readFrame, refused, type ServerFrame } from './frame.ts'
import { createIdentity, type Identity, type IdentityDeps } from './identity.ts'
import { CloseCode, type SocketLimits } from './limits.ts'
import { createOutlet, type Outlet } from './outlet.ts'
import { createPulse } from './pulse.ts'
import type { Endpoint } from './task.ts'
import { createTasks, type Tasks } from './tasks.ts'

/** What a connection needs. */
export interface ConnectionDeps extends Pick<IdentityDeps, 'authenticate' | 'credential'> {
  readonly ws: WebSocket
  /** The socket under it. */
  readonly socket: Socket
  /** What is kept of the request with which it began. */
  readonly origin: Pick<PortRequest, 'headers'>
  readonly endpoint: Endpoint
  readonly calls: SocketCalls
  readonly limits: SocketLimits
  readonly clock: Clock
}

/** A connection as the door sees it. */
export interface Connection {
  /** Whether its client has yet to say who it is. */
  isStranger(): boolean
  /** Applies the limits. `nowMs` is monotonic. */
  tick(nowMs: number): void
  /** Ends it as soon as nothing runs on it. */
  goAway(): void
}

/** What a connection is made of. */
interface Parts {
  readonly deps: ConnectionDeps
  readonly outlet: Outlet
  readonly tasks: Tasks
  readonly identity: Identity
}

const OPEN = 1

/** Begins it. */
export function createConnection(deps: ConnectionDeps): Connection {
  const { ws, socket, limits, clock } = deps
  const outlet = createOutlet(ws, socket)
  const pulse = createPulse(deps)
  const openedAtMs = clock.monotonic()
  const openedBytes = socket.bytesRead
  const held: Message[] = []
  let checkedAtMs = openedAtMs
  let leaving: { readonly code: number; readonly reason: string } | undefined

  const leaveIfIdle = (): void => {
    if (leaving !== undefined && tasks.isIdle() && ws.readyState === OPEN)
      ws.close(leaving.code, leaving.reason)
  }
  const leave = (code: number, reason: string): void => {
    leaving ??= { code, reason }
    leaveIfIdle()
  }
  const outcast = (error: GatewayError): void => {
    identity.forget()
    tasks.abortAll(error)
    leave(CloseCode.unauthenticated, 'unauthenticated')
  }
  const onBroken = (): void => leave(CloseCode.internal, 'internal error')
  const tasks = createTasks({ ...deps, outlet, outcast, onIdle: leaveIfIdle, onBroken })
  const identity = createIdentity({
    ...deps,
    hold: () => ws.pause(),
    release() {
      ws.resume()
      // What came in the same packet; one of them may begin the next check.
      for (const message of held.splice(0)) receive(message)
    },
    onKnown: ({ scopes }) => reply(parts, { type: 'authenticated', scopes }),
    onRefused(error) {
      refuse(parts, error)
      outcast(error)
    },
  })
  const parts: Parts = { deps, outlet, tasks, identity }

  const receive = (message: Message): void => {
    if (identity.isChecking()) held.push(message)
    else if (leaving?.code !== CloseCode.unauthenticated) take(parts, message, outcast)
  }
  // The library hands over one buffer per message unless it is told otherwise.
  ws.on('message', (data, isBinary) => receive({ data: data as Buffer, isBinary }))
  ws.on('close', () => tasks.abortAll(new GatewayError('CANCELLED', 'the client left')))
  // A frame that is too large or malformed: the library closes the connection with the code for it.
  ws.on('error', () => tasks.abortAll(new GatewayError('CANCELLED', 'the connection broke')))

  const isStranger = (): boolean => identity.credential() === undefined && leaving === undefined
  return {
    isStranger,
    tick(nowMs) {
      pulse.tick(nowMs)
      if (nowMs - checkedAtMs >= limits.recheckIntervalMs) {
        checkedAtMs = nowMs
        if (!tasks.isIdle()) identity.checkAgain()
      }
      if (!isStranger() || identity.isChecking()) return
      if (nowMs - openedAtMs >= limits.authTimeoutMs) refuseSilence(parts, outcast)
      else if (socket.bytesRead - openedBytes > limits.strangerBytes) ws.terminate()
    },
    goAway: () => leave(CloseCode.goingAway, 'shutting down'),
  }
}

function refuseSilence(parts: Parts, outcast: (error: GatewayError) => void): void {
  const seconds = parts.deps.limits.authTimeoutMs / 1000
  const error = new GatewayError(
    'UNAUTHENTICATED',
    `nobody said who it is within ${seconds} s: send {"type":"auth","token":"…"}`,
  )
  refuse(parts, error)
  outcast(error)
}

interface Message {
  readonly data: Buffer
  readonly isBinary: boolean
}

function take(parts: Parts, { data, isBinary }: Message, outcast: (error: GatewayError) => void): void {
  let frame: ClientFrame | undefined
  try {
    frame = readFrame(data, isBinary)
    serve(parts, frame)
  } catch (thrown) {
    const error = GatewayError.from(thrown)
    refuse(parts, error, frame)
    // A stranger has one try.
    if (parts.identity.credential() === undefined) outcast(error)
  }
}

function serve(parts: Parts, frame: ClientFrame): void {
  const { deps, identity, tasks } = parts
  const { endpoint } = deps
  const { type, requestId } = frame
  const credential = identity.credential()
  if (type === 'auth') identity.show(frame.fields['token'])
  else if (credential === undefined)
    throw new GatewayError('UNAUTHENTICATED', 'say who you are first: {"type":"auth","token":"…"}')
  else if (type === endpoint.begins) tasks.begin(frame, credential)
  else if (type === endpoint.ends) {
    if (requestId === undefined) throw refused(`request_id is required: which one to ${endpoint.ends}`)
    reply(parts, { type: endpoint.ended, request_id: requestId, [endpoint.ended]: tasks.end(requestId) })
  } else if (type === 'ping') reply(parts, { type: 'pong', request_id: requestId })
  else if (type !== 'ack') {
    const types = ['auth', endpoint.begins, endpoint.ends, 'ping', 'ack'].join(', ')
    throw refused(`${quoted(type)} is no type of frame here: use one of ${types}`)
  }
}

/** Answers a frame at once; whoever does not read the answers is not read any more. */
function reply({ deps: { ws, limits }, outlet }: Parts, frame: ServerFrame): void {
  outlet.write(frame)
  if (outlet.waitingBytes() <= limits.repliesBytes || ws.isPaused) return
  ws.pause()
  outlet.whenTaken(() => ws.resume())
}

/** Tells of a frame that sets nothing going; it is logged and counted like any refused call. */
function refuse(parts: Parts, error: GatewayError, frame?: ClientFrame): void {
  const { deps, tasks } = parts
  const exchange = deps.calls.open(deps.origin, frame?.requestId, deps.endpoint.asked(frame?.fields ?? {}))
  exchange.fail(error)
  // Not under an id that is running: that one has not failed.
  const requestId = tasks.isRunning(frame?.requestId) ? undefined : frame?.requestId
  reply(parts, errorFrame(error, requestId, exchange.id))
  exchange.close()
}
