// Takes changes to the project: rows to its tables, and the bytes of files to its storage before the rows that tell of them.
import type { Blobs } from '../../core/blobs.ts'
import { GatewayError } from '../../core/errors.ts'
import type { OutboxEntry } from '../../core/outbox.ts'
import type { SupabaseConnection } from './connection.ts'
import { DELIVERED, type Delivery, type Sink } from './delivery.ts'
import { restFault } from './faults.ts'
import { createProjectObjects, objectPath, type ProjectObjects } from './objects.ts'
import { createRowSender, type SendRows } from './rows.ts'

/** What a sink is made from. */
export interface SupabaseSinkDeps {
  readonly connection: SupabaseConnection
  /** Where the bytes of files are here. */
  readonly blobs: Pick<Blobs, 'read'>
}

interface Parts {
  readonly connection: SupabaseConnection
  readonly blobs: Pick<Blobs, 'read'>
  readonly sendRows: SendRows
  readonly objects: ProjectObjects
}

/** Makes the way into a project. */
export function createSupabaseSink({ connection, blobs }: SupabaseSinkDeps): Sink {
  const sendRows = createRowSender(connection)
  const objects = createProjectObjects(connection)
  return {
    fast: ['conversations', 'messages', 'ledger', 'files', 'api_keys', 'audit_log'],
    slow: ['blobs'],
    async send(table, entries, signal) {
      if (table !== 'blobs') return sendRows(table, entries, signal)
      for (const entry of entries) {
        const sent = await sendBlob({ connection, blobs, sendRows, objects }, entry, signal)
        if (sent.type !== 'delivered') return sent
      }
      return DELIVERED
    },
  }
}

async function sendBlob(parts: Parts, entry: OutboxEntry, signal: AbortSignal): Promise<Delivery> {
  try {
    const kept = await pathThere(parts.connection, entry.id, signal)
    if (kept.type !== 'delivered') return kept
    if (entry.row === undefined) return await removeBlob(parts, entry, kept.path, signal)
    // The row was written after the bytes: where it is, they are.
    if (kept.path !== '') return await sendRow(parts, entry, kept.path, signal)
    const path = objectPath(String(entry.row['tenant']), entry.id)
    // Nobody needs it any more, and there is no row: but a crash may have left the bytes that go before it.
    if (entry.row['due_at'] !== null) return await parts.objects.remove([path], signal)
    const sent = await uploadBlob(parts, entry, path, signal)
    return sent.type === 'delivered' ? await sendRow(parts, entry, path, signal) : sent
  } catch (error) {
    // Its bytes are gone: the change that says so comes behind this one.
    if (error instanceof GatewayError && error.reason === 'FILE_NOT_FOUND') return DELIVERED
    return { type: 'unavailable', because: 'trouble', code: 'blob', message: String(error) }
  }
}

function sendRow({ sendRows }: Parts, entry: OutboxEntry, path: string, signal: AbortSignal) {
  return sendRows('blobs', [{ ...entry, row: { ...entry.row, object_path: path } }], signal)
}

function uploadBlob(
  { objects, blobs }: Parts,
  { id, row = {} }: OutboxEntry,
  path: string,
  signal: AbortSignal,
) {
  const chunks = blobs.read(id, 0, Number(row['size_bytes']))
  return objects.upload({ path, chunks, mimeType: String(row['mime_type']), signal })
}

// The bytes first: a row without bytes would be found by nobody who looks for what is to be freed.
async function removeBlob(
  { objects, sendRows }: Parts,
  entry: OutboxEntry,
  path: string,
  signal: AbortSignal,
) {
  const freed = path === '' ? DELIVERED : await objects.remove([path], signal)
  return freed.type === 'delivered' ? sendRows('blobs', [entry], signal) : freed
}

type PathThere =
  | Exclude<Delivery, { readonly type: 'delivered' }>
  | { readonly type: 'delivered' /** Empty: it is not there. */; readonly path: string }

async function pathThere(
  { client, run, answerTimeoutMs }: SupabaseConnection,
  key: string,
  signal: AbortSignal,
): Promise<PathThere> {
  const { value } = await run(() => client.from('file_blobs').select('object_path').eq('blob_key', key), {
    signal,
    timeoutMs: answerTimeoutMs,
  })
  if (value.error !== null) return restFault({ ...value.error, status: value.status })
  const rows: readonly { readonly object_path: unknown }[] = value.data
  return { type: 'delivered', path: String(rows[0]?.object_path ?? '') }
}
