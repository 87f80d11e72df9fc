// Ids of everything that has one: a prefix and a UUIDv7 (RFC 9562), so that ids sort by time.
import { randomBytes } from 'node:crypto'

/** What an id names. */
export type IdPrefix = 'resp' | 'conv' | 'file' | 'key' | 'call'

const POOL_IDS = 256
const RANDOM_BYTES = 10
let pool = Buffer.alloc(0)
let poolOffset = 0

/** The counter's first value in a millisecond leaves it room for at least 2,048 more. */
const COUNTER_START_BITS = 0x7ff
const COUNTER_BITS = 0xfff
let lastMs = -1
let counter = 0

/** The text of an id as bytes, written over by each one: its digits are put in place, and read as one flat string. */
const written = Buffer.from('00000000-0000-7000-8000-000000000000', 'latin1')
const DIGITS = Buffer.from('0123456789abcdef', 'latin1')
/** Where the digits of the 48 bits of time stand, the last one first. */
const TIME_PLACES = [12, 11, 10, 9, 7, 6, 5, 4, 3, 2, 1, 0]
/** Where each of the last eight random bytes stands. */
const TAIL_PLACES = [19, 21, 24, 26, 28, 30, 32, 34]

function digit(value: number): number {
  return DIGITS[value & 0xf] ?? 0
}

/**
 * A UUIDv7 for an instant (milliseconds since the Unix epoch): 48 bits of time, a counter of 12 bits, 62 random bits. Those that
 * a process makes one after the other in one millisecond sort in that order too, up to 2,048 of them.
 */
export function uuidv7(nowMs: number): string {
  if (poolOffset >= pool.length) {
    // One system call for many ids: randomBytes costs about 1 µs whatever its length.
    pool = randomBytes(POOL_IDS * RANDOM_BYTES)
    poolOffset = 0
  }
  const at = poolOffset
  poolOffset += RANDOM_BYTES
  writeTime(Math.trunc(nowMs), at)
  written[15] = digit(counter >> 8)
  written[16] = digit(counter >> 4)
  written[17] = digit(counter)
  for (let index = 0; index < TAIL_PLACES.length; index += 1) {
    const byte = pool[at + 2 + index] ?? 0
    const place = TAIL_PLACES[index] ?? 0
    // The first one has the variant in its two highest bits.
    written[place] = digit(index === 0 ? ((byte >> 4) & 0x3) | 0x8 : byte >> 4)
    written[place + 1] = digit(byte)
  }
  return written.toString('latin1')
}

/** Writes the time where it is another one than before, and moves the counter: it only goes up within a millisecond (RFC 9562, 6.2, method 1). */
function writeTime(ms: number, at: number): void {
  if (ms === lastMs && counter < COUNTER_BITS) {
    counter += 1
    return
  }
  counter = pool.readUInt16BE(at) & COUNTER_START_BITS
  if (ms === lastMs) return
  lastMs = ms
  let rest = ms
  for (const place of TIME_PLACES) {
    written[place] = digit(rest % 16)
    rest = Math.floor(rest / 16)
  }
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
