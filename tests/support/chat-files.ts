// Stored files of a chat that lie nowhere, for tests of what is decided before their bytes are asked for.
import { createFileParts, type FileParts } from '../../src/chat/file-parts.ts'
import type { FileGiving } from '../../src/core/chat-files.ts'
import { systemClock } from '../../src/core/clock.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { StoredFile } from '../../src/core/files.ts'
import { newId } from '../../src/core/ids.ts'

/** A file that nobody has read a text of. */
export function storedFile(over: Partial<StoredFile> = {}): StoredFile {
  return {
    tenant: 'default',
    id: newId('file', 1),
    filename: 'report.pdf',
    mimeType: 'application/pdf',
    sizeBytes: 1_000,
    sha256: '0'.repeat(64),
    blobKey: 'blob-1',
    createdAt: 1,
    metadata: {},
    purpose: '',
    text: { state: 'none' },
    ...over,
  }
}

/** The files by the ids that media name them by. */
export function byId(...files: readonly StoredFile[]): ReadonlyMap<string, StoredFile> {
  return new Map(files.map(file => [file.id, file]))
}

/** A medium that names a stored file as a resolved chat has it. */
export function mediumOf({ id, mimeType, filename }: StoredFile) {
  const value = { mimeType, filename, source: { case: 'fileId', value: id } } as const
  return { kind: { case: 'media', value } } as const
}

/** Looks up just these files, and their bytes never. */
export function partsOf(...files: readonly StoredFile[]): FileParts {
  return createFileParts({
    files: { get: async ({ id, tenant }) => files.find(file => file.id === id && file.tenant === tenant) },
    blobs: { read: refuse },
    clock: systemClock,
    giving: () => NO_GIVING,
  })
}

/** Gives nothing: whoever asks it has gone further than the test allows. */
export const NO_GIVING: FileGiving = {
  text: refuse,
  keepText: refuse,
  read: refuse,
  hold: refuse,
  owners: refuse,
  claimCopy: refuse,
  keepCopy: refuse,
  dropCopy: refuse,
}

function refuse(): never {
  throw new GatewayError('INTERNAL', 'nothing may be asked of the files here')
}
