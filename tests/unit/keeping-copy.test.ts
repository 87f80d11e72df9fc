// Machines that keep a copy in one project: each reads there what it never saw, goes on with it, and never waits for it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { ConversationKey } from '../../src/core/conversations.ts'
import { newId } from '../../src/core/ids.ts'
import type { Turn } from '../../src/core/settlement.ts'
import { type Keeping, openKeeping } from '../../src/keeping.ts'
import { auditEntry, storedKey } from '../suites/keys.ts'
import { until } from '../support/scripted-completion.ts'
import { type StorageDouble, startStorage } from '../support/storage-double.ts'
import { keepingLog, kept, line, ownFolder, settled } from '../support/store-rig.ts'
import { type SupabaseRig, startSupabase } from '../support/supabase-rig.ts'

let project: SupabaseRig
let storage: StorageDouble
const closing: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  storage = await startStorage()
  closing.push(() => storage.stop())
  project = await startSupabase({ storagePort: storage.port })
  closing.push(() => project.stop())
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function machine(): Promise<Keeping> {
  const folder = await ownFolder()
  closing.push(() => folder.remove())
  const keeping = await openKeeping({
    config: { dataDir: folder.path, supabase: { url: project.url, key: project.key } },
    clock: systemClock,
    log: keepingLog(),
  })
  closing.push(() => keeping.close())
  return keeping
}

const arrived = (keeping: Keeping) => until(async () => (await keeping.numbers()).backlogRows === 0)

const commit = (keeping: Keeping, turn: Turn) =>
  keeping.journal.commit(
    settled({ turn, answeredBy: { provider: 'p', model: 'm' }, ledger: [line('p', 'm', { nanoUsd: 5n })] }),
  )

async function begin(keeping: Keeping, text = 'hello'): Promise<ConversationKey> {
  const id = newId('conv', Date.now())
  await commit(keeping, {
    conversationId: id,
    isNew: true,
    messages: [kept('user', text), kept('assistant', 'hi')],
  })
  return { tenant: 'default', id }
}

async function goOn(keeping: Keeping, { id }: ConversationKey, text: string): Promise<void> {
  const from = await keeping.conversations.get({ tenant: 'default', id })
  await commit(keeping, {
    conversationId: id,
    isNew: false,
    messages: [kept('user', text), kept('assistant', 'ok')],
    ...(from === undefined ? {} : { from }),
  })
}

const places = async (
  keeping: Keeping,
  key: ConversationKey,
  own: { limit?: number; before?: number } = {},
) =>
  (await keeping.conversations.history({ ...key, before: 1e9, limit: 100, maxBytes: 1e6, ...own })).map(
    ({ place }) => place,
  )

const listed = async (keeping: Keeping, limit: number): Promise<readonly string[]> => {
  const ids: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await keeping.conversations.list({ tenant: 'default', limit, ...(after && { after }) })
    ids.push(...page.items.map(({ id }) => id))
    if (page.next === undefined) return ids
    after = page.next
  }
}

describe('the end of a machine', () => {
  it('waits until what was kept has arrived in the project', async () => {
    const keeping = await machine()
    await begin(keeping)
    await keeping.close()
    expect(await project.sql('select last_place from conversations')).toEqual([{ last_place: '2' }])
    expect(await project.sql('select count(*) from messages')).toEqual([{ count: '2' }])
  })

  it('does not wait for a project that is out', async () => {
    const keeping = await machine()
    await begin(keeping)
    await arrived(keeping)
    await project.rest.kill()
    await begin(keeping)
    await until(() => keeping.health()['supabase']?.status === 'degraded')
    const startedAtMs = performance.now()
    await keeping.close()
    expect(performance.now() - startedAtMs).toBeLessThan(4_000)
  })
})

