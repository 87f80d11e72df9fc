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
   * when the connection is gone. Undefined: there is room, or nobody is there.
   */
  room(signal: AbortSignal): Promise<void> | undefined
  /** Whether the connection is gone. */
  isGone(): boolean
  /** How many bytes wait for the reader. */
  waitingBytes(): number
  /** Calls back once, when nothing waits any more. */
  whenTaken(act: () => void): void
}

const OPEN = 1

/** How many bytes may stand before a reader of a call that has been ended: room for its end, also behind what waits. */
const FAREWELL_BYTES = 1_048_576

/** Makes it. */
export function createOutlet(ws: WebSocket, socket: Socket): Outlet {
  // One listener for all that wait: there may be many.
  const waiting = new Set<() => void>()
  let isGone = false
  const wake = (): void => {
    const woken = [...waiting]
    waiting.clear()
    for (const act of woken) act()
  }
  socket.on('drain', wake)
  ws.once('close', () => {
    isGone = true
    wake()
  })
  // One that is being closed says so soon: until then nobody goes on for a reader who may have left.
  const isStanding = (): boolean => !isGone && (ws.readyState !== OPEN || socket.writableNeedDrain)
  // A source that ignores the end of its call is held back again.
  const mayEnd = (signal: AbortSignal): boolean => signal.aborted && ws.bufferedAmount < FAREWELL_BYTES
  return {
    write(frame) {
      if (ws.readyState === OPEN) ws.send(JSON.stringify(frame))
    },
    room(signal) {
      if (!isStanding() || mayEnd(signal)) return undefined
      const { promise, resolve } = Promise.withResolvers<void>()
      const done = (): void => {
        waiting.delete(done)
        signal.removeEventListener('abort', ended)
        resolve()
      }
      const ended = (): void => {
        if (mayEnd(signal)) done()
      }
      waiting.add(done)
      signal.addEventListener('abort', ended)
      return promise
    },
    isGone: () => isGone,
    waitingBytes: () => ws.bufferedAmount,
    whenTaken(act) {
      if (isStanding()) waiting.add(act)
      else act()
    },
  }
}
