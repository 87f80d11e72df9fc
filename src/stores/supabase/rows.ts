// Takes rows to the tables of the project, so that sending them again does no harm.
import type { OutboxEntry, OutboxTable } from '../../core/outbox.ts'
import type { SupabaseConnection } from './connection.ts'
import { DELIVERED, type Delivery } from './delivery.ts'
import { type RestFailure, restFault } from './faults.ts'
import { bareId, postgresRow } from './row.ts'
import { type SentTable, sentTable } from './tables.ts'

/** Rows named in one removal: their ids stand in the URL, and that has a limit of 8000 letters. */
const REMOVED_AT_ONCE = 50

/** Sends changes of one table, all of them rows or all of them removals. Never rejects. */
export type SendRows = (
  table: OutboxTable,
  entries: readonly OutboxEntry[],
  signal: AbortSignal,
) => Promise<Delivery>

/** Makes the way into the tables of a project. */
export function createRowSender(connection: SupabaseConnection): SendRows {
  const { client, answerTimeoutMs: timeoutMs } = connection

  async function ask(work: () => PromiseLike<RestAnswer>, signal: AbortSignal): Promise<Delivery> {
    try {
      const { value } = await connection.run(work, { signal, timeoutMs })
      return value.error === null ? DELIVERED : restFault(failureOf(value))
    } catch (error) {
      // The client tells faults as values; what it throws is none that it knows.
      return { type: 'unavailable', because: 'trouble', code: 'client', message: String(error) }
    }
  }

  function insert(table: SentTable, entries: readonly OutboxEntry[], signal: AbortSignal): Promise<Delivery> {
    const rows = entries.map(entry => postgresRow(table, entry))
    const options = {
      onConflict: table.key,
      ignoreDuplicates: table.rows === 'append',
      defaultToNull: false,
    }
    return ask(() => client.from(table.name).upsert(rows, options), signal)
  }

  async function remove(
    table: string,
    column: string,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<Delivery> {
    for (let at = 0; at < keys.length; at += REMOVED_AT_ONCE) {
      const some = keys.slice(at, at + REMOVED_AT_ONCE)
      const gone = await ask(() => client.from(table).delete().in(column, some), signal)
      if (gone.type !== 'delivered') return gone
    }
    return DELIVERED
  }

  /** Which of these the project has as deleted: one that expired here may have gone on, and so have been prolonged, elsewhere. */
  async function deletedThere(
    table: SentTable,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[] | Delivery> {
    const found: string[] = []
    for (let at = 0; at < keys.length; at += REMOVED_AT_ONCE) {
      const some = keys.slice(at, at + REMOVED_AT_ONCE)
      const asked = await ask(async () => {
        const answer = await client
          .from(table.name)
          .select(table.key)
          .in(table.key, some)
          .not('deleted_at', 'is', null)
        // The client reads the columns out of a text that it does not know here.
        const rows = (answer.data ?? []) as unknown as readonly Readonly<Record<string, unknown>>[]
        found.push(...rows.map(row => String(row[table.key])))
        return answer
      }, signal)
      if (asked.type !== 'delivered') return asked
    }
    return found
  }

  return async (name, entries, signal) => {
    const table = sentTable(name)
    const keysOf = (some: readonly OutboxEntry[]): readonly string[] =>
      some.map(({ id }) => (table.columns[table.key]?.[1] === 'id' ? bareId(id) : id))
    const rows = entries.filter(({ row }) => row !== undefined)
    const sent = rows.length === 0 ? DELIVERED : await insert(table, rows, signal)
    if (sent.type !== 'delivered') return sent
    if (table.children !== undefined) {
      const ended = entries.filter(({ row }) => row === undefined || isSet(row['deleted_at']))
      const lapsed = await deletedThere(table, keysOf(ended.filter(isExpired)), signal)
      if ('type' in lapsed) return lapsed
      const parents = [...keysOf(ended.filter(entry => !isExpired(entry))), ...lapsed]
      const orphans = await remove(table.children.table, table.children.column, parents, signal)
      if (orphans.type !== 'delivered') return orphans
    }
    return remove(table.name, table.key, keysOf(entries.filter(({ row }) => row === undefined)), signal)
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** Whether it was deleted because its time had come, and not because somebody wanted it. */
function isExpired({ row = {} }: OutboxEntry): boolean {
  const { deleted_at: deletedAt, expires_at: expiresAt } = row
  return isSet(deletedAt) && isSet(expiresAt) && Number(deletedAt) >= Number(expiresAt)
}

interface RestAnswer {
  readonly status: number
  readonly error: { readonly code?: string; readonly message?: string } | null
}

function failureOf({ status, error }: RestAnswer): RestFailure {
  return { status, code: error?.code ?? '', message: error?.message ?? '' }
}
