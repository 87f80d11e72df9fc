// How values become bytes between two processes of one service, and bytes values again: a length, then what V8 makes of them.
import { DefaultDeserializer, DefaultSerializer, type Deserializer } from 'node:v8'

/** Bytes of the length in front of each frame. */
const LENGTH_BYTES = 4
const ROOM = Buffer.alloc(LENGTH_BYTES)

/** A value with its length in front. */
export function frameOf(value: unknown): Buffer {
  const serializer = new DefaultSerializer()
  // Filled in afterwards: two buffers would be two writes, or one more copy.
  serializer.writeRawBytes(ROOM)
  serializer.writeHeader()
  serializer.writeValue(value)
  const frame = serializer.releaseBuffer()
  frame.writeUInt32LE(frame.byteLength - LENGTH_BYTES, 0)
  return frame
}

/** Takes bytes as they come. */
export interface Framer {
  /** Throws when they are no frames. */
  add(chunk: Buffer): void
}

/** Makes one that calls back with the value of each whole frame. */
export function createFramer(take: (value: unknown) => void): Framer {
  let chunks: Buffer[] = []
  let size = 0
  let wanted = LENGTH_BYTES

  /** So many bytes from the front. */
  function cut(bytes: number): Buffer {
    const [first = ROOM] = chunks
    const all = first.byteLength >= bytes ? first : Buffer.concat(chunks)
    const rest = all.subarray(bytes)
    if (all === first) chunks.shift()
    else chunks = []
    if (rest.byteLength > 0) chunks.unshift(rest)
    size -= bytes
    return all.subarray(0, bytes)
  }

  return {
    add(chunk) {
      chunks.push(chunk)
      size += chunk.byteLength
      while (size >= wanted) {
        if (wanted === LENGTH_BYTES) {
          const [first = ROOM] = chunks
          const head = first.byteLength >= LENGTH_BYTES ? first : Buffer.concat(chunks)
          wanted = LENGTH_BYTES + head.readUInt32LE(0)
          if (size < wanted) return
        }
        const frame = cut(wanted)
        wanted = LENGTH_BYTES
        take(valueIn(frame.subarray(LENGTH_BYTES)))
      }
    },
  }
}

function valueIn(bytes: Buffer): unknown {
  const deserializer: Deserializer = new DefaultDeserializer(bytes)
  deserializer.readHeader()
  return deserializer.readValue()
}
