// Files whose process was killed in the middle of uploads and deletes: what was acknowledged is whole, and nothing is left over.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { Blobs } from '../../../../src/core/blobs.ts'
import type { Files } from '../../../../src/core/files.ts'
import { openDiskBlobs } from '../../../../src/stores/disk/blobs.ts'
import { openSqliteStore } from '../../../../src/stores/sqlite/store.ts'
import { gathered } from '../../../suites/blobs.ts'
import { createHandClock } from '../../../support/hand-clock.ts'
import { createChance } from '../../../support/seeded.ts'
import { keepingLog, ownFolder } from '../../../support/store-rig.ts'

const CHILD = fileURLToPath(new URL('../../../support/files-child.ts', import.meta.url))

interface Said {
  readonly kept: Set<string>
  readonly deleted: Set<string>
}

async function killed(folder: string, seed: number, afterMs: number, said: Said): Promise<void> {
  const child = spawn(process.execPath, [CHILD, folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    const [done, id = ''] = line.split(' ')
    said[done === 'kept' ? 'kept' : 'deleted'].add(id)
  })
  await once(lines, 'line')
  await sleep(afterMs)
  child.kill('SIGKILL')
  await once(lines, 'close')
}

/** What a start does when no other process uses the folder. */
async function recover(files: Files, blobs: Blobs): Promise<void> {
  await blobs.sweep(Date.now() + 60_000)
  const listed = (await gathered(blobs.list())).map(({ key }) => key)
  for (const key of await files.unknown(listed)) await blobs.remove(key)
  for (const { key } of await files.due(1_000)) {
    await blobs.remove(key)
    await files.forget(key)
  }
}

it('files survive ten kills: no bytes without a file, and no file without its bytes', {
  timeout: 60_000,
}, async () => {
  const folder = await ownFolder()
  const said: Said = { kept: new Set(), deleted: new Set() }
  const chance = createChance(5)
  try {
    for (let kill = 1; kill <= 10; kill += 1) {
      await killed(folder.path, kill, chance.below(120), said)
      const path = join(folder.path, 'exai.db')
      const store = await openSqliteStore({
        path,
        outbox: false,
        clock: createHandClock(),
        log: keepingLog(),
      })
      const blobs = await openDiskBlobs(join(folder.path, 'blobs'))
      await recover(store.files, blobs)
      const { items } = await store.files.list({ tenant: 'default', limit: 100_000 })
      const there = new Set(items.map(({ id }) => id))
      expect([...said.kept].filter(id => !there.has(id) && !said.deleted.has(id))).toEqual([])
      const found = new Set((await gathered(blobs.list())).map(({ key }) => key))
      expect(found).toEqual(new Set(items.map(({ blobKey }) => blobKey)))
      expect(await readdir(join(folder.path, 'blobs', 'coming'))).toEqual([])
      for (const { blobKey, sha256 } of items.slice(0, 5)) {
        const hash = createHash('sha256')
        for await (const chunk of blobs.read(blobKey, 0, 1e9)) hash.update(chunk)
        expect(hash.digest('hex')).toBe(sha256)
      }
      await store.close()
    }
    expect([said.kept.size > 50, said.deleted.size > 10]).toEqual([true, true])
  } finally {
    await folder.remove()
  }
})
