// The stored files of a chat, as an attempt asks for them: in which form a provider gets one is decided there.
import type { CopyClaim, CopyKey, RemoteCopy, StoredFile } from './files.ts'

/** Gives the files of chats. Everything throws GatewayError, and the signal's reason. */
export interface FileGiving {
  /** What was read of a file at its upload; undefined when nothing could be read. */
  text(file: StoredFile): Promise<string | undefined>
  /** Keeps a text that a provider has made of a file, for everybody who is given that file later. */
  keepText(file: StoredFile, text: string, signal: AbortSignal): Promise<void>
  /** The bytes piece by piece. FILE_NOT_FOUND, before the first of them, when they are gone. */
  read(file: StoredFile): AsyncIterable<Uint8Array>
  /**
   * Waits until so many bytes may be held in memory, and gives the way to let go of them; files of all calls together have a
   * limit there. OVERLOADED for more than could ever be held.
   */
  hold(sizeBytes: number, signal: AbortSignal): Promise<() => void>
  /** Accounts of a provider that have a usable copy of any of these bytes, those with the most first. */
  owners(provider: string, blobKeys: readonly string[]): Promise<readonly string[]>
  claimCopy(key: CopyKey, leaseMs: number): Promise<CopyClaim>
  keepCopy(key: CopyKey, copy: RemoteCopy): Promise<void>
  dropCopy(key: CopyKey): Promise<void>
}

/** The files that one chat names. */
export interface ChatFiles {
  /** By the `file_id` of a medium; every one that is left in the chat is here. */
  readonly stored: ReadonlyMap<string, StoredFile>
  readonly giving: FileGiving
}
