// The requests and subscriptions that run on one connection: each has its id, and ends by itself or is ended.
import type { Clock } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { CredentialSource } from '../../server/entrance.ts'
import type { Exchange } from '../../server/exchange.ts'
import type { PortRequest } from '../../server/port-handler.ts'
import type { SocketCalls } from '../../server/socket-calls.ts'
import { type ClientFrame, quoted, refused } from './frame.ts'
import type { SocketLimits } from './limits.ts'
import type { Outlet } from './outlet.ts'
import type { Endpoint, Task } from './task.ts'

/** What `createTasks` needs. */
export interface TasksDeps {
  readonly endpoint: Endpoint
  readonly calls: SocketCalls
  /** What is kept of the request with which the connection began. */
  readonly origin: Pick<PortRequest, 'headers'>
  readonly outlet: Outlet
  readonly limits: Pick<SocketLimits, 'tasksMax'>
  readonly clock: Pick<Clock, 'now'>
  /** Called when the credential of the connection is not accepted any more. */
  readonly outcast: (error: GatewayError) => void
  /** Called when the last one has ended. */
  readonly onIdle: () => void
  /** Called when one could not even tell its client how it ended. */
  readonly onBroken: () => void
}

/** What runs on one connection. */
export interface Tasks {
  /** Begins one. Throws INVALID_REQUEST or TOO_MANY_CALLS. */
  begin(frame: ClientFrame, credential: CredentialSource): void
  /** Ends one early; false when it does not run. */
  end(requestId: string): boolean
  isRunning(requestId: string | undefined): boolean
  isIdle(): boolean
  abortAll(error: GatewayError): void
}

interface Running {
  /** Whether the client gave it no id. */
  readonly isNameless: boolean
  abort(error: GatewayError): void
}

/** Begins with none. */
export function createTasks(deps: TasksDeps): Tasks {
  const { endpoint, clock, onIdle, onBroken } = deps
  const running = new Map<string, Running>()
  return {
    begin(frame, credential) {
      check(running, frame, deps.limits)
      const { requestId: given } = frame
      const id = given ?? newId('call', clock.now())
      const { task, abort } = createTask(deps, id, frame, credential)
      running.set(id, { isNameless: given === undefined, abort })
      void endpoint
        .run(task)
        .catch(onBroken)
        .finally(() => {
          running.delete(id)
          if (running.size === 0) onIdle()
        })
    },
    end(requestId) {
      const task = running.get(requestId)
      task?.abort(new GatewayError('CANCELLED', 'the client has ended it'))
      return task !== undefined
    },
    isRunning: requestId => requestId !== undefined && running.has(requestId),
    isIdle: () => running.size === 0,
    abortAll(error) {
      for (const task of running.values()) task.abort(error)
    },
  }
}

function check(
  running: ReadonlyMap<string, Running>,
  { requestId }: ClientFrame,
  { tasksMax }: TasksDeps['limits'],
): void {
  if (requestId !== undefined && running.has(requestId))
    throw refused(`request_id ${quoted(requestId)} is running on this connection: give each its own`)
  if (requestId === undefined && running.values().some(task => task.isNameless))
    throw refused('request_id is required while another one without it is running')
  if (running.size < tasksMax) return
  const message = `${tasksMax} are running on this connection, the most that may: wait, or open another one`
  throw new GatewayError('TOO_MANY_CALLS', message)
}

function createTask(
  { calls, origin, outlet, outcast }: TasksDeps,
  requestId: string,
  { fields }: ClientFrame,
  credential: CredentialSource,
): { readonly task: Task; readonly abort: (error: GatewayError) => void } {
  const exchanges = new Set<Exchange>()
  let reason: GatewayError | undefined
  return {
    task: {
      requestId,
      fields,
      outlet,
      open(asked) {
        const exchange = calls.open(origin, requestId, asked)
        exchanges.add(exchange)
        if (reason !== undefined) exchange.abort(reason)
        return exchange
      },
      enter: exchange => calls.enter(exchange, credential),
      outcast,
    },
    abort(error) {
      reason ??= error
      for (const exchange of exchanges) exchange.abort(error)
    },
  }
}
