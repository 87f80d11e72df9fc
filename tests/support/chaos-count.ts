// Looks for everything that the clients of the chaos were told of: in the embedded store, on the disk and in the project.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pipeline } from 'node:stream/promises'
import type { AcknowledgedAnswer } from './chaos-chats.ts'
import type { AcknowledgedFile } from './chaos-files.ts'
import type { StoredObject } from './storage-objects.ts'
import type { SupabaseRig } from './supabase-rig.ts'

/** How much of what was acknowledged is not there, and how much is there that must not be. */
export interface ChaosCount {
  /** Answers without a line in the ledger, and answers of conversations without their message. */
  readonly lostLines: number
  readonly lostTurns: number
  /** Files that were kept and not deleted, and are not there. */
  readonly lostFiles: number
  /** Files that were deleted and are there. */
  readonly undeletedFiles: number
  /** Files, acknowledged or not, whose bytes are not there or have another hash. */
  readonly filesWithoutBytes: number
  /** Bytes, whole or cut off, that belong to no file, and rows for bytes that belong to none. */
  readonly orphans: number
  /** Lines, messages and contents of files that are there more than once. */
  readonly twice: number
}

/** What the clients were told. */
export interface Acknowledged {
  readonly answers: readonly AcknowledgedAnswer[]
  readonly files: readonly AcknowledgedFile[]
}

const LINES = 'SELECT response_id AS id, count(*) AS n FROM'
const ANSWERS = {
  turns: `${LINES} messages WHERE role = 'assistant' GROUP BY response_id`,
  files: 'SELECT id, blob_key FROM files',
}

/** Counts what the machine has: its embedded store, which nobody else uses now, and its disk. */
export async function countStore(dataDir: string, told: Acknowledged): Promise<ChaosCount> {
  const folder = join(dataDir, 'blobs')
  const paths = await readdir(join(folder, 'kept'), { recursive: true, withFileTypes: true })
  const bytes = new Map<string, string>()
  for (const entry of paths.filter(one => one.isFile()))
    bytes.set(entry.name, await hashOfFile(join(entry.parentPath, entry.name)))
  const cutOff = await readdir(join(folder, 'coming'))
  return countOf(told, {
    lines: rowsIn(dataDir, `${LINES} ledger GROUP BY response_id`),
    turns: rowsIn(dataDir, ANSWERS.turns),
    files: rowsIn(dataDir, ANSWERS.files),
    blobs: rowsIn(dataDir, 'SELECT key, key AS name, sha256 FROM blobs'),
    bytes,
    cutOff: cutOff.length,
  })
}

/** Counts what the project has: its tables, and its objects. */
export async function countProject(
  { sql }: SupabaseRig,
  objects: readonly StoredObject[],
  told: Acknowledged,
): Promise<ChaosCount> {
  return countOf(told, {
    lines: await sql(`${LINES} usage_ledger GROUP BY response_id`),
    turns: await sql(ANSWERS.turns),
    files: await sql(`${ANSWERS.files} WHERE deleted_at IS NULL`),
    blobs: await sql('SELECT blob_key AS key, object_path AS name, sha256 FROM file_blobs'),
    bytes: new Map(objects.map(({ name, sha256 }) => [name, sha256])),
    cutOff: 0,
  })
}

/** The first column of the first row that the machine's store gives. */
export function numberIn(dataDir: string, sql: string): number {
  return Number(Object.values(rowsIn(dataDir, sql)[0] ?? {})[0])
}

function rowsIn(dataDir: string, sql: string): Rows {
  using db = new DatabaseSync(join(dataDir, 'exai.db'), { readOnly: true })
  return db.prepare(sql).all()
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

type Rows = readonly Readonly<Record<string, unknown>>[]

interface Found {
  readonly lines: Rows
  readonly turns: Rows
  readonly files: Rows
  /** With the name under which their bytes lie. */
  readonly blobs: Rows
  /** The hash of what lies there, by its name. */
  readonly bytes: ReadonlyMap<string, string>
  readonly cutOff: number
}

// The project keeps UUIDs without what stands before them here.
const bare = (id: unknown): string => String(id).replace(/^(resp|file)_/, '')

function countOf({ answers, files }: Acknowledged, found: Found): ChaosCount {
  const idsOf = (rows: Rows): ReadonlySet<string> => new Set(rows.map(({ id }) => bare(id)))
  const [lineIds, turnIds, fileIds] = [idsOf(found.lines), idsOf(found.turns), idsOf(found.files)]
  const kept = answers.filter(({ conversationId }) => conversationId !== '')
  const blobs = new Map(found.blobs.map(row => [String(row['key']), row]))
  const used = new Set(found.files.map(row => String(row['blob_key'])))
  const names = new Set(found.blobs.map(({ name }) => String(name)))
  const hashes = found.blobs.map(({ sha256 }) => sha256)
  // What the client sent, by the id that it was given for it.
  const sent = new Map(files.map(({ id, sha256 }) => [bare(id), sha256]))
  const isWhole = (id: unknown, key: string): boolean => {
    const row = blobs.get(key)
    const there = found.bytes.get(String(row?.['name']))
    return there !== undefined && there === row?.['sha256'] && there === (sent.get(bare(id)) ?? there)
  }
  return {
    lostLines: answers.filter(({ responseId }) => !lineIds.has(bare(responseId))).length,
    lostTurns: kept.filter(({ responseId }) => !turnIds.has(bare(responseId))).length,
    lostFiles: files.filter(({ id, isDeleted }) => !isDeleted && !fileIds.has(bare(id))).length,
    undeletedFiles: files.filter(({ id, isDeleted }) => isDeleted && fileIds.has(bare(id))).length,
    filesWithoutBytes: found.files.filter(({ id, blob_key: key }) => !isWhole(id, String(key))).length,
    orphans:
      found.cutOff +
      [...found.bytes.keys()].filter(name => !names.has(name)).length +
      [...blobs.keys()].filter(key => !used.has(key)).length,
    twice:
      [...found.lines, ...found.turns].filter(({ n }) => Number(n) > 1).length +
      (hashes.length - new Set(hashes).size),
  }
}
