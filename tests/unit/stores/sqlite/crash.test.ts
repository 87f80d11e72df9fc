// What the embedded store acknowledged is there after its process was killed, and the file is sound.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { until } from '../../../support/scripted-completion.ts'
import { createChance } from '../../../support/seeded.ts'
import { ownFolder } from '../../../support/store-rig.ts'

interface Ack {
  readonly responseId: string
  readonly messageId: string
  readonly md5: string
}

const CHILD = fileURLToPath(new URL('../../../support/store-child.ts', import.meta.url))

/** Runs a process that commits, and kills it so many milliseconds after so many acknowledgements. */
async function killed(path: string, name: string, afterMs: number, after = 1): Promise<readonly Ack[]> {
  const child = spawn(process.execPath, [CHILD, path, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acks: Ack[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', text => acks.push(JSON.parse(text)))
  await once(lines, 'line')
  await until(() => acks.length >= after)
  await sleep(afterMs)
  child.kill('SIGKILL')
  // The pipe may hold what was said before the end.
  await once(lines, 'close')
  return acks
}

/** Everything that was acknowledged, whole. */
function check(path: string, acks: readonly Ack[]): void {
  const db = new DatabaseSync(path)
  try {
    expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    const message = db.prepare('SELECT json FROM messages WHERE id = ?')
    const booked = db.prepare('SELECT count(*) AS lines FROM ledger WHERE response_id = ?')
    const mark = db.prepare('SELECT body IS NOT NULL AS ended FROM marks WHERE response_id = ?')
    const lost = acks.filter(({ responseId, messageId, md5 }) => {
      const json = String(message.get(messageId)?.['json'])
      const isThere = createHash('md5').update(json).digest('hex') === md5
      return !isThere || booked.get(responseId)?.['lines'] !== 1 || mark.get(responseId)?.['ended'] !== 1
    })
    expect(lost).toEqual([])
    // Half a settlement: a message without its line, an ended mark without either, a place that is taken twice or left out.
    const halves = `SELECT (SELECT count(*) FROM messages WHERE response_id NOT IN (SELECT response_id FROM ledger))
      + (SELECT count(*) FROM ledger WHERE response_id NOT IN (SELECT response_id FROM messages))
      + (SELECT count(*) FROM marks WHERE body IS NOT NULL AND response_id NOT IN (SELECT response_id FROM ledger))
      + (SELECT count(*) FROM conversations WHERE last_place <> (SELECT count(*) FROM messages WHERE conversation_id = conversations.id))
      + (SELECT count(*) FROM messages WHERE id NOT IN (SELECT id FROM outbox)) AS halves`
    expect(db.prepare(halves).get()).toEqual({ halves: 0 })
  } finally {
    db.close()
  }
}

describe('an embedded store whose process is killed', () => {
  it('has everything that was acknowledged, ten times in a row', { timeout: 60_000 }, async () => {
    const folder = await ownFolder()
    const path = join(folder.path, 'exai.db')
    const chance = createChance(11)
    const acks: Ack[] = []
    try {
      for (let kill = 0; kill < 10; kill += 1) {
        acks.push(...(await killed(path, `run-${kill}`, chance.below(150))))
        check(path, acks)
      }
      expect(acks.length).toBeGreaterThan(100)
    } finally {
      await folder.remove()
    }
  })

  it('has everything of two processes that shared the file', async () => {
    const folder = await ownFolder()
    const path = join(folder.path, 'exai.db')
    try {
      const both = await Promise.all([killed(path, 'one', 300, 11), killed(path, 'two', 400, 11)])
      check(path, both.flat())
      expect(both.map(({ length }) => length > 10)).toEqual([true, true])
    } finally {
      await folder.remove()
    }
  })
})
