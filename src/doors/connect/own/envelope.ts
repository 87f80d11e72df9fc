// Messages with five bytes before each that say how long it is.
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import type { DownloadFileResponseSchema } from '#gen/exai/v1/files_service_pb'
import { WRITE_MAX_BYTES } from '../router.ts'
import type { OwnCall } from './call.ts'
import { type FileChunk, fileChunkInPlace, fileChunkOf, writeFileChunk } from './file-chunk.ts'
import type { OwnMethod } from './method.ts'
import { type TextEvent, textEventJson, textEventOf, writeTextEvent } from './text-event.ts'

/** What stands in an envelope. */
export type Content = Uint8Array | string | TextEvent | FileChunk

/** One envelope. */
export interface Envelope {
  readonly flags: number
  readonly data: Content
  /** Length of the data in bytes. */
  readonly sizeBytes: number
}

/** Length of what stands before a message, in bytes. */
export const PREFIX_BYTES = 5

/** The flag of a message that is compressed. */
export const COMPRESSED = 1

type Answer = MessageInitShape<DescMessage>

/** The envelope of a message. Throws what connect-es says when it cannot be written or is too large. */
export function encoded({ method, shape }: OwnCall, answer: Answer): Envelope {
  return shape.isBinary ? binary(method, answer) : json(method, answer)
}

function binary(method: OwnMethod, answer: Answer): Envelope {
  // The handler of such a method has nothing else to give.
  const event = method.isOfEvents
    ? textEventOf(answer as MessageInitShape<typeof StreamEventSchema>)
    : undefined
  if (event !== undefined && event.sizeBytes <= WRITE_MAX_BYTES) {
    return { flags: 0, data: event, sizeBytes: event.sizeBytes }
  }
  const chunk = method.isOfFile
    ? fileChunkOf(answer as MessageInitShape<typeof DownloadFileResponseSchema>)
    : undefined
  if (chunk !== undefined && chunk.sizeBytes <= WRITE_MAX_BYTES) {
    return { flags: 0, data: chunk, sizeBytes: chunk.sizeBytes }
  }
  const data = method.binary(answer)
  return { flags: 0, data, sizeBytes: data.byteLength }
}

function json(method: OwnMethod, answer: Answer): Envelope {
  // The same.
  const event = method.isOfEvents
    ? textEventJson(answer as MessageInitShape<typeof StreamEventSchema>)
    : undefined
  if (event !== undefined) {
    const sizeBytes = Buffer.byteLength(event)
    if (sizeBytes <= WRITE_MAX_BYTES) return { flags: 0, data: event, sizeBytes }
  }
  const { text, sizeBytes } = method.json(answer)
  return { flags: 0, data: text, sizeBytes }
}

/** Envelopes as they leave; `sizeBytes` is how long they are together, with what stands before each. */
export function joined(envelopes: readonly Envelope[], sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes)
  let at = 0
  for (const { flags, data, sizeBytes: length } of envelopes) {
    putPrefix(bytes, at, flags, length)
    at += PREFIX_BYTES
    put(bytes, at, data)
    at += length
  }
  return bytes
}

/**
 * An envelope that leaves by itself in the memory of its chunk, which is to be given back when it has left; undefined for all others,
 * which are to be joined.
 */
export function inPlace({
  flags,
  data,
  sizeBytes,
}: Envelope): { bytes: Buffer; chunk: Uint8Array } | undefined {
  if (typeof data === 'string' || !('chunk' in data)) return undefined
  const bytes = fileChunkInPlace(data, PREFIX_BYTES)
  if (bytes === undefined) return undefined
  putPrefix(bytes, 0, flags, sizeBytes)
  return { bytes, chunk: data.chunk }
}

/** The bytes of a content. */
export function bytesOf({ data, sizeBytes }: Pick<Envelope, 'data' | 'sizeBytes'>): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafe(sizeBytes)
  put(bytes, 0, data)
  return bytes
}

function putPrefix(bytes: Buffer, at: number, flags: number, sizeBytes: number): void {
  bytes[at] = flags
  bytes.writeUInt32BE(sizeBytes, at + 1)
}

function put(bytes: Buffer, at: number, data: Content): void {
  if (typeof data === 'string') bytes.write(data, at)
  else if (data instanceof Uint8Array) bytes.set(data, at)
  else if ('chunk' in data) writeFileChunk(bytes, at, data)
  else writeTextEvent(bytes, at, data)
}
