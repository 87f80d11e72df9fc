// The body of a request as undici takes it: text as it is, and what comes piece by piece as a stream with back-pressure.
import { Readable } from 'node:stream'
import { GatewayError } from '../core/errors.ts'

/** Makes a body. What an iterable throws ends the request, as INTERNAL unless it is a GatewayError: no provider is to blame. */
export function bodyOf(body: string | AsyncIterable<Uint8Array>): string | Readable {
  // Not in object mode, so that what is read ahead is counted in bytes.
  return typeof body === 'string' ? body : Readable.from(ownFaults(body), { objectMode: false })
}

async function* ownFaults(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces
  } catch (error) {
    throw GatewayError.from(error)
  }
}
