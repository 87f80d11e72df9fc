// Everything that the worker can be asked for, by name: what writes joins a commit, what reads sees what was committed.
import type { ConversationKey, HistoryQuery, MessageKey } from '../../core/conversations.ts'
import type { CopyKey, FileFilter, FileKey, NewFile, RemoteCopy } from '../../core/files.ts'
import type { AuditEntry, KeyFilter, StoredKey } from '../../core/keys.ts'
import type { Mark } from '../../core/marks.ts'
import type { PageQuery } from '../../core/page.ts'
import type { UsageQuery } from '../../core/usage-sums.ts'
import * as blobs from './blob-rows.ts'
import { compact } from './connections.ts'
import * as conversations from './conversation-rows.ts'
import type { Database } from './driver.ts'
import * as files from './file-rows.ts'
import * as keys from './key-rows.ts'
import * as marks from './mark-rows.ts'
import * as sending from './sending.ts'
import * as usage from './usage-rows.ts'

/** What an operation works with. */
export interface Context {
  readonly db: Database
  readonly sending: sending.Sending
}

type At<Input> = Input & { readonly now: number }
type Some = At<{ readonly limit: number }>

/** Operations that change something, beside settlements. Each runs within a transaction that it may share with others. */
export const writes = {
  beginMark: ({ db }: Context, { mark, now }: At<{ mark: Mark }>) => marks.beginMark(db, mark, now),
  freeMark: ({ db }: Context, { responseId }: { responseId: string }) => marks.freeMark(db, responseId),
  expireMarks: ({ db }: Context, { now, limit }: Some) => marks.expireMarks(db, now, limit),
  deleteConversation: ({ db, sending }: Context, input: At<ConversationKey>) =>
    conversations.deleteConversation(db, input, sending),
  deleteForeign: ({ db, sending }: Context, input: At<conversations.ForeignConversation>) =>
    conversations.deleteForeign(db, input, sending),
  expireConversations: ({ db, sending }: Context, { now, limit }: Some) =>
    conversations.expireConversations(db, now, limit, sending),
  addFile: ({ db, sending }: Context, { file, now }: At<{ file: NewFile }>) =>
    files.addFile(db, file, sending, now),
  deleteFile: ({ db, sending }: Context, input: At<FileKey>) => files.deleteFile(db, input, sending),
  expireFiles: ({ db, sending }: Context, { now, limit }: Some) => files.expireFiles(db, now, limit, sending),
  putText: (
    { db, sending }: Context,
    { blobKey, read, now }: At<{ blobKey: string; read: blobs.ReadText }>,
  ) => blobs.putText(db, blobKey, read, sending, now),
  claimCopy: ({ db }: Context, { key, leaseMs, now }: At<{ key: CopyKey; leaseMs: number }>) =>
    blobs.claimCopy(db, key, leaseMs, now),
  keepCopy: ({ db }: Context, { key, copy }: { key: CopyKey; copy: RemoteCopy }) =>
    blobs.keepCopy(db, key, copy),
  dropCopy: ({ db }: Context, { key }: { key: CopyKey }) => blobs.dropCopy(db, key),
  forgetBlob: ({ db, sending }: Context, { blobKey, now }: At<{ blobKey: string }>) =>
    blobs.forgetBlob(db, blobKey, sending, now),
  addKey: ({ db, sending }: Context, { key, entry }: { key: StoredKey; entry: AuditEntry }) =>
    keys.addKey(db, key, entry, sending),
  rotateKey: ({ db, sending }: Context, input: keys.RotateInput) => keys.rotateKey(db, input, sending),
  revokeKey: ({ db, sending }: Context, input: keys.RevokeInput) => keys.revokeKey(db, input, sending),
  touchKeys: ({ db }: Context, { uses }: { uses: readonly keys.KeyUse[] }) => keys.touchKeys(db, uses),
  addAudit: ({ db, sending }: Context, { entry }: { entry: AuditEntry }) => keys.addAudit(db, entry, sending),
  outboxDone: ({ db }: Context, { sequences }: { sequences: readonly number[] }) =>
    sending.outboxDone(db, sequences),
  buryOutbox: ({ db }: Context, { sequence, reason }: { sequence: number; reason: string }) =>
    sending.buryOutbox(db, sequence, reason),
  compact: ({ db }: Context, { pages }: { pages: number }) => compact(db, pages),
} as const

