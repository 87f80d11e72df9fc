// Speaks as much of PostgreSQL's protocol as tests need: SQL text in, rows as texts out, one connection for each call.
import { connect } from 'node:net'

/** One row, by column name; everything is text, as Postgres prints it. */
export type SqlRow = Readonly<Record<string, string | null>>

/** Where a Postgres listens, without a password. */
export type PostgresPlace = { readonly port: number; readonly user: string; readonly database: string }

/** What Postgres said no to, with its SQLSTATE. */
export class SqlError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(`${code}: ${message}`)
    this.name = 'SqlError'
    this.code = code
  }
}

type Packet = { readonly type: string; readonly body: Buffer }

/**
 * Runs SQL, several statements too, by the simple query protocol, version 3.0
 * (https://www.postgresql.org/docs/current/protocol-flow.html). Gives the rows of all statements; rejects with SqlError.
 */
export function runSql({ port, user, database }: PostgresPlace, sql: string): Promise<readonly SqlRow[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly SqlRow[]>()
  const socket = connect({ host: '127.0.0.1', port })
  const rows: SqlRow[] = []
  let columns: readonly string[] = []
  let failure: Error | undefined
  let asked = false
  let rest: Buffer = Buffer.alloc(0)

  const take = ({ type, body }: Packet): void => {
    if (type === 'T') columns = columnsOf(body)
    else if (type === 'D') rows.push(rowOf(body, columns))
    else if (type === 'E') failure = errorOf(body)
    else if (type === 'Z' && !asked && failure === undefined) {
      asked = true
      socket.write(packet('Q', Buffer.from(`${sql}\0`)))
    } else if (type === 'Z') socket.end(packet('X', Buffer.alloc(0)))
  }

  socket.on('connect', () => {
    const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, 'latin1')
    socket.write(Buffer.concat([lengthOf(body), body]))
  })
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const end = rest.readUInt32BE(1) + 1
      take({ type: String.fromCharCode(rest[0] ?? 0), body: rest.subarray(5, end) })
      rest = rest.subarray(end)
    }
  })
  socket.on('error', reject)
  socket.on('close', () => {
    if (failure !== undefined) reject(failure)
    else if (asked) resolve(rows)
    else reject(new Error('Postgres closed the connection before it was ready'))
  })
  return promise
}

function packet(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), lengthOf(body), body])
}

function lengthOf(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 4)
  return length
}

// A name that ends in 0, then 18 bytes about its type.
function columnsOf(body: Buffer): readonly string[] {
  const names: string[] = []
  for (let at = 2; at < body.length; ) {
    const end = body.indexOf(0, at)
    names.push(body.toString('utf8', at, end))
    at = end + 19
  }
  return names
}

function rowOf(body: Buffer, columns: readonly string[]): SqlRow {
  let at = 2
  const row: Record<string, string | null> = {}
  for (const column of columns) {
    const length = body.readInt32BE(at)
    at += 4
    row[column] = length < 0 ? null : body.toString('utf8', at, at + length)
    at += Math.max(length, 0)
  }
  return row
}

function errorOf(body: Buffer): SqlError {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .map(field => [field.charAt(0), field.slice(1)]),
  )
  return new SqlError(fields.get('C') ?? '', [fields.get('M'), fields.get('D'), fields.get('W')].join(' '))
}
