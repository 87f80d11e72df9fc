// Writes the message that a download is made of, a chunk of the file, without moving its bytes where there is room before them.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { DownloadFileResponseSchema } from '#gen/exai/v1/files_service_pb'
import { withRoom } from '../../../core/lent-bytes.ts'
import { hasUnknown, LENGTH_DELIMITED, tagOf, varintBytes, writeVarint } from './wire.ts'

/** A message with a chunk of a file and nothing else, ready to be written in protobuf. */
export interface FileChunk {
  readonly chunk: Uint8Array
  /** Length of the whole message, in bytes. */
  readonly sizeBytes: number
}

const TAG = tagOf(DownloadFileResponseSchema.field.chunk.number, LENGTH_DELIMITED)

/** The message with its chunk, if it has one and nothing else: everything else is for the codec of all messages. */
export function fileChunkOf(
  message: MessageInitShape<typeof DownloadFileResponseSchema>,
): FileChunk | undefined {
  const { file, chunk } = message
  if (file !== undefined || chunk === undefined || chunk.byteLength === 0 || hasUnknown(message))
    return undefined
  return { chunk, sizeBytes: 1 + varintBytes(chunk.byteLength) + chunk.byteLength }
}

/** Writes a message in protobuf, as the codec of all messages would. */
export function writeFileChunk(bytes: Buffer, start: number, { chunk }: FileChunk): void {
  bytes.set(chunk, writeHead(bytes, start, chunk))
}

/** The same in the memory of the chunk, with so many bytes before it that are still to be written; undefined where there is no room. */
export function fileChunkInPlace({ chunk, sizeBytes }: FileChunk, beforeBytes: number): Buffer | undefined {
  const bytes = withRoom(chunk, beforeBytes + sizeBytes - chunk.byteLength)
  if (bytes !== undefined) writeHead(bytes, beforeBytes, chunk)
  return bytes
}

function writeHead(bytes: Buffer, start: number, chunk: Uint8Array): number {
  bytes[start] = TAG
  return writeVarint(bytes, start + 1, chunk.byteLength)
}
