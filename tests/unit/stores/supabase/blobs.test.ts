// Bytes read from the project's storage, kept to the same contract as those of the disk from which they were sent there.
import { afterAll, beforeAll } from 'vitest'
import type { Blobs } from '../../../../src/core/blobs.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import { newId } from '../../../../src/core/ids.ts'
import { openDiskBlobs } from '../../../../src/stores/disk/blobs.ts'
import { createSupabaseBlobs } from '../../../../src/stores/supabase/blobs.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import { createDrainer } from '../../../../src/stores/supabase/drainer.ts'
import { createSupabaseSink } from '../../../../src/stores/supabase/sink.ts'
import { type BlobsRig, blobsSuite } from '../../../suites/blobs.ts'
import { type StorageDouble, startStorage } from '../../../support/storage-double.ts'
import { openSqliteRig, ownFolder } from '../../../support/store-rig.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

let storage: StorageDouble
let project: SupabaseRig
let connection: SupabaseConnection

beforeAll(async () => {
  storage = await startStorage()
  project = await startSupabase({ storagePort: storage.port })
  connection = await connectSupabase({ url: project.url, key: project.key })
})
afterAll(async () => {
  await connection?.close()
  await project?.stop()
  await storage?.stop()
})

/** Bytes that come to the disk, are sent, and are read from the project. */
async function openRig(): Promise<BlobsRig> {
  const folder = await ownFolder()
  const store = await openSqliteRig()
  const { files, outbox } = store.ports()
  const disk = await openDiskBlobs(folder.path)
  const stop = new AbortController()
  const drainer = createDrainer({
    source: outbox,
    sink: createSupabaseSink({ connection, blobs: disk }),
    clock: systemClock,
    signal: stop.signal,
    limits: { pollMs: 5 },
  })
  async function arrived(): Promise<void> {
    if (!(await drainer.empty(AbortSignal.timeout(10_000)))) throw new Error('it did not arrive in time')
  }
  const made = new Map<string, { readonly tenant: string; readonly id: string }>()
  const blobs: Blobs = {
    ...disk,
    ...createSupabaseBlobs(connection),
    async put(chunks, check) {
      const kept = await disk.put(chunks, check)
      const id = newId('file', Date.now())
      // A tenant of its own: the same bytes of one tenant would be kept once.
      const file = { id, tenant: id, filename: 'a', mimeType: 'text/plain', metadata: {}, purpose: '' }
      const { key: blobKey, sizeBytes, sha256 } = kept
      await files.add({ ...file, sizeBytes, sha256, blobKey, createdAt: 0, text: { state: 'none' } })
      made.set(blobKey, file)
      await arrived()
      return kept
    },
    async remove(key) {
      const isRemoved = await disk.remove(key)
      const file = made.get(key)
      if (isRemoved && file !== undefined) {
        await files.delete(file)
        await files.forget(key)
        await arrived()
      }
      return isRemoved
    },
  }
  return {
    blobs,
    async close() {
      stop.abort()
      await drainer.done
      await store.close()
      await folder.remove()
    },
  }
}

blobsSuite('read from Supabase', openRig)
