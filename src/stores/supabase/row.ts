// Turns a row of the own store into what Postgres takes: bare UUIDs, ISO times, no letter that it refuses.
import type { OutboxEntry } from '../../core/outbox.ts'
import type { Kind, SentTable } from './tables.ts'

/** A row by column, as Postgres calls them. */
export type PostgresRow = Readonly<Record<string, unknown>>

/** The row of an entry; an entry without one gives an empty row. */
export function postgresRow(table: SentTable, { row = {}, sequence }: OutboxEntry): PostgresRow {
  const found: Record<string, unknown> = {}
  for (const [name, [from, kind]] of Object.entries(table.columns)) {
    const value = row[from]
    // What is not given gets the default there.
    if (value !== undefined) found[name] = value === null ? null : CONVERT[kind](value)
  }
  // Rows that only one store ever makes do without a version of their own: a later change has a higher place.
  if (table.rows === 'newest' && found['version'] === undefined) found['version'] = sequence
  return found
}

/** The UUID in an id, with or without a prefix. */
export function bareId(text: string): string {
  return text.slice(text.lastIndexOf('_') + 1)
}

type Stored = string | number | bigint | Uint8Array

const CONVERT: Readonly<Record<Kind, (value: Stored) => unknown>> = {
  id: value => (value === '' ? null : bareId(String(value))),
  text: value => accepted(String(value)),
  // As text beyond what JSON's numbers hold for sure.
  number: value => (typeof value === 'bigint' ? value.toString() : value),
  flag: value => Number(value) !== 0,
  time: value => timeOf(Number(value)),
  time_of_id: value => timeOf(Number.parseInt(bareId(String(value)).replace('-', '').slice(0, 12), 16)),
  json: value => parsed(String(value)),
  // As Postgres writes it out, https://www.postgresql.org/docs/current/datatype-binary.html.
  bytes: value => (value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value),
}

// Beyond what a Date holds it is left as it is, for Postgres to refuse.
function timeOf(ms: number): unknown {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : ms
}

// Postgres has no text with a zero character and no half surrogate pairs. Messages lose nothing by this: they are JSON, as
// text, in which both stand escaped.
function accepted(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed()
}

function parsed(text: string): unknown {
  try {
    return deeply(JSON.parse(text))
  } catch {
    // Kept as the text that it is: it is not for this place to judge what is stored.
    return accepted(text)
  }
}

function deeply(value: unknown): unknown {
  if (typeof value === 'string') return accepted(value)
  if (Array.isArray(value)) return value.map(deeply)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [accepted(name), deeply(inner)]))
}
