// Files at a provider: sent, waited for, read and taken away. Where they are kept, and for how long, is for others to know.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Access } from './access.ts'
import type { Upstream } from './openai-dialect/dialect.ts'

/** A file to be sent. */
export interface FileUpload {
  /** Providers tell the type by its ending; one without gets that of its type. */
  readonly filename: string
  readonly mimeType: string
  /** What the provider is to do with it, in its own words, as `fileFormsFor` names it. */
  readonly purpose: string
  /** Exactly `sizeBytes` bytes; an iterable is read once, and no faster than it is sent. */
  readonly bytes: Uint8Array | AsyncIterable<Uint8Array>
  /** At least 1. */
  readonly sizeBytes: number
  readonly signal: AbortSignal
}

/** What names a file at a provider. */
export interface RemoteFile {
  /** As text even where the provider has numbers: some are too great for a JavaScript number. */
  readonly id: string
  /** The one that it was sent with: some providers ask for it again. */
  readonly purpose: string
}

/** A file that was sent. */
export interface SentFile extends RemoteFile {
  /** Whether it can be used now; else it has to be waited for. */
  readonly ready: boolean
}

/**
 * The files of one key at one provider, with nothing remembered. Everything throws GatewayError as an attempt does, and the
 * signal's reason; FILE_NOT_FOUND is a file that the provider does not have (any more).
 */
export interface FileApi {
  /** Sends a file. Throws INVALID_REQUEST for one that is empty or too large. A cancelled upload may still leave a file there. */
  upload(upload: FileUpload): Promise<SentFile>
  /** Waits until a file can be used. Throws INVALID_REQUEST when the provider cannot read it, UPSTREAM_UNAVAILABLE after too long. */
  waitReady(file: RemoteFile, signal: AbortSignal): Promise<void>
  /** The text that the provider made of a file, or its bytes where it makes none. Throws UNSUPPORTED where neither is given out. */
  content(file: RemoteFile, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Takes a file away, and says whether there was one. */
  delete(file: RemoteFile, signal: AbortSignal): Promise<boolean>
}

/** What a FileApi is made from. */
export interface FileApiDeps {
  /** Id of the provider, what its errors mean, and how its texts are cleaned of keys. */
  readonly upstream: Omit<Upstream, 'model'>
  /** Files belong to the account of a key. */
  readonly access: Access
  readonly clock: Clock
  /** How often a file is looked at until it is ready. Default: after 250 ms, then less and less often up to 5 s, for 2 min. */
  readonly polling?: Partial<Polling>
}

/** How long to wait between looks, and altogether, in milliseconds. */
export interface Polling {
  readonly firstMs: number
  readonly mostMs: number
  readonly totalMs: number
}

const PIECE_BYTES = 64 * 1024

/** The text of a content, at most so many bytes of it. Throws UPSTREAM_BROKEN above that. */
export async function textOf(
  upstream: Pick<Upstream, 'provider'>,
  content: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<string> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of content) {
    sizeBytes += part.byteLength
    if (sizeBytes > bytesMax) {
      const message = `${upstream.provider} made more than ${bytesMax} bytes of text of the file`
      throw new GatewayError('UPSTREAM_BROKEN', message, { provider: upstream.provider, against: 'nobody' })
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** The bytes of a file piece by piece. */
export function pieces(bytes: FileUpload['bytes']): AsyncIterable<Uint8Array> {
  return bytes instanceof Uint8Array ? cut(bytes) : bytes
}

async function* cut(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

/** The failure for a file that a provider does not have. */
export function noSuchFile(provider: string, id: string, cause?: GatewayError): GatewayError {
  const { upstreamStatus, upstreamCode } = cause?.details ?? {}
  return new GatewayError('FILE_NOT_FOUND', `${provider} has no file ${id}: send it again`, {
    provider,
    // The id is ours to know, not the caller's.
    origin: 'upstream',
    against: 'nobody',
    ...(upstreamStatus === undefined ? {} : { upstreamStatus }),
    ...(upstreamCode === undefined ? {} : { upstreamCode }),
  })
}
