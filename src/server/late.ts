// Lets a process that is late for a time limit hear first what its peer has sent in time.
import type { Socket } from 'node:net'

/**
 * Calls `close` when nothing comes from a socket that is read within this turn of the event loop; else the peer is there. A loop
 * that was busy looks at its timers before it reads: closed right then, a request that lies in the kernel unread would be
 * answered by a reset. A socket that is closed meanwhile is left alone.
 */
export const unlessHeard = (socket: Socket, close: () => void): void => {
  const heardBytes = socket.bytesRead
  // Node runs it when it has read from every socket that had something.
  setImmediate(() => {
    if (!socket.destroyed && socket.bytesRead === heardBytes) close()
  })
}
