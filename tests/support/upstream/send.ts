// Sends a reply piece by piece, with back-pressure, and does to the socket what the reply asks for.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { bodySize, isStream, type Piece, type Reply } from './reply.ts'

/** Told how the sending goes. */
export type SendObserver = {
  sent(sizeBytes: number): void
  /** We ended the answer or broke the connection ourselves. */
  ended(): void
}

const FLOOD_BYTES = 64 * 1024
/** Lets the peer read what was sent before the reset: a reset throws away what it has not read. */
const BEFORE_RESET_MS = 10

/** Sends; resolves when everything is out, the connection was broken on purpose, or `gone` says the peer left. */
export async function send(
  reply: Reply,
  response: ServerResponse,
  observer: SendObserver,
  gone: AbortSignal,
): Promise<void> {
  if (reply.before !== undefined && (await act(reply.before, response, observer, gone)) === 'over') return
  const length = isStream(reply) ? {} : { 'content-length': String(bodySize(reply.body)) }
  response.writeHead(reply.status, { ...length, ...reply.headers })
  response.flushHeaders()
  for (const piece of reply.body) {
    if (gone.aborted || (await act(piece, response, observer, gone)) === 'over') return
  }
  if (gone.aborted) return
  observer.ended()
  response.end()
}

/** Does one piece; 'over' when nothing may follow. */
async function act(
  piece: Piece,
  response: ServerResponse,
  observer: SendObserver,
  gone: AbortSignal,
): Promise<'over' | 'on'> {
  switch (piece.kind) {
    case 'event':
    case 'bytes':
      await write(piece.bytes, response, observer, gone)
      // Writes of one turn are merged into one; a provider's events come one by one.
      await turn()
      return 'on'
    case 'flood':
      for (let left = piece.sizeBytes; left > 0 && !gone.aborted; left -= FLOOD_BYTES) {
        await write(Buffer.alloc(Math.min(left, FLOOD_BYTES), 'x'), response, observer, gone)
      }
      return 'on'
    case 'wait':
      await pause(piece.ms, gone)
      return 'on'
    case 'repeat':
      while (!gone.aborted) {
        await write(piece.bytes, response, observer, gone)
        await pause(piece.everyMs, gone)
      }
      return 'over'
    case 'silence':
      await pause(undefined, gone)
      return 'over'
    case 'reset':
      await pause(BEFORE_RESET_MS, gone)
      if (!gone.aborted) observer.ended()
      response.socket?.resetAndDestroy()
      return 'over'
    case 'fin':
      if (!gone.aborted) observer.ended()
      response.socket?.end()
      return 'over'
    default:
      return piece satisfies never
  }
}

/** Waits, or until the peer is gone; without a time only for that. */
async function pause(ms: number | undefined, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return
  // The rejection is how an abort ends the wait; the caller looks at the signal itself.
  if (ms === undefined) await once(gone, 'abort')
  else await sleep(ms, undefined, { signal: gone }).catch(() => {})
}

/** Writes and waits until the socket wants more, so that a peer that does not read holds us up. */
async function write(
  bytes: Buffer,
  response: ServerResponse,
  observer: SendObserver,
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted || bytes.length === 0) return
  observer.sent(bytes.length)
  if (!response.write(bytes)) await once(response, 'drain', { signal: gone }).catch(() => {})
}
