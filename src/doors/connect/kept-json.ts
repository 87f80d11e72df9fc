// Keeps the bytes of a JSON request while connect-es reads it, so that what is wrong in it can be said with its place.
import type { DescMessage } from '@bufbuild/protobuf'
import { misfitOf } from './misfit.ts'
import { parsed } from './own/json.ts'

/** A body that passes, and what is known of it afterwards. */
export interface KeptJson {
  readonly body: AsyncIterable<Uint8Array>
  /** What of it does not fit the message; undefined when it is longer than is kept, no JSON, or nothing is found. */
  misfit(): string | undefined
}

const KEPT_BYTES_MAX = 1024 * 1024
const PREFIX_BYTES = 5

/** Keeps a body of one plain message, up to a mebibyte of it. */
export function keepJson(
  schema: DescMessage,
  body: AsyncIterable<Uint8Array>,
  isEnveloped: boolean,
): KeptJson {
  let chunks: Uint8Array[] = []
  let sizeBytes = 0

  async function* passed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength
      if (sizeBytes > KEPT_BYTES_MAX) chunks = []
      else chunks.push(chunk)
      yield chunk
    }
  }

  return {
    body: passed(),
    misfit() {
      if (sizeBytes > KEPT_BYTES_MAX) return undefined
      const all = Buffer.concat(chunks)
      const message = isEnveloped ? onlyMessage(all) : all
      if (message === undefined) return undefined
      if (message.byteLength === 0) return 'the request is empty: send a JSON object, {} at least'
      const value = parsed(message.toString())
      return value === undefined ? undefined : misfitOf(schema, value)
    },
  }
}

// Of several messages it is not known which one could not be read.
function onlyMessage(body: Buffer): Buffer | undefined {
  const isOne = body.byteLength >= PREFIX_BYTES && body.readUInt32BE(1) === body.byteLength - PREFIX_BYTES
  return isOne ? body.subarray(PREFIX_BYTES) : undefined
}
