// Notes on what fetch sends its calls on, so that a call whose connection broke says which connection that was.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** Notes that are being taken. */
export interface SocketNotes extends Disposable {
  /** What the call was sent on that failed by this error, or by one that caused it; empty when fetch did not get to send it. */
  of(error: unknown): string
}

/** What is known of a connection: times are milliseconds of `performance.now()`. */
interface Line {
  readonly socket: Socket
  readonly openedMs: number
  requests: number
  sentMs: number
  /** When the answer before was whole; absent before the first one. */
  answeredMs?: number
  /** How long nothing had been under way when the last request was sent. */
  idleMs: number
}

// What undici says (https://github.com/nodejs/undici/blob/main/docs/docs/api/DiagnosticsChannel.md).
type Sent = { readonly request: object; readonly socket: Socket }
type Ended = { readonly request: object; readonly error?: unknown }

/** Takes notes of every call of fetch in this process until it is disposed of. */
export function noteSockets(): SocketNotes {
  const lines = new WeakMap<Socket, Line>()
  const byRequest = new WeakMap<object, Line>()
  const byError = new WeakMap<object, string>()
  const listeners: readonly (readonly [name: string, hear: (message: unknown) => void])[] = [
    [
      'undici:client:connected',
      message => {
        const { socket } = message as Pick<Sent, 'socket'>
        lines.set(socket, { socket, openedMs: performance.now(), requests: 0, sentMs: 0, idleMs: 0 })
      },
    ],
    [
      'undici:client:sendHeaders',
      message => {
        const { request, socket } = message as Sent
        const line = lines.get(socket)
        if (line === undefined) return
        line.requests += 1
        line.sentMs = performance.now()
        line.idleMs = line.sentMs - (line.answeredMs ?? line.openedMs)
        byRequest.set(request, line)
      },
    ],
    [
      'undici:request:trailers',
      message => {
        const line = byRequest.get((message as Ended).request)
        if (line !== undefined) line.answeredMs = performance.now()
      },
    ],
    [
      'undici:request:error',
      message => {
        const { request, error } = message as Ended
        const line = byRequest.get(request)
        if (line !== undefined && error instanceof Error) byError.set(error, told(line))
      },
    ],
  ]
  for (const [name, hear] of listeners) subscribe(name, hear)
  return {
    of(error) {
      for (let one = error; one instanceof Error; one = one.cause) {
        const note = byError.get(one)
        if (note !== undefined) return note
      }
      return ''
    },
    [Symbol.dispose]() {
      for (const [name, hear] of listeners) unsubscribe(name, hear)
    },
  }
}

function told({ socket, openedMs, requests, sentMs, idleMs }: Line): string {
  const now = performance.now()
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
  return `request ${requests} of a connection that was open for ${seconds(now - openedMs)}, sent ${seconds(now - sentMs)} ago after ${seconds(idleMs)} without any; ${socket.bytesWritten} bytes out and ${socket.bytesRead} in`
}
