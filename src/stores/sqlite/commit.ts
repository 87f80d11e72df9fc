// Commits a settlement: ledger, turn, conversation and the mark's ending, all of it or nothing.
import type { Ending, Turn } from '../../core/settlement.ts'
import { type Database, wholeMs } from './driver.ts'
import type { LedgerRow } from './ledger.ts'
import type { Sending } from './sending.ts'

/** A settlement as plain values. */
export interface CommitInput {
  readonly responseId: string
  readonly tenant: string
  readonly now: number
  readonly answeredBy: { readonly provider: string; readonly model: string } | null
  readonly ledger: readonly LedgerRow[]
  readonly turn: Turn | null
  readonly ending: Ending | null
}

/** Writes a settlement within the open transaction. What is there already stays as it is. */
export function commitSettlement(db: Database, input: CommitInput, sending: Sending): void {
  for (const row of input.ledger) insertLine(db, row, sending, input.now)
  if (input.turn !== null) appendTurn(db, input, input.turn, sending)
  if (input.ending !== null) endMark(db, input.responseId, input.ending)
}

function insertLine(db: Database, { columns, cause }: LedgerRow, sending: Sending, now: number): void {
  const changed = db.run(
    'INSERT INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING',
    ...columns,
  )
  if (changed === 0) return
  const id = String(columns[0])
  if (cause !== '') db.run('INSERT OR IGNORE INTO ledger_causes VALUES (?, ?)', id, cause)
  sending.note(db, 'ledger', id, now)
}

interface Standing {
  readonly tenant: string
  readonly isDeleted: boolean
  readonly lastPlace: number
}

function appendTurn(
  db: Database,
  { responseId, tenant, now, answeredBy }: CommitInput,
  turn: Turn,
  sending: Sending,
): void {
  const id = turn.conversationId
  const found = standing(db, id)
  if (found !== undefined && (found.isDeleted || found.tenant !== tenant)) return
  const known = turn.messages[0]
  if (known !== undefined && db.get('SELECT 1 FROM messages WHERE id = ?', known.id) !== undefined) return
  // Without a row it is new, or another machine has it: then it goes on here where it stood there.
  const { createdAt = now, lastPlace = 0, messageCount = 0, version = 0, system = [] } = turn.from ?? {}
  if (found === undefined) {
    db.run(
      `INSERT INTO conversations VALUES (?, ?, ?, ?, NULL, NULL, ?, ?, '', '', ?, ?)`,
      id,
      tenant,
      wholeMs(createdAt),
      now,
      lastPlace,
      messageCount,
      version,
      JSON.stringify(system),
    )
  }
  let place = found?.lastPlace ?? lastPlace
  for (const message of turn.messages) {
    place += 1
    db.run(
      'INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      message.id,
      id,
      tenant,
      place,
      message.role,
      Math.ceil(message.tokens),
      responseId,
      message.json,
    )
    sending.note(db, 'messages', message.id, now)
  }
  db.run(
    `UPDATE conversations SET updated_at = ?2, last_place = ?3, message_count = message_count + ?4,
       provider = coalesce(?5, provider), model = coalesce(?6, model), system = coalesce(?7, system),
       expires_at = coalesce(?8, expires_at), version = version + 1 WHERE id = ?1`,
    id,
    now,
    place,
    turn.messages.length,
    answeredBy?.provider ?? null,
    answeredBy?.model ?? null,
    turn.system === undefined ? null : JSON.stringify(turn.system),
    turn.expiresAt === undefined ? null : wholeMs(turn.expiresAt),
  )
  sending.note(db, 'conversations', id, now)
}

function standing(db: Database, id: string): Standing | undefined {
  const row = db.get('SELECT tenant, deleted_at, last_place FROM conversations WHERE id = ?', id)
  if (row === undefined) return undefined
  return {
    tenant: String(row['tenant']),
    isDeleted: row['deleted_at'] !== null,
    lastPlace: Number(row['last_place']),
  }
}

function endMark(db: Database, responseId: string, ending: Ending): void {
  if (ending.type === 'freed') db.run('DELETE FROM marks WHERE response_id = ?', responseId)
  else {
    db.run(
      'UPDATE marks SET body = ?, expires_at = ? WHERE response_id = ?',
      ending.body,
      wholeMs(ending.expiresAt),
      responseId,
    )
  }
}
