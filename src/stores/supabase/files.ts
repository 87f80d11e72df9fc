// Reads what is known of files from the project: what other machines have kept, as far as it has arrived there.
import type { Clock } from '../../core/clock.ts'
import { type FileFilter, type Files, fileTextOf, type StoredFile } from '../../core/files.ts'
import { isId } from '../../core/ids.ts'
import type { PageQuery } from '../../core/page.ts'
import type { SupabaseConnection } from './connection.ts'
import { type FoundRow, livesAt, msOf, NAMED_AT_ONCE, readRows } from './reads.ts'
import { bareId } from './row.ts'

/** The part of the port that reads. Changes go to the own store, and from there to the project. */
export type FileReads = Pick<Files, 'get' | 'list'>

/** Makes the reading part of the port. Both methods throw INTERNAL when the project does not answer. */
export function createSupabaseFiles(connection: SupabaseConnection, clock: Clock): FileReads {
  const { client } = connection
  const live = (tenant: string) =>
    client.from('files').select().eq('tenant_id', tenant).is('deleted_at', null).or(livesAt(clock.now()))

  /** The files with what is known of their bytes; one whose bytes have not arrived yet is not there yet. */
  async function withBlobs(files: readonly FoundRow[]): Promise<readonly StoredFile[]> {
    const keys = [...new Set(files.map(file => String(file['blob_key'])))]
    const blobs = new Map<unknown, FoundRow>()
    for (let at = 0; at < keys.length; at += NAMED_AT_ONCE) {
      const some = keys.slice(at, at + NAMED_AT_ONCE)
      const found = await readRows(connection, () => client.from('file_blobs').select().in('blob_key', some))
      for (const blob of found) blobs.set(blob['blob_key'], blob)
    }
    return files.flatMap(file => {
      const blob = blobs.get(file['blob_key'])
      return blob === undefined ? [] : [fileOf(file, blob)]
    })
  }

  return {
    async get({ tenant, id }) {
      if (!isId('file', id)) return undefined
      const [file] = await withBlobs(await readRows(connection, () => live(tenant).eq('id', bareId(id))))
      return file
    },
    async list(query) {
      const { limit, after } = query
      if (after !== undefined && !isId('file', after)) return { items: [] }
      const rows = await readRows(connection, () => {
        const fitting = filtered(live(query.tenant), query)
        return fitting.order('id', { ascending: false }).limit(limit + 1)
      })
      const last = rows.length > limit ? rows[limit - 1] : undefined
      const items = await withBlobs(rows.slice(0, limit))
      return { items, ...(last !== undefined && { next: `file_${String(last['id'])}` }) }
    },
  }
}

/** What a question can be narrowed by. */
interface Narrowed<Self> {
  eq(column: string, value: string): Self
  lt(column: string, value: string): Self
  gte(column: string, value: string): Self
  like(column: string, pattern: string): Self
  contains(column: string, value: Readonly<Record<string, unknown>>): Self
  filter(column: string, operator: string, value: string): Self
}

function filtered<Query extends Narrowed<Query>>(all: Query, query: PageQuery & FileFilter): Query {
  let found = all
  if (query.after !== undefined) found = found.lt('id', bareId(query.after))
  // `***=` makes the rest of a pattern plain text (PostgreSQL 9.7.3.1), which PostgREST's `like` has no way to say of a star.
  if (query.filenameContains !== undefined)
    found = found.filter('filename_folded', 'match', `***=${query.filenameContains.toLowerCase()}`)
  if (query.mimeType?.endsWith('/*') === true)
    found = found.like('mime_type', `${query.mimeType.slice(0, -1).replaceAll(/[\\%_]/g, '\\$&')}%`)
  else if (query.mimeType !== undefined) found = found.eq('mime_type', query.mimeType)
  if (query.purpose !== undefined) found = found.eq('purpose', query.purpose)
  // The key of bytes begins with their hash.
  if (query.sha256 !== undefined)
    found = found.filter('blob_key', 'match', `^${query.sha256.replaceAll(/[^0-9a-f]/g, '.')}`)
  if (query.metadata !== undefined) found = found.contains('metadata', query.metadata)
  if (query.createdFrom !== undefined) found = found.gte('created_at', isoOf(query.createdFrom))
  if (query.createdBefore !== undefined) found = found.lt('created_at', isoOf(query.createdBefore))
  return found
}

function isoOf(ms: number): string {
  // The times that a Date holds are also what Postgres takes.
  return new Date(Math.max(0, Math.min(ms, 8.64e15))).toISOString()
}

function fileOf(file: FoundRow, blob: FoundRow): StoredFile {
  const expiresAt = msOf(file['expires_at'])
  return {
    id: `file_${String(file['id'])}`,
    tenant: String(file['tenant_id']),
    filename: String(file['filename']),
    mimeType: String(file['mime_type']),
    sizeBytes: Number(blob['size_bytes']),
    sha256: String(blob['sha256']),
    blobKey: String(file['blob_key']),
    createdAt: msOf(file['created_at']) ?? 0,
    ...(expiresAt !== undefined && { expiresAt }),
    // Written by a store of this service, which takes texts only.
    metadata: file['metadata'] as Readonly<Record<string, string>>,
    purpose: String(file['purpose']),
    text: fileTextOf(String(blob['text_state']), Number(blob['text_tokens'])),
  }
}
