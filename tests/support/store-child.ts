// A process that commits to a store and says what is safe, until it is killed: `node store-child.ts PATH NAME`.
import { createHash } from 'node:crypto'
import { systemClock } from '../../src/core/clock.ts'
import { newId, uuidv7 } from '../../src/core/ids.ts'
import { openSqliteStore } from '../../src/stores/sqlite/store.ts'
import { keepingLog, kept, line, settled } from './store-rig.ts'

const [path = '', name = ''] = process.argv.slice(2)
const store = await openSqliteStore({ path, outbox: true, clock: systemClock, log: keepingLog() })
const conversationId = newId('conv', Date.now())

async function commitForEver(worker: number): Promise<never> {
  for (let count = 0; ; count += 1) {
    const text = `${name} ${worker} ${count} ${'x'.repeat((count * 977) % 20_000)}`
    const message = kept('user', text, { id: uuidv7(Date.now()) })
    const responseId = newId('resp', Date.now())
    await store.marks.begin({
      responseId,
      tenant: 'default',
      key: responseId,
      fingerprint: 'f',
      owner: name,
      expiresAt: Date.now() + 3_600_000,
    })
    await store.journal.commit(
      settled({
        responseId,
        ledger: [line('p', 'm', { nanoUsd: 1n })],
        turn: { conversationId, isNew: count === 0, messages: [message] },
        ending: { type: 'kept', body: Buffer.from(text), expiresAt: Date.now() + 3_600_000 },
      }),
    )
    const md5 = createHash('md5').update(message.json).digest('hex')
    process.stdout.write(`${JSON.stringify({ responseId, messageId: message.id, md5 })}\n`)
  }
}

await Promise.all([0, 1, 2, 3].map(commitForEver))
