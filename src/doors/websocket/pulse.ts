// Whether anybody is still at the other end of a connection: asked by a ping after some silence.
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Clock } from '../../core/clock.ts'
import type { SocketLimits } from './limits.ts'

/** What a pulse needs. */
export interface PulseDeps {
  readonly ws: WebSocket
  readonly socket: Pick<Socket, 'bytesRead'>
  readonly limits: Pick<SocketLimits, 'pingIntervalMs' | 'pongTimeoutMs'>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** The pulse of one connection. */
export interface Pulse {
  /** Pings where it is due, and cuts the connection when nothing has come for too long since. `nowMs` is monotonic. */
  tick(nowMs: number): void
}

const OPEN = 1

/** Takes it. */
export function createPulse({ ws, socket, limits, clock }: PulseDeps): Pulse {
  let heardBytes = socket.bytesRead
  let heardAtMs = clock.monotonic()
  let askedAtMs: number | undefined
  return {
    tick(nowMs) {
      // While nothing is read, nothing can be heard; who does not read is found by what waits for it.
      if (socket.bytesRead !== heardBytes || ws.isPaused) {
        heardBytes = socket.bytesRead
        heardAtMs = nowMs
        askedAtMs = undefined
      } else if (askedAtMs !== undefined) {
        if (nowMs - askedAtMs >= limits.pongTimeoutMs) ws.terminate()
      } else if (nowMs - heardAtMs >= limits.pingIntervalMs && ws.readyState === OPEN) {
        askedAtMs = nowMs
        ws.ping()
      }
    },
  }
}
