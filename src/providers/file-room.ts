// How much of stored files one request takes: bytes that go inline, and texts, which stand there once for every place.
import { GatewayError } from '../core/errors.ts'
import type { FilePlaces } from './file-places.ts'
import type { Shown } from './file-shown.ts'

/** What base64 leaves of the 50 MB that the provider with the most takes in one request. */
const INLINE_BYTES_MAX = 37_000_000
/** Of all texts together: some 4 million tokens, more than any context window. */
const TEXT_BYTES_MAX = 16 * 1024 * 1024

/** The room of one request. */
export interface FileRoom {
  /**
   * Takes a file as it is to be shown in all of its places, or gives the failure, and takes nothing, where it does not fit
   * beside the others. `inlineBytesMax`: the provider's own limit for all that goes inline.
   */
  take(
    shown: Shown,
    sizeBytes: number,
    places: Pick<FilePlaces, 'shown' | 'count'>,
    inlineBytesMax?: number,
  ): GatewayError | undefined
}

/** Makes the room of a request to a provider, in which there are so many bytes already. */
export function createFileRoom(provider: string, sentBytes: number): FileRoom {
  const taken = { files: sentBytes, 'texts of files': 0 }

  function claim(what: keyof typeof taken, sizeBytes: number, bytesMax: number): GatewayError | undefined {
    if (taken[what] + sizeBytes > bytesMax) {
      const message = `${provider} takes ${what} of at most ${bytesMax} bytes together within a request: send fewer`
      return new GatewayError('UNSUPPORTED', message, { provider, against: 'nobody' })
    }
    taken[what] += sizeBytes
    return undefined
  }

  return {
    take(shown, sizeBytes, places, inlineBytesMax = INLINE_BYTES_MAX) {
      if (shown.as === 'inline')
        return claim('files', sizeBytes * places.shown, Math.min(inlineBytesMax, INLINE_BYTES_MAX))
      if (shown.as !== 'text') return undefined
      return claim('texts of files', Buffer.byteLength(shown.text) * places.count, TEXT_BYTES_MAX)
    },
  }
}
