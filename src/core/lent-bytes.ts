// Large pieces of bytes that are used again: whoever read into one lends it, and whoever knows that nobody needs it any more gives it back.
//
// Memory outside of V8's heap is only freed by a collection of the whole heap where a call makes few objects: a piece for each
// 256 KiB of a file costs more in collections than all the rest of sending it. A piece that nobody gives back is garbage as any other.

/** The largest piece that is lent, in bytes. */
export const LENT_BYTES_MAX = 256 * 1024

/** How many bytes of whoever has a piece fit right before it. */
export const ROOM_BYTES = 16

// Below, a piece of its own costs less than a large one that somebody else could use.
const LENT_BYTES_MIN = 64 * 1024
// As many as are kept while nobody needs them.
const FREE_MAX = 16

const free: ArrayBuffer[] = []
const lent = new WeakSet<ArrayBufferLike>()

/** A piece of so many bytes, of any content: whoever gets it fills it, and shows nobody what is behind that. */
export function lend(sizeBytes: number): Uint8Array<ArrayBuffer> {
  if (sizeBytes < LENT_BYTES_MIN || sizeBytes > LENT_BYTES_MAX) return new Uint8Array(sizeBytes)
  const memory = free.pop() ?? new ArrayBuffer(ROOM_BYTES + LENT_BYTES_MAX)
  lent.add(memory)
  return new Uint8Array(memory, ROOM_BYTES, sizeBytes)
}

/** The piece with so many bytes before it, `ROOM_BYTES` at most, which are to be written; undefined for what is not lent. */
export function withRoom(piece: Uint8Array, beforeBytes: number): Buffer | undefined {
  const { buffer, byteOffset, byteLength } = piece
  // A part of a piece has bytes of the piece before it.
  if (byteOffset !== ROOM_BYTES || !lent.has(buffer)) return undefined
  return Buffer.from(buffer, byteOffset - beforeBytes, beforeBytes + byteLength)
}

/** Gives back what nobody reads any more, also not the system that sends it. What is not lent, or not any more, stays as it is. */
export function giveBack({ buffer }: Uint8Array): void {
  if (lent.delete(buffer) && buffer instanceof ArrayBuffer && free.length < FREE_MAX) free.push(buffer)
}
