// Collects the body of a call whose request is one message.
import type { Exchange } from '../../../server/exchange.ts'
import type { PortRequest } from '../../../server/port-handler.ts'

/** What has been read of a body. */
export interface Collected {
  /** The message; absent when the body is not one plain message, or could not be read to its end. */
  readonly message?: Uint8Array
  /** All that was read and counted. */
  readonly chunks: readonly Uint8Array[]
}

/** What is collected. */
export interface Collecting {
  /** The largest message, in bytes. */
  readonly maxBytes: number
  /** Whether the message has five bytes before it that say how long it is. */
  readonly isEnveloped: boolean
}

const PREFIX_BYTES = 5

/**
 * Reads a body as long as it can still be one plain message of the size allowed. Never fails: what else it is, or why it does
 * not come, is for whoever takes over from here; nothing is lost for them.
 */
export function collect(req: PortRequest, exchange: Exchange, how: Collecting): Promise<Collected> {
  const { maxBytes, isEnveloped } = how
  const { signal } = exchange
  const most = isEnveloped ? PREFIX_BYTES + maxBytes : maxBytes
  return new Promise(resolve => {
    let chunks: Uint8Array[] = []
    let sizeBytes = 0
    let isOver = false

    function end(): void {
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', leave)
      const message = messageOf(chunks, sizeBytes, isEnveloped)
      resolve(message === undefined ? { chunks } : { message, chunks })
      // The request keeps its listeners for as long as the call takes, and must not keep what they have seen.
      chunks = []
    }
    function leave(): void {
      // After its end a body is closed, too.
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', leave)
      req.off('data', take)
      req.off('end', end)
      req.off('close', leave)
      req.off('error', leave)
      req.pause()
      resolve({ chunks })
    }
    function take(chunk: Uint8Array): void {
      exchange.received(chunk.byteLength)
      chunks.push(chunk)
      sizeBytes += chunk.byteLength
      if (sizeBytes > most || (isEnveloped && !isPromising(chunks, sizeBytes, maxBytes))) leave()
    }

    if (signal.aborted || (!isEnveloped && Number(req.headers['content-length']) > maxBytes)) {
      return resolve({ chunks })
    }
    req.on('data', take)
    req.on('end', end)
    req.on('close', leave)
    req.on('error', leave)
    signal.addEventListener('abort', leave)
  })
}

function messageOf(
  chunks: readonly Uint8Array[],
  sizeBytes: number,
  isEnveloped: boolean,
): Uint8Array | undefined {
  const [first = NOTHING] = chunks
  const whole = chunks.length > 1 ? Buffer.concat(chunks, sizeBytes) : first
  if (!isEnveloped) return whole
  return sizeBytes >= PREFIX_BYTES && sizeBytes === PREFIX_BYTES + announced(whole)
    ? whole.subarray(PREFIX_BYTES)
    : undefined
}

/** Whether a body can still become one message without flags. */
function isPromising(chunks: readonly Uint8Array[], sizeBytes: number, maxBytes: number): boolean {
  if (sizeBytes < PREFIX_BYTES) return true
  const [first = NOTHING] = chunks
  const head = first.byteLength < PREFIX_BYTES ? Buffer.concat(chunks, sizeBytes) : first
  const length = announced(head)
  return head[0] === 0 && length <= maxBytes && sizeBytes <= PREFIX_BYTES + length
}

function announced(head: Uint8Array): number {
  return (head[1] ?? 0) * 0x1_00_00_00 + (((head[2] ?? 0) << 16) | ((head[3] ?? 0) << 8) | (head[4] ?? 0))
}

const NOTHING = new Uint8Array()
