// What a frame of a client sets going: one request or one subscription, with the calls that are opened for it.
import type { JsonObject } from '@bufbuild/protobuf'
import type { GatewayError } from '../../core/errors.ts'
import type { Asked, Exchange } from '../../server/exchange.ts'
import { errorFrame, errorOf, type ServerFrame } from './frame.ts'
import type { Outlet } from './outlet.ts'

/** Name of the door, as logs and metrics have it. */
export const DOOR = 'websocket'

/** What runs for one frame. */
export interface Task {
  /** The client's id, or one that was made for it: in every frame about the task. */
  readonly requestId: string
  readonly fields: JsonObject
  readonly outlet: Outlet
  /** Opens a call; whoever opens it closes it. */
  open(asked: Asked): Exchange
  /** Lets the call in. Rejects with a GatewayError. */
  enter(exchange: Exchange): Promise<void>
  /** Says that the credential of the connection is not accepted any more. */
  outcast(error: GatewayError): void
}

/** What an endpoint does. */
export interface Endpoint {
  /** The type of the frame that begins a task, the one that ends it early, and the one that answers that. */
  readonly begins: string
  readonly ends: string
  readonly ended: string
  /** As what a frame counts. */
  asked(fields: JsonObject): Asked
  /** Runs a task to its end, and tells the client of it. Must not reject. */
  run(task: Task): Promise<void>
}

/** Sends a frame, and resolves when there is room for the next one. */
export async function sendPaced(outlet: Outlet, frame: ServerFrame, signal: AbortSignal): Promise<void> {
  outlet.write(frame)
  await outlet.room(signal)
}

/** Does the work of a call from its opening to its end; whatever it throws is told to the client and to the call. */
export async function carryOut(
  task: Task,
  asked: Asked,
  work: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  const exchange = task.open(asked)
  try {
    await task.enter(exchange)
    await work(exchange)
  } catch (thrown) {
    const error = errorOf(thrown, exchange.signal)
    exchange.fail(error)
    task.outlet.write(errorFrame(error, task.requestId, exchange.id))
    if (error.reason === 'UNAUTHENTICATED') task.outcast(error)
  } finally {
    exchange.close()
  }
}
