// A WebSocket client as a test needs it: keeps every frame, and waits for the one that it is told of.
import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'

/** A frame as it came. */
export type Frame = { readonly [field: string]: unknown }

/** How a connection ended. */
export type Closed = { readonly code: number; readonly reason: string }

/** An open connection. */
export interface SocketClient {
  readonly ws: WebSocket
  /** Every frame so far. */
  readonly frames: readonly Frame[]
  /** Sends a frame as JSON, or a text or bytes as they are. */
  send(frame: object | string | Buffer): void
  /** Resolves with the first frame, past or future, of which this is true; rejects after the time, and when the connection ends. */
  frame(test: (frame: Frame) => boolean, timeoutMs?: number): Promise<Frame>
  readonly closed: Promise<Closed>
}

/** Connects; rejects when the handshake is refused. */
export async function openSocket(url: string, options: ClientOptions = {}): Promise<SocketClient> {
  const ws = new WebSocket(url, { perMessageDeflate: false, ...options })
  const frames: Frame[] = []
  const watchers = new Set<() => void>()
  const { promise: closed, resolve } = Promise.withResolvers<Closed>()
  let end: Closed | undefined
  ws.on('message', data => {
    frames.push(JSON.parse(String(data)))
    for (const watch of watchers) watch()
  })
  ws.on('error', () => undefined)
  ws.on('close', (code, reason) => {
    end = { code, reason: String(reason) }
    resolve(end)
    for (const watch of watchers) watch()
  })
  await once(ws, 'open')
  return {
    ws,
    frames,
    send: frame =>
      ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    frame: (test, timeoutMs = 15_000) =>
      new Promise((found, reject) => {
        const stop = (): void => {
          clearTimeout(timer)
          watchers.delete(look)
        }
        const fail = (why: string): void => {
          stop()
          reject(new Error(`${why}; there were ${JSON.stringify(frames).slice(0, 2_000)}`))
        }
        const look = (): void => {
          const frame = frames.find(test)
          if (frame !== undefined) {
            stop()
            found(frame)
          } else if (end !== undefined) fail(`the connection ended with ${end.code} before the frame came`)
        }
        const timer = setTimeout(() => fail('the frame did not come'), timeoutMs)
        watchers.add(look)
        look()
      }),
    closed,
  }
}

/** The status and body with which a handshake is refused. */
export async function refusedHandshake(
  url: string,
  options: ClientOptions = {},
): Promise<{ readonly status: number | undefined; readonly body: Frame }> {
  const ws = new WebSocket(url, options)
  ws.on('error', () => undefined)
  const [, res] = await once(ws, 'unexpected-response')
  let text = ''
  for await (const chunk of res) text += String(chunk)
  return { status: res.statusCode, body: JSON.parse(text) }
}

/** Whether a frame is of this type, and about this request if one is named. */
export const is =
  (type: string, requestId?: string) =>
  (frame: Frame): boolean =>
    frame['type'] === type && (requestId === undefined || frame['request_id'] === requestId)

/** What an error frame says went wrong. */
export function codeOf(frame: Frame): unknown {
  const error = frame['error']
  return typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
}
