// A worker as a process: started with one end of a channel, and watched until it is gone.
import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'

/** The descriptor at which a worker finds its end of the channel. */
export const CHANNEL_FD = 3
/** The command by which the entry of the service becomes a worker. */
export const WORKER_COMMAND = 'worker'

/** How a process ended. */
export interface ChildEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** A process. */
export interface Child {
  readonly pid: number | undefined
  /** The owner's end of the channel. */
  readonly socket: Duplex
  /** Resolves when it is gone; never rejects. */
  readonly ended: Promise<ChildEnd>
  kill(): void
}

/** Starts a process of the service by its entry. */
export function startChild(entry: string): Child {
  // A debugger has one port, and whoever asked for it meant the process that was started.
  const args = process.execArgv.filter(arg => !arg.startsWith('--inspect'))
  const child = spawn(process.execPath, [...args, entry, WORKER_COMMAND], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  const { promise: ended, resolve } = Promise.withResolvers<ChildEnd>()
  child.once('exit', (code, signal) => resolve({ code, signal }))
  // It could not be started at all.
  child.once('error', () => resolve({ code: null, signal: null }))
  // A pipe to a child is a socket, which goes both ways.
  const socket = child.stdio[CHANNEL_FD] as unknown as Duplex
  // A child that is gone is heard of by its end.
  socket.on('error', () => undefined)
  return {
    pid: child.pid,
    socket,
    ended,
    kill: () => void child.kill('SIGKILL'),
  }
}
