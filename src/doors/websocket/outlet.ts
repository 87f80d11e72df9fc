// Writes frames at the pace of their reader.
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { ServerFrame } from './frame.ts'

/** The way out of one connection. */
export interface Outlet {
  /** Sends a frame, also when others wait; nothing happens when nobody can be told anything any more. */
  write(frame: ServerFrame): void
  /**
   * Resolves when what was sent has been taken, when the signal has aborted (its end must be told behind what waits), or
   * when the connection is gone. Undefined: there is room.
   */
  room(signal: AbortSignal): Promise<void> | undefined
  /** How many bytes wait for the reader. */
  waitingBytes(): number
  /** Calls back once, when nothing waits any more. */
  whenTaken(act: () => void): void
}

const OPEN = 1

/** Makes it. */
export function createOutlet(ws: WebSocket, socket: Socket): Outlet {
  // One listener for all that wait: there may be many.
  const waiting = new Set<() => void>()
  const wake = (): void => {
    const woken = [...waiting]
    waiting.clear()
    for (const act of woken) act()
  }
  socket.on('drain', wake)
  ws.once('close', wake)
  const isStanding = (): boolean => ws.readyState === OPEN && socket.writableNeedDrain
  return {
    write(frame) {
      if (ws.readyState === OPEN) ws.send(JSON.stringify(frame))
    },
    room(signal) {
      if (!isStanding() || signal.aborted) return undefined
      const { promise, resolve } = Promise.withResolvers<void>()
      const done = (): void => {
        waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      waiting.add(done)
      signal.addEventListener('abort', done)
      return promise
    },
    waitingBytes: () => ws.bufferedAmount,
    whenTaken(act) {
      if (isStanding()) waiting.add(act)
      else act()
    },
  }
}