describe('a conversation of another machine', () => {
  it('is read, goes on where it stood, and arrives in the project in order', async () => {
    const [one, two] = [await machine(), await machine()]
    const key = await begin(one)
    await arrived(one)
    expect(await two.conversations.get(key)).toMatchObject({ lastPlace: 2, messageCount: 2 })
    expect(await places(two, key)).toEqual([2, 1])
    await goOn(two, key, 'and now?')
    expect(await places(two, key)).toEqual([4, 3, 2, 1])
    expect(await places(two, key, { limit: 3 })).toEqual([4, 3, 2])
    expect(await places(two, key, { before: 3 })).toEqual([2, 1])
    await arrived(two)
    const rows = await project.sql('select last_place, message_count from conversations')
    expect(rows).toEqual([{ last_place: '4', message_count: '4' }])
    const messages = await project.sql('select place from messages order by place, id')
    expect(messages.map(({ place }) => Number(place))).toEqual([1, 2, 3, 4])
  })

  it('is deleted where it is, and not seen again while that is on its way', async () => {
    const [one, two] = [await machine(), await machine()]
    const key = await begin(one)
    await arrived(one)
    expect(await two.conversations.delete(key)).toBe(true)
    expect(await two.conversations.get(key)).toBeUndefined()
    expect(await places(two, key)).toEqual([])
    expect(await listed(two, 10)).toEqual([])
    await arrived(two)
    expect(await project.sql('select id from conversations where deleted_at is null')).toEqual([])
    expect(await project.sql('select id from messages')).toEqual([])
    expect(await two.conversations.delete(key)).toBe(false)
  })

  it('stands in lists beside the own ones, each once, in order, on pages of any size', async () => {
    const [one, two] = [await machine(), await machine()]
    const keys: ConversationKey[] = []
    for (let index = 0; index < 7; index += 1) keys.push(await begin(index % 3 === 0 ? two : one))
    await Promise.all([arrived(one), arrived(two)])
    const [gone] = keys.splice(3, 1)
    if (gone !== undefined) await two.conversations.delete(gone)
    const wanted = keys.map(({ id }) => id).reverse()
    for (const limit of [1, 2, 3, 50]) expect(await listed(two, limit)).toEqual(wanted)
  })
})

describe('a project that does not answer', () => {
  it('stops nobody: what is here is read and written, and sent later', async () => {
    const keeping = await machine()
    const key = await begin(keeping)
    await arrived(keeping)
    await project.rest.kill()
    await goOn(keeping, key, 'still there?')
    expect(await places(keeping, key)).toEqual([4, 3, 2, 1])
    expect(await listed(keeping, 10)).toEqual([key.id])
    await until(() => keeping.health()['supabase']?.status === 'degraded')
    expect(keeping.health()['supabase']?.reason).toBe('the project does not answer')
    expect((await keeping.numbers()).backlogRows).toBeGreaterThan(0)
    const unknown = { tenant: 'default', id: newId('conv', Date.now()) }
    await expect(keeping.conversations.get(unknown)).rejects.toMatchObject({ reason: 'INTERNAL' })
    await project.rest.restart()
    await arrived(keeping)
    await until(() => keeping.health()['supabase']?.status === 'healthy')
    expect(await project.sql('select sum(nano_usd) as spent from usage_ledger')).toEqual([{ spent: '10' }])
  })

  it('is not asked for long: lists and unknown ids cost no time then, and the health says so until it answers', async () => {
    const keeping = await machine()
    const key = await begin(keeping)
    await arrived(keeping)
    const unknown = { tenant: 'default', id: newId('conv', Date.now()) }
    await project.rest.kill()
    for (let count = 0; count < 3; count += 1) expect(await listed(keeping, 10)).toEqual([key.id])
    expect(keeping.health()['supabase']).toEqual({
      status: 'degraded',
      reason: 'the project is not read: what only others have kept is not seen',
    })
    const asked = () => project.front.requests.filter(({ path }) => path.includes('tenant_id=')).length
    const before = asked()
    expect(await listed(keeping, 10)).toEqual([key.id])
    expect((await keeping.files.list({ tenant: 'default', limit: 5 })).items).toEqual([])
    await expect(keeping.conversations.get(unknown)).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(asked()).toBe(before)
    await project.rest.restart()
    await until(() => keeping.health()['supabase']?.status === 'healthy')
    expect(await keeping.conversations.get(unknown)).toBeUndefined()
  })
})

