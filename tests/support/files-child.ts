// A process that keeps and deletes files and says what is safe, until it is killed: `node files-child.ts FOLDER SEED`.
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.ts'
import { newId } from '../../src/core/ids.ts'
import { openDiskBlobs } from '../../src/stores/disk/blobs.ts'
import { openSqliteStore } from '../../src/stores/sqlite/store.ts'
import { createChance } from './seeded.ts'
import { keepingLog } from './store-rig.ts'

const [folder = '', seed = '1'] = process.argv.slice(2)
const { files } = await openSqliteStore({
  path: join(folder, 'exai.db'),
  outbox: false,
  clock: systemClock,
  log: keepingLog(),
})
const blobs = await openDiskBlobs(join(folder, 'blobs'))
const say = (done: 'kept' | 'deleted', id: string): void => void process.stdout.write(`${done} ${id}\n`)

async function* bytes(length: number, letter: number): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), letter)
}

async function keep(length: number, letter: number): Promise<string> {
  const blob = await blobs.put(bytes(length, letter))
  const file = await files.add({
    id: newId('file', Date.now()),
    tenant: 'default',
    filename: 'a',
    mimeType: 'text/plain',
    sizeBytes: blob.sizeBytes,
    sha256: blob.sha256,
    blobKey: blob.key,
    createdAt: Date.now(),
    metadata: {},
    purpose: '',
    text: { state: 'none' },
  })
  if (file.blobKey !== blob.key) await blobs.remove(blob.key)
  say('kept', file.id)
  return file.id
}

async function drop(id: string): Promise<void> {
  // Said before it is asked: after the kill nobody knows whether it happened.
  say('deleted', id)
  await files.delete({ tenant: 'default', id })
  for (const { key } of await files.due(10)) {
    await blobs.remove(key)
    await files.forget(key)
  }
}

async function workForEver(number: number): Promise<never> {
  const chance = createChance(Number(seed) * 10 + number)
  const mine: string[] = []
  for (;;) {
    const id = chance.below(3) === 0 ? mine.shift() : undefined
    if (id === undefined) mine.push(await keep(1 + chance.below(600_000), 65 + chance.below(3)))
    else await drop(id)
  }
}

await Promise.all([0, 1, 2].map(workForEver))
