// The vectors of the sandbox: texts that share words are near one another, and nothing is known of what they mean.
import { createHash } from 'node:crypto'

/** How long a vector is unless the caller says otherwise. */
export const SANDBOX_DIMENSIONS = 64
/** The longest vector that it makes. */
export const SANDBOX_DIMENSIONS_MAX = 4_096

const BITS_PER_BYTE = 8
const DIGEST_BYTES = 32

/** A vector of length 1, always the same for the same text: each word says one or minus one at every place, and their sum counts. */
export function sandboxVector(text: string, dimensions: number): number[] {
  const sum = new Float64Array(dimensions)
  const words = text.toLowerCase().match(/\S+/g) ?? [text]
  for (const word of words) {
    let bytes = Buffer.alloc(0)
    for (let at = 0; at < dimensions; at += 1) {
      const bit = at % (DIGEST_BYTES * BITS_PER_BYTE)
      if (bit === 0) bytes = createHash('sha256').update(`${at} ${word}`).digest()
      const isSet = ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1
      sum[at] = (sum[at] ?? 0) + (isSet === 1 ? 1 : -1)
    }
  }
  const length = Math.hypot(...sum)
  // Words may cancel one another out, and a vector without a direction is of no use to anybody.
  if (length === 0) return Array.from(sum, (_, at) => (at === 0 ? 1 : 0))
  return Array.from(sum, each => Math.fround(each / length))
}
