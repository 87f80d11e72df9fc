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

/** The counter's first value in a millisecond leaves it room for at least 2,048 more. */
const COUNTER_START_BITS = 0x7ff
const COUNTER_BITS = 0xfff
let lastMs = -1
let counter = 0

/** What stands in the 12 bits after the version: it only goes up within a millisecond (RFC 9562, 6.2, method 1). */
function counted(ms: number, tail: Buffer): number {
  counter = ms === lastMs && counter < COUNTER_BITS ? counter + 1 : tail.readUInt16BE(0) & COUNTER_START_BITS
  lastMs = ms
  return counter
}

/**
 * A UUIDv7 for an instant (milliseconds since the Unix epoch): 48 bits of time, a counter of 12 bits, 62 random bits. Those that
 * a process makes one after the other in one millisecond sort in that order too, up to 2,048 of them.
 */
export function uuidv7(nowMs: number): string {
  const tail = randomTail()
  const ms = Math.trunc(nowMs)
  const time = ms.toString(16).padStart(12, '0')
  const count = counted(ms, tail).toString(16).padStart(3, '0')
  const hex = tail.toString('hex')
  const variant = ((tail[2] ?? 0) & 0x3f) | 0x80
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${variant.toString(16)}${hex.slice(6, 8)}-${hex.slice(8)}`
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
