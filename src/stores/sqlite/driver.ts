// The seam to the SQLite library: all that the store needs of one, so that another one can take its place.
import { DatabaseSync, type StatementSync } from 'node:sqlite'

/** What a statement takes. */
export type Value = string | number | bigint | Uint8Array | null

/** A row, by column. Whole numbers beyond 2^53 throw: read them as text. */
export type Row = Readonly<Record<string, Value>>

/** An open database. Everything in it is synchronous and throws what the library throws; see `faultOf`. */
export interface Database {
  /** Runs statements without parameters. */
  exec(sql: string): void
  /** Runs a statement; gives how many rows it changed. */
  run(sql: string, ...values: readonly Value[]): number
  /** The first row, or undefined. */
  get(sql: string, ...values: readonly Value[]): Row | undefined
  /** All rows. */
  all(sql: string, ...values: readonly Value[]): readonly Row[]
  /** Whether a transaction is open: SQLite ends some by itself when they fail. */
  inTransaction(): boolean
  close(): void
}

/** A time for a column of whole milliseconds: clocks and durations have fractions, and a strict table refuses those. */
export function wholeMs(ms: number): number {
  return Math.trunc(ms)
}

/** How to open a database. */
export interface OpenOptions {
  /** Path of the file, or `:memory:`. */
  readonly path: string
  readonly readOnly: boolean
  /** How long to wait for another process, in milliseconds. */
  readonly busyTimeoutMs: number
}

/** Prepared statements kept: more than the store has, bounded because lists are asked for in many shapes. */
const STATEMENTS_MAX = 256

/** Opens a database. */
export function openDatabase({ path, readOnly, busyTimeoutMs }: OpenOptions): Database {
  const database = new DatabaseSync(path, {
    readOnly,
    timeout: busyTimeoutMs,
    enableForeignKeyConstraints: true,
  })
  const statements = new Map<string, StatementSync>()

  function prepared(sql: string): StatementSync {
    const known = statements.get(sql)
    if (known !== undefined) return known
    if (statements.size >= STATEMENTS_MAX) statements.clear()
    const statement = database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  return {
    exec: sql => database.exec(sql),
    run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
    get: (sql, ...values) => prepared(sql).get(...values),
    all: (sql, ...values) => prepared(sql).all(...values),
    inTransaction: () => database.isTransaction,
    close: () => database.close(),
  }
}

/** SQLite's extended result code of an error, https://sqlite.org/rescode.html; undefined when it is not one of SQLite's. */
export function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode : undefined
}
