// Everything that is kept, put together with a project as the service does it, keeps the contracts of core's ports.
import { afterAll, beforeAll } from 'vitest'
import { openKeeping } from '../../src/keeping.ts'
import { blobsSuite } from '../suites/blobs.ts'
import { conversationsSuite } from '../suites/conversations.ts'
import { filesSuite } from '../suites/files.ts'
import { journalSuite } from '../suites/journal.ts'
import { createHandClock } from '../support/hand-clock.ts'
import { type StorageDouble, startStorage } from '../support/storage-double.ts'
import { keepingLog, ownFolder, type StorePorts, type StoreRig } from '../support/store-rig.ts'
import { type SupabaseRig, startSupabase } from '../support/supabase-rig.ts'

let storage: StorageDouble
let project: SupabaseRig

beforeAll(async () => {
  storage = await startStorage()
  project = await startSupabase({ storagePort: storage.port })
})
afterAll(async () => {
  await project?.stop()
  await storage?.stop()
})

async function open() {
  await project.sql('truncate conversations, messages, usage_ledger, files, file_blobs')
  const folder = await ownFolder()
  const clock = createHandClock()
  const supabase = { url: project.url, key: project.key }
  const keeping = await openKeeping({
    config: { dataDir: folder.path, supabase },
    clock,
    log: keepingLog(),
  })
  async function close(): Promise<void> {
    await keeping.close()
    await folder.remove()
  }
  return { keeping, clock, close }
}

async function openRig(): Promise<StoreRig> {
  const { keeping, clock, close } = await open()
  const { outbox } = keeping
  if (outbox === undefined) throw new Error('nothing is sent')
  const ports: StorePorts = { ...keeping, outbox }
  return {
    ports: () => ports,
    clock,
    reopen: () => Promise.reject(new Error('this rig is not opened again')),
    close,
  }
}

journalSuite('here and in Supabase', openRig)
conversationsSuite('here and in Supabase', openRig)
filesSuite('here and in Supabase', openRig)
blobsSuite('here and in Supabase', async () => {
  const { keeping, close } = await open()
  return { blobs: keeping.blobs, close }
})
