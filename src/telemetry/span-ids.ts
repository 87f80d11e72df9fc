// Ids of traces and spans: random, and never all zeros, which W3C's trace context takes for none.
import { randomFillSync } from 'node:crypto'

/** Makes ids. */
export interface SpanIds {
  /** 32 hexadecimal digits. */
  traceId(): string
  /** 16 hexadecimal digits. */
  spanId(): string
}

/** One question to the system's randomness for many ids. */
const POOL_BYTES = 4_096

/** Makes it. */
export function createSpanIds(): SpanIds {
  const pool = Buffer.alloc(POOL_BYTES)
  let at = POOL_BYTES
  function digits(bytes: number): string {
    if (at + bytes > POOL_BYTES) {
      randomFillSync(pool)
      at = 0
    }
    const from = at
    at += bytes
    const id = pool.toString('hex', from, at)
    return isNone(id) ? digits(bytes) : id
  }
  return { traceId: () => digits(16), spanId: () => digits(8) }
}

function isNone(id: string): boolean {
  for (let at = 0; at < id.length; at += 1) if (id.charCodeAt(at) !== 0x30) return false
  return true
}
