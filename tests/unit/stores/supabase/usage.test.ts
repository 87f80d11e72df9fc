// Sums over the ledger in the project, kept to the same contract as those of the embedded store that sends it there.
import { afterAll, beforeAll } from 'vitest'
import { usageSuite } from '../../../suites/usage.ts'
import { openProjectRig } from '../../../support/project-rig.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

let project: SupabaseRig

beforeAll(async () => {
  project = await startSupabase()
})
afterAll(() => project?.stop())

usageSuite('summed in Supabase', () => openProjectRig(project))
