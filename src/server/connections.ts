// The open TCP connections of the port: how many, which of them are stalled, and the way to end them all.
import type { Socket } from 'node:net'
import { createStallWatch, type StallWatch, socketFlow } from './stall.ts'

/** The open connections of one port. */
export type Connections = {
  /** Keeps a TCP socket until it closes. */
  readonly add: (socket: Socket) => void
  /** Waits for a TLS socket too: it closes after the TCP socket under it, and only then its calls are over. */
  readonly addOver: (socket: Socket) => void
  /** How many are open. */
  readonly count: () => number
  /** Destroys each connection whose reader takes nothing. `nowMs` is monotonic. */
  readonly sweep: (nowMs: number) => void
  /** Destroys every connection. */
  readonly destroyAll: () => void
  /** Resolves when none is open, at once if so; what listens for their 'close' has run by then. */
  readonly emptied: () => Promise<void>
}

/** What `createConnections` needs. */
export type ConnectionsDeps = {
  readonly stallTimeoutMs: number
  /** Told the peer's address of each stalled connection as it is cut. */
  readonly onStalled: (peer: string) => void
}

/** Makes an empty set of connections. */
export const createConnections = ({ stallTimeoutMs, onStalled }: ConnectionsDeps): Connections => {
  // Sockets, not sessions or requests: what is left when those are gone must still be found and closed.
  const open = new Map<Socket, StallWatch>()
  const over = new Set<Socket>()
  const waiting: (() => void)[] = []
  const settle = (): void => {
    if (open.size > 0 || over.size > 0) return
    for (const resolve of waiting.splice(0)) setImmediate(resolve)
  }
  return {
    add: socket => {
      open.set(socket, createStallWatch(stallTimeoutMs))
      socket.once('close', () => {
        open.delete(socket)
        settle()
      })
    },
    addOver: socket => {
      over.add(socket)
      socket.once('close', () => {
        over.delete(socket)
        settle()
      })
    },
    count: () => open.size,
    sweep: nowMs => {
      for (const [socket, watch] of open) {
        if (!watch.isStalled(socketFlow(socket), nowMs)) continue
        const peer = socket.remoteAddress ?? ''
        socket.destroy()
        onStalled(peer)
      }
    },
    destroyAll: () => {
      for (const socket of open.keys()) socket.destroy()
    },
    emptied: () =>
      new Promise(resolve => {
        waiting.push(resolve)
        settle()
      }),
  }
}
