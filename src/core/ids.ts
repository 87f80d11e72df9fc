// Ids of everything that has one: a prefix and a UUIDv7 (RFC 9562), so that ids sort by time.
import { randomBytes } from 'node:crypto'

/** What an id names. */
export type IdPrefix = 'resp' | 'conv' | 'file' | 'key' | 'call'

const POOL_IDS = 256
let pool = Buffer.alloc(0)
let poolOffset = 0

function randomTail(): Buffer {
  if (poolOffset >= pool.length) {
    // One system call for many ids: randomBytes costs about 1 µs whatever its length.
    pool = randomBytes(POOL_IDS * 10)
    poolOffset = 0
  }
  const tail = pool.subarray(poolOffset, poolOffset + 10)
  poolOffset += 10
  return tail
}

/** A UUIDv7 for an instant (milliseconds since the Unix epoch): 48 bits of time, 74 random bits. */
export function uuidv7(nowMs: number): string {
  const tail = randomTail()
  const time = Math.trunc(nowMs).toString(16).padStart(12, '0')
  const hex = tail.toString('hex')
  const variant = ((tail[2] ?? 0) & 0x3f) | 0x80
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${variant.toString(16)}${hex.slice(6, 8)}-${hex.slice(8)}`
}

/** A new id such as `resp_0197…`. */
export function newId(prefix: IdPrefix, nowMs: number): string {
  return `${prefix}_${uuidv7(nowMs)}`
}

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether a text can be an id of that kind at all. One that cannot is answered as a missing one. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}_`) && SHAPE.test(text.slice(prefix.length + 1))
}
