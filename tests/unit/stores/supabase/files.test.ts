// Files read from the project, kept to the same contract as those of the embedded store that sends them there.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../src/core/clock.ts'
import { newId } from '../../../../src/core/ids.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import { createSupabaseFiles } from '../../../../src/stores/supabase/files.ts'
import { filesSuite } from '../../../suites/files.ts'
import { openProjectRig } from '../../../support/project-rig.ts'
import { type StorageDouble, startStorage } from '../../../support/storage-double.ts'
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

filesSuite('read from Supabase', () => openProjectRig(project))

describe('files in the project', () => {
  const files = () => createSupabaseFiles(connection, systemClock)
  const named = async (name: string, tenant: string) => {
    const id = newId('file', Date.now())
    await project.sql(`insert into file_blobs (blob_key, tenant_id, sha256, size_bytes)
      values ('k', 'any', '${'a'.repeat(64)}', 1) on conflict do nothing;
      insert into files (id, tenant_id, blob_key, filename, filename_folded)
      values ('${id.slice(5)}', '${tenant}', 'k', '${name}', '${name}')`)
    return id
  }

  test('are found by any letters of their names, those too that mean something in a pattern', async () => {
    const names = ['a*b', 'a.b', 'a_b', 'a(b', 'a\\b', 'a,b', 'a"b']
    for (const name of names) await named(name, 'letters')
    for (const name of names) {
      const { items } = await files().list({ tenant: 'letters', limit: 9, filenameContains: name })
      expect(items.map(({ filename }) => filename)).toEqual([name])
    }
  })

  test('of an id or a place that cannot be are not there', async () => {
    expect(await files().get({ tenant: 'letters', id: 'file_x' })).toBeUndefined()
    expect(await files().list({ tenant: 'letters', limit: 9, after: 'x' })).toEqual({ items: [] })
  })

  test('are not there before what is known of their bytes is', async () => {
    const id = await named('early', 'early')
    await project.sql("delete from file_blobs where blob_key = 'k'")
    expect(await files().get({ tenant: 'early', id })).toBeUndefined()
    expect(await files().list({ tenant: 'early', limit: 9 })).toEqual({ items: [] })
  })
})
