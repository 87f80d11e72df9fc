// Stands between the bytes of a request and their decoder, and lets nothing through that has too many pieces.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { DescMessage } from '@bufbuild/protobuf'
import type { Compression } from '@connectrpc/connect/protocol'
import type { BodyInspector } from '../http/body.ts'
import { COUNTED_FROM_BYTES } from '../http/json-size.ts'
import { hasTooManyPieces, isOneValue } from './pieces.ts'

/** What a body holds. */
export interface GuardedBody {
  /** Its messages. */
  readonly form: DescMessage | 'json'
  /** Whether each message has five bytes before it that say how long it is. */
  readonly isEnveloped: boolean
  /** Whether the header names a compression; a message of a body without one must not say that it is compressed. */
  readonly isCompressed: boolean
  /** Hears by how many bytes a message is longer without its compression. */
  readonly unpacked?: ((bytes: number) => void) | undefined
  /** Makes the error with which the reading ends. */
  readonly refuse: () => Error
  /** Makes the error of a message that wrongly says that it is compressed. */
  readonly refuseFlag: () => Error
}

const PREFIX_BYTES = 5
const COMPRESSED = 1

/** Makes the guard of one body. What is compressed passes; `guardedCompression` looks at it when it is not any more. */
export function guardPieces(body: GuardedBody): BodyInspector {
  return body.isEnveloped ? envelopes(body) : whole(body)
}

function whole({ form, refuse }: GuardedBody): BodyInspector {
  const parts: Uint8Array[] = []
  return {
    chunk: bytes => void parts.push(bytes),
    end() {
      if (sizeOf(parts) >= COUNTED_FROM_BYTES && hasTooManyPieces(Buffer.concat(parts), form)) throw refuse()
    },
  }
}

function envelopes({ form, isCompressed, refuse, refuseFlag }: GuardedBody): BodyInspector {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  let prefixBytes = 0
  let missingBytes = 0
  let parts: Uint8Array[] | undefined

  function begin(): void {
    missingBytes = prefix.readUInt32BE(1)
    const isPlain = ((prefix[0] ?? 0) & COMPRESSED) === 0
    if (!isPlain && !isCompressed) throw refuseFlag()
    parts = isPlain && missingBytes >= COUNTED_FROM_BYTES ? [] : undefined
  }
  function take(bytes: Uint8Array, at: number): number {
    if (prefixBytes < PREFIX_BYTES) {
      const taken = Math.min(PREFIX_BYTES - prefixBytes, bytes.byteLength - at)
      prefix.set(bytes.subarray(at, at + taken), prefixBytes)
      prefixBytes += taken
      if (prefixBytes === PREFIX_BYTES) begin()
      return taken
    }
    const taken = Math.min(missingBytes, bytes.byteLength - at)
    const part = bytes.subarray(at, at + taken)
    // A chunk of a file is seen by its first bytes: joining each would be most of the garbage of an upload.
    if (parts?.length === 0 && isOneValue(part, missingBytes, form)) parts = undefined
    parts?.push(part)
    missingBytes -= taken
    return taken
  }
  return {
    chunk(bytes) {
      for (let at = 0; at < bytes.byteLength; ) {
        at += take(bytes, at)
        if (prefixBytes < PREFIX_BYTES || missingBytes > 0) continue
        if (parts !== undefined && hasTooManyPieces(Buffer.concat(parts), form)) throw refuse()
        parts = undefined
        prefixBytes = 0
      }
    },
    end() {},
  }
}

const compressed = new AsyncLocalStorage<GuardedBody>()

/** Runs the reading of a compressed body, so that what comes out of it is looked at. */
export function withGuard<T>(body: GuardedBody, read: () => T): T {
  return compressed.run(body, read)
}

/** The same compression, but for messages with too many pieces. */
export function guardedCompression(compression: Compression): Compression {
  return {
    ...compression,
    async decompress(bytes, readMaxBytes) {
      const plain = await compression.decompress(bytes, readMaxBytes)
      const body = compressed.getStore()
      body?.unpacked?.(plain.byteLength - bytes.byteLength)
      if (body !== undefined && hasTooManyPieces(plain, body.form)) throw body.refuse()
      return plain
    },
  }
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
