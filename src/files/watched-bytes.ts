// Looks at the bytes of an upload while they flow: how many they are, and what the first of them say.
import { GatewayError } from '../core/errors.ts'
import { contradiction, SNIFF_BYTES, sniffType } from './sniff.ts'

/** What bytes are held against. */
export interface ByteRules {
  /** The most that there may be. */
  readonly bytesMax: number
  /** The most that the tenant may have; undefined: any. */
  readonly quotaBytes: number | undefined
  /** How many there must be; undefined: as many as come. */
  readonly sizeBytes: number | undefined
  /** In lower case; empty: what the bytes say. */
  readonly mimeType: string
  /** Ends the flow; its reason is thrown. */
  readonly signal: AbortSignal
}

/** Bytes that are watched. */
export interface WatchedBytes {
  /** To be read once. Throws what is wrong with the bytes as soon as it is seen. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** The type as claimed, or else as read: known when the bytes have flowed. */
  mimeType(): string
}

/** Watches bytes. What is wrong is INVALID_REQUEST, or STORAGE_FULL above the quota. */
export function watchBytes(chunks: AsyncIterable<Uint8Array>, rules: ByteRules): WatchedBytes {
  let head = new Uint8Array(0)
  let isJudged = false
  let sizeBytes = 0

  function judge(): void {
    isJudged = true
    const why = rules.mimeType === '' ? undefined : contradiction(head, rules.mimeType)
    if (why === undefined) return
    throw invalid(`mime_type is ${rules.mimeType}, and the bytes are ${why}: correct it or leave it out`)
  }

  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      rules.signal.throwIfAborted()
      sizeBytes += chunk.byteLength
      checkGrowth(sizeBytes, rules)
      if (!isJudged) {
        head = Buffer.concat([head, chunk.subarray(0, SNIFF_BYTES - head.byteLength)])
        if (head.byteLength >= SNIFF_BYTES) judge()
      }
      yield chunk
    }
    rules.signal.throwIfAborted()
    if (sizeBytes === 0) throw invalid('the file has no bytes: send at least 1')
    if (rules.sizeBytes !== undefined && sizeBytes < rules.sizeBytes)
      throw invalid(`size_bytes is ${rules.sizeBytes}, and only ${sizeBytes} bytes came`)
    if (!isJudged) judge()
  }

  return { chunks: watched(), mimeType: () => (rules.mimeType === '' ? sniffType(head) : rules.mimeType) }
}

/** Refuses a size that is too large by itself. */
export function checkGrowth(
  sizeBytes: number,
  { bytesMax, quotaBytes, sizeBytes: claimed }: Pick<ByteRules, 'bytesMax' | 'quotaBytes' | 'sizeBytes'>,
): void {
  if (sizeBytes > bytesMax)
    throw invalid(`the file has more than ${bytesMax} bytes, the most that one may have`)
  if (claimed !== undefined && sizeBytes > claimed)
    throw invalid(`size_bytes is ${claimed}, and more bytes came`)
  if (quotaBytes !== undefined && sizeBytes > quotaBytes) throw overQuota(quotaBytes)
}

/** The failure for a tenant whose files would have more bytes than they may. */
export function overQuota(quotaBytes: number): GatewayError {
  return new GatewayError(
    'STORAGE_FULL',
    `the files of this tenant may have ${quotaBytes} bytes: delete some first`,
  )
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
