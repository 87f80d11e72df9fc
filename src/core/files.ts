// The port for what is known of files; their bytes are in `Blobs`. Times are in milliseconds since the Unix epoch.
import type { Page, PageQuery } from './page.ts'

/** Names a file of a tenant. */
export interface FileKey {
  readonly tenant: string
  readonly id: string
}

/** How far the text of a file has been read. */
export type FileText =
  | { readonly state: 'pending' | 'none' | 'failed' }
  | { readonly state: 'ready'; readonly tokens: number }

/** A file whose bytes are safe. */
export interface StoredFile extends FileKey {
  readonly filename: string
  readonly mimeType: string
  readonly sizeBytes: number
  readonly sha256: string
  /** Names its bytes, which other files of the tenant may share. */
  readonly blobKey: string
  readonly createdAt: number
  /** Absent: never. */
  readonly expiresAt?: number
  readonly metadata: Readonly<Record<string, string>>
  readonly purpose: string
  readonly text: FileText
}

/** A file to be kept. */
export interface NewFile extends Omit<StoredFile, 'text'> {
  /** How far the reading is when these bytes are new; known bytes keep what has been read of them. */
  readonly text: FileText
  /** The most bytes that the tenant may have, each blob counted once; absent: any. */
  readonly quotaBytes?: number
}

/** Filters of a list; all of them must fit. */
export interface FileFilter {
  readonly tenant: string
  /** Part of the name, without regard to case. */
  readonly filenameContains?: string
  /** A MIME type, or `type` and `/*` for all of its subtypes. */
  readonly mimeType?: string
  readonly purpose?: string
  readonly sha256?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly createdFrom?: number
  readonly createdBefore?: number
}

/** Names the copy of a blob at a provider: each account has its own. */
export interface CopyKey {
  readonly blobKey: string
  readonly provider: string
  readonly account: string
}

/** A copy at a provider that can be used. */
export interface RemoteCopy {
  /** The provider's own id. */
  readonly remoteId: string
  /** When the provider forgets it; absent: never. */
  readonly expiresAt?: number
}

/** Who shall make a copy: it is there, it is ours to make until the lease ends, or somebody makes it now. */
export type CopyClaim =
  | ({ readonly state: 'ready' } & RemoteCopy)
  | { readonly state: 'ours' }
  | { readonly state: 'busy' /** When the other's lease ends. */; readonly until: number }
  /** The bytes are no longer anybody's. */
  | { readonly state: 'gone' }

/** Bytes that no file needs any more, with the copies that have to go first. */
export interface DueBlob {
  readonly key: string
  readonly copies: readonly {
    readonly provider: string
    readonly account: string
    readonly remoteId: string
  }[]
}

/** A file that is gone because its time was over. */
export type ExpiredFile = Pick<StoredFile, 'tenant' | 'id' | 'mimeType' | 'sizeBytes'>

/** What is known of files. A foreign, deleted or expired file is as if it had never been. */
export interface Files {
  /**
   * Keeps a file whose bytes are safe. The tenant's same bytes are kept once: when `blobKey` of the answer is another one than
   * that of the question, the new bytes are needed by nobody. STORAGE_FULL beyond the quota, and nothing is kept.
   */
  add(file: NewFile): Promise<StoredFile>
  get(key: FileKey): Promise<StoredFile | undefined>
  /** A tenant's files that fit, those that were made last first. */
  list(query: PageQuery & FileFilter): Promise<Page<StoredFile>>
  /** Deletes a file; false when there is none. Its bytes become due when no other file needs them. */
  delete(key: FileKey): Promise<boolean>
  /** Deletes at most `limit` files that have expired, and gives them. */
  expire(limit: number): Promise<readonly ExpiredFile[]>
  /** Bytes that a tenant has, each blob counted once. */
  usedBytes(tenant: string): Promise<number>

  /** Keeps what was read of a blob. Nothing happens when it is gone. */
  putText(
    blobKey: string,
    text:
      | { readonly state: 'ready'; readonly tokens: number; readonly text: string }
      | { readonly state: 'none' | 'failed' },
  ): Promise<void>
  /** What was read of a file; undefined when there is no such text. */
  text(key: FileKey): Promise<string | undefined>
  /** Blobs whose text has still to be read, oldest first. */
  unread(limit: number): Promise<readonly { readonly blobKey: string; readonly mimeType: string }[]>

  /** Asks for the copy of a blob, or for the right to make it for so many milliseconds. */
  claimCopy(key: CopyKey, leaseMs: number): Promise<CopyClaim>
  /** Accounts of a provider that have a usable copy of any of these blobs, those with the most first. */
  owners(provider: string, blobKeys: readonly string[]): Promise<readonly string[]>
  /** Tells that the copy is made. When the bytes are no longer anybody's, it is due at once. */
  keepCopy(key: CopyKey, copy: RemoteCopy): Promise<void>
  /** Tells that there is no such copy: it was never made, the provider lost it, or it has been deleted. */
  dropCopy(key: CopyKey): Promise<void>

  /** Bytes and copies that are to be freed, oldest first. */
  due(limit: number): Promise<readonly DueBlob[]>
  /** Forgets a blob that is due and whose bytes are gone; false while a copy is left or being made. */
  forget(blobKey: string): Promise<boolean>
  /** Which of these blobs nobody has ever heard of: what a crash left between the bytes and their file. */
  unknown(blobKeys: readonly string[]): Promise<readonly string[]>
}

/** The text of a file as a store has it: its state, and its tokens where they were counted. */
export function fileTextOf(state: string, tokens: number): FileText {
  switch (state) {
    case 'ready':
      return { state, tokens }
    case 'pending':
    case 'none':
      return { state }
    default:
      return { state: 'failed' }
  }
}
