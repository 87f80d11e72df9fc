// Closes a connection for its silence, but not for what this process was too late to read.
import type { Socket } from 'node:net'
import { afterReading } from '../core/after-reading.ts'

/** Calls `close` when nothing comes by then; else the peer is there. A socket that is closed meanwhile is left alone. */
export const unlessHeard = (socket: Socket, close: () => void): void => {
  const heardBytes = socket.bytesRead
  afterReading(() => {
    if (!socket.destroyed && socket.bytesRead === heardBytes) close()
  })
}
