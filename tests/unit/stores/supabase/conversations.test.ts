// Conversations read from the project, kept to the same contract as those of the embedded store that sends them there.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../src/core/clock.ts'
import { newId, uuidv7 } from '../../../../src/core/ids.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import { createSupabaseConversations } from '../../../../src/stores/supabase/conversations.ts'
import { conversationsSuite } from '../../../suites/conversations.ts'
import { openProjectRig } from '../../../support/project-rig.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

let project: SupabaseRig
let connection: SupabaseConnection

beforeAll(async () => {
  project = await startSupabase()
  connection = await connectSupabase({ url: project.url, key: project.key, answerTimeoutMs: 10_000 })
})
afterAll(async () => {
  await connection?.close()
  await project?.stop()
})

conversationsSuite('read from Supabase', () => openProjectRig(project))

describe('a history in the project', () => {
  const bare = (id: string) => id.slice('conv_'.length)

  test('that is longer than one answer comes whole and in order, also where machines used the same place', async () => {
    const id = newId('conv', Date.now())
    await project.sql(`insert into conversations (id, tenant_id) values ('${bare(id)}', 'acme')`)
    const ids = Array.from({ length: 450 }, (_, index) => uuidv7(Date.now() + index))
    const values = ids.map(
      (each, index) => `('${each}', 'acme', '${bare(id)}', ${Math.floor(index / 3)}, 'user', '{}')`,
    )
    await project.sql(
      `insert into messages (id, tenant_id, conversation_id, place, role, content) values ${values.join()}`,
    )
    const query = { tenant: 'acme', id, before: 1e9, limit: 1000, maxBytes: 1e9 }
    const conversations = createSupabaseConversations(connection, systemClock)
    expect((await conversations.history(query)).map(message => message.id)).toEqual(ids.toReversed())
    expect(await conversations.history({ ...query, limit: 201 })).toHaveLength(201)
    expect(await conversations.history({ ...query, limit: 200 })).toHaveLength(200)
  })

  test('of an id or a place that cannot be is no history', async () => {
    const conversations = createSupabaseConversations(connection, systemClock)
    expect(await conversations.get({ tenant: 'acme', id: "conv_'; drop" })).toBeUndefined()
    const query = { tenant: 'acme', id: 'x', before: 9, limit: 9, maxBytes: 9 }
    expect(await conversations.history(query)).toEqual([])
    expect(await conversations.list({ tenant: 'acme', limit: 9, after: 'x' })).toEqual({ items: [] })
  })

  test('is INTERNAL, and soon, when the project does not answer', async () => {
    const hasty = await connectSupabase({ url: project.url, key: project.key, answerTimeoutMs: 300 })
    project.front.fault(() => ({ type: 'hang' }))
    const conversations = createSupabaseConversations(hasty, systemClock)
    const startedAt = performance.now()
    await expect(conversations.get({ tenant: 'acme', id: newId('conv', 0) })).rejects.toMatchObject({
      reason: 'INTERNAL',
    })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    project.front.fault(undefined)
    await hasty.close()
  })
})
