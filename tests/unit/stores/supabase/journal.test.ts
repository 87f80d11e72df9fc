// What the embedded store settles is what the project holds, once it has arrived: the journal's contract, read from there.
import { afterAll, beforeAll } from 'vitest'
import { journalSuite } from '../../../suites/journal.ts'
import { openProjectRig } from '../../../support/project-rig.ts'
import { type StorageDouble, startStorage } from '../../../support/storage-double.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

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

journalSuite('read from Supabase', () => openProjectRig(project))
