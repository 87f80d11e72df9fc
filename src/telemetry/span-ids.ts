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
  let all = ''
  let at = 0
  function digits(count: number): string {
    if (at + count > all.length) {
      randomFillSync(pool)
      all = pool.toString('hex')
      at = 0
    }
    // A slice costs a tenth of a conversion; it holds the whole text, but for no longer than its call.
    const id = all.slice(at, at + count)
    at += count
    return isNone(id) ? digits(count) : id
  }
  return { traceId: () => digits(32), spanId: () => digits(16) }
}

function isNone(id: string): boolean {
  for (let at = 0; at < id.length; at += 1) if (id.charCodeAt(at) !== 0x30) return false
  return true
}
