// Gives attempts the files of their chats: texts, bytes and copies, over the ports.
import type { Blobs } from '../core/blobs.ts'
import type { FileGiving } from '../core/chat-files.ts'
import { GatewayError } from '../core/errors.ts'
import type { Files, StoredFile } from '../core/files.ts'
import type { TokenCounter } from '../metering/count.ts'
import { createByteGate } from './byte-gate.ts'
import { TEXT_BYTES_MAX } from './text-reader.ts'

/** Bytes that files of all calls may take in memory together, copies of them included. */
export const HELD_BYTES_MAX = 256 * 1024 * 1024
/** Most calls that wait for that. */
const HOLDERS_WAITING_MAX = 1_000

/** What files are given from. */
export interface FileGivingDeps {
  readonly files: Pick<Files, 'get' | 'text' | 'putText' | 'owners' | 'claimCopy' | 'keepCopy' | 'dropCopy'>
  readonly blobs: Pick<Blobs, 'read'>
  readonly counter: Pick<TokenCounter, 'countText'>
  /** Default: `HELD_BYTES_MAX`. */
  readonly heldBytesMax?: number
}

/**
 * What the attempts of one chat get their files from. Its files are by their ids in `stored`, where a text that a provider has
 * made shows from then on: who is asked next can be given it, and it is counted.
 */
export type GivingOf = (tenant: string, stored: Map<string, StoredFile>) => FileGiving

/** Makes the giving of all chats, which share one limit of memory. */
export function createFileGiving(deps: FileGivingDeps): GivingOf {
  const { files, blobs, counter, heldBytesMax = HELD_BYTES_MAX } = deps
  const gate = createByteGate({ limitBytes: heldBytesMax, waitingMax: HOLDERS_WAITING_MAX })
  return (tenant, stored) => ({
    text: file => files.text(file),
    async keepText(file, given, signal) {
      const text = keepable(given)
      if (text === undefined) return
      const { tokens } = await counter.countText(text, signal)
      await files.putText(file.blobKey, { state: 'ready', tokens, text })
      const known = await files.get(file)
      if (known !== undefined) stored.set(file.id, known)
    },
    read: file => wholeOf(file, blobs),
    hold: (sizeBytes, signal) => gate.hold(sizeBytes, { tenant, signal }),
    owners: files.owners,
    claimCopy: files.claimCopy,
    keepCopy: files.keepCopy,
    dropCopy: files.dropCopy,
  })
}

/** Undefined for a text that says nothing, and for one that fits no model: neither would spare anybody the making. */
function keepable(given: string): string | undefined {
  // PostgreSQL stores no U+0000.
  const text = given.replaceAll('\0', '')
  return text.trim() === '' || Buffer.byteLength(text) > TEXT_BYTES_MAX ? undefined : text
}

/** Bytes that are fewer than they should be must not go out as a file: whoever gets them could not tell. */
async function* wholeOf(
  { blobKey, sizeBytes }: StoredFile,
  blobs: Pick<Blobs, 'read'>,
): AsyncGenerator<Uint8Array> {
  let read = 0
  for await (const chunk of blobs.read(blobKey, 0, sizeBytes)) {
    read += chunk.byteLength
    yield chunk
  }
  if (read < sizeBytes)
    throw new GatewayError('INTERNAL', `only ${read} of ${sizeBytes} bytes of a file are there`)
}
