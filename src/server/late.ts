// Lets a process that is late hear first what its peers have sent in time, before it closes their connections.
import type { Socket } from 'node:net'

/**
 * Runs something when every socket has been read from that had something when this was called. A loop that was busy looks at its
 * timers first: closed right then, a request that lies in the kernel unread would be answered by a reset.
 */
export const afterReading = (run: () => void): void => {
  // The first one may belong to the turn that has already read.
  setImmediate(() => setImmediate(run))
}

/** Calls `close` when nothing comes by then; else the peer is there. A socket that is closed meanwhile is left alone. */
export const unlessHeard = (socket: Socket, close: () => void): void => {
  const heardBytes = socket.bytesRead
  afterReading(() => {
    if (!socket.destroyed && socket.bytesRead === heardBytes) close()
  })
}