describe('files of another machine', () => {
  it('are listed and read, their bytes too', async () => {
    const [one, two] = [await machine(), await machine()]
    const bytes = Buffer.from('bytes of a file')
    const { key: blobKey, ...facts } = await one.blobs.put(
      (async function* () {
        yield bytes
      })(),
    )
    const file = {
      ...facts,
      id: newId('file', Date.now()),
      tenant: 'default',
      filename: 'a.txt',
      mimeType: 'text/plain',
      blobKey,
      createdAt: Date.now(),
      metadata: {},
      purpose: '',
      text: { state: 'none' },
    } as const
    await one.files.add(file)
    await arrived(one)
    expect(await two.files.get({ tenant: 'default', id: file.id })).toMatchObject({
      filename: 'a.txt',
      blobKey,
    })
    expect((await two.files.list({ tenant: 'default', limit: 5 })).items).toHaveLength(1)
    let read = ''
    for await (const chunk of two.blobs.read(blobKey, 6, 100)) read += Buffer.from(chunk).toString()
    expect(read).toBe('of a file')
    expect(await one.files.delete({ tenant: 'default', id: file.id })).toBe(true)
    expect(await one.files.get({ tenant: 'default', id: file.id })).toBeUndefined()
  })
})

describe('the upkeep of a project', () => {
  it('makes its partitions and adds up its days', async () => {
    const keeping = await machine()
    await begin(keeping)
    await arrived(keeping)
    await project.sql('update usage_ledger set ended_at = now()')
    const jobs = keeping.jobs.filter(({ isOwned }) => isOwned)
    expect(jobs.map(({ name }) => name)).toEqual(['make_partitions', 'rollup_usage'])
    for (const job of jobs) await job.run(new AbortController().signal)
    expect(await project.sql('select requests from usage_daily')).not.toEqual([])
  })
})

describe('keys of machines with one project', () => {
  it('are known everywhere, and what they used is counted as soon as it is booked anywhere', async () => {
    const [one, two] = [await machine(), await machine()]
    const key = storedKey({ tenant: 'default' })
    await one.keys.add(key, auditEntry('key.create', key.id))
    expect(await two.keys.byHash(key.hash)).toMatchObject({ id: key.id, label: key.label })
    await two.keys.revoke(key.id, 5_000, auditEntry('key.revoke', key.id))
    expect(await one.keys.byHash(key.hash)).toMatchObject({ revokedAt: 5_000 })

    for (const keeping of [one, two]) await begin(keeping)
    const query = { from: 0, until: 9e12, models: [], providers: [], keys: [] }
    expect(await one.usage.total(query)).toMatchObject({ requests: 1, nanoUsd: 5n })
    // Its own lines first wait until they have arrived; the other machine's have by then, or soon.
    expect((await two.usageOfAll?.total(query))?.requests).toBeGreaterThanOrEqual(1)
    await arrived(one)
    expect(await two.usageOfAll?.total(query)).toMatchObject({ requests: 2, nanoUsd: 10n })
    await arrived(two)
    const log = await project.sql('select action, target from audit_log order by action')
    expect(log).toEqual([
      { action: 'key.create', target: key.id },
      { action: 'key.revoke', target: key.id },
    ])
  })

  it('have sums in which a call that was just booked here is not missing, unless a second was not enough', async () => {
    const keeping = await machine()
    const query = { from: 0, until: 9e12, models: [], providers: [], keys: [] }
    for (let call = 1; call <= 5; call += 1) {
      await begin(keeping)
      const askedAt = performance.now()
      const sum = await keeping.usageOfAll?.total(query)
      // A busy machine may take longer than is waited for; then it is there the next time.
      if (performance.now() - askedAt < 900) expect(sum?.requests).toBe(call)
      await expect.poll(async () => (await keeping.usageOfAll?.total(query))?.requests).toBe(call)
    }
  })
})