/** Operations that only read. */
export const reads = {
  getConversation: ({ db }: Context, { tenant, id, now }: At<ConversationKey>) =>
    conversations.getConversation(db, tenant, id, now),
  listConversations: (
    { db }: Context,
    input: At<{ tenant: string; limit: number; after: string | undefined }>,
  ) => conversations.listConversations(db, input),
  history: ({ db }: Context, { query, now }: At<{ query: HistoryQuery }>) =>
    conversations.readHistory(db, query, now),
  holdingConversation: ({ db }: Context, { tenant, messageId }: MessageKey) =>
    conversations.holdingConversation(db, tenant, messageId),
  markByKey: ({ db }: Context, { tenant, key, now }: At<{ tenant: string; key: string }>) =>
    marks.markByKey(db, tenant, key, now),
  markByResponse: (
    { db }: Context,
    { tenant, responseId, now }: At<{ tenant: string; responseId: string }>,
  ) => marks.markByResponse(db, tenant, responseId, now),
  getFile: ({ db }: Context, { tenant, id, now }: At<FileKey>) => files.getFile(db, tenant, id, now),
  listFiles: ({ db }: Context, { query, now }: At<{ query: PageQuery & FileFilter }>) =>
    files.listFiles(db, query, now),
  usedBytes: ({ db }: Context, { tenant }: { tenant: string }) => files.usedBytes(db, tenant),
  fileText: ({ db }: Context, { tenant, id, now }: At<FileKey>) => blobs.fileText(db, tenant, id, now),
  copyOwners: (
    { db }: Context,
    { provider, blobKeys, now }: At<{ provider: string; blobKeys: readonly string[] }>,
  ) => blobs.copyOwners(db, provider, blobKeys, now),
  unreadBlobs: ({ db }: Context, { limit }: { limit: number }) => blobs.unreadBlobs(db, limit),
  dueBlobs: ({ db }: Context, { limit }: { limit: number }) => blobs.dueBlobs(db, limit),
  unknownBlobs: ({ db }: Context, { blobKeys }: { blobKeys: readonly string[] }) =>
    blobs.unknownBlobs(db, blobKeys),
  usageSums: ({ db }: Context, query: UsageQuery & PageQuery) => usage.usageSums(db, query),
  usageTotal: ({ db }: Context, query: Omit<UsageQuery, 'groupBy'>) => usage.usageTotal(db, query),
  keyByHash: ({ db }: Context, { hash }: { hash: Uint8Array }) => keys.keyByHash(db, hash),
  getKey: ({ db }: Context, { id }: { id: string }) => keys.getKey(db, id),
  listKeys: ({ db }: Context, { query, now }: At<{ query: PageQuery & KeyFilter }>) =>
    keys.listKeys(db, query, now),
  peekOutbox: ({ db }: Context, { limit, maxBytes }: { limit: number; maxBytes: number }) =>
    sending.peekOutbox(db, limit, maxBytes),
  seen: ({ db }: Context, { table, ids }: { table: sending.SeenTable; ids: readonly string[] }) =>
    sending.seenOf(db, table, ids),
  outboxSize: ({ db }: Context, _: Record<never, never>) => sending.outboxSize(db),
} as const

/** Every operation by name. */
export type Operations = typeof writes & typeof reads

/** The name of an operation. */
export type OperationName = keyof Operations

/** What an operation is asked with. */
export type InputOf<Name extends OperationName> = Parameters<Operations[Name]>[1]

/** What an operation gives. */
export type OutputOf<Name extends OperationName> = ReturnType<Operations[Name]>
