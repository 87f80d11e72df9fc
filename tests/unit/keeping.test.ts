// What keeps things, opened by configuration: an embedded store alone, and one with a copy in a Supabase project.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { newId } from '../../src/core/ids.ts'
import { openKeeping } from '../../src/keeping.ts'
import { keepingLog, kept, settled } from '../support/store-rig.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'exai-keeping-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const mark = {
  responseId: 'resp_1',
  tenant: 'default',
  key: 'once',
  fingerprint: 'f',
  owner: 'me',
  expiresAt: Date.now() + 60_000,
}

it('keeps what it is given in a folder that it makes, and has it when it is opened again', async () => {
  const dataDir = join(await folder(), 'deep', 'data')
  const deps = { config: { dataDir }, clock: systemClock, log: keepingLog() }
  const one = await openKeeping(deps)
  expect(await one.marks.begin(mark)).toBeUndefined()
  expect(one.health()).toEqual({})
  expect(await one.numbers()).toEqual({ waiting: 0, backlogRows: 0, backlogAgeMs: 0, deadLetters: 0 })
  await one.close()
  const two = await openKeeping(deps)
  expect(await two.marks.byKey('default', 'once')).toEqual({ ...mark, state: 'running' })
  await two.close()
})

it('does not start on a folder that cannot be one', async () => {
  const path = join(await folder(), 'a-file')
  await writeFile(path, '')
  const opening = openKeeping({ config: { dataDir: path }, clock: systemClock, log: keepingLog() })
  await expect(opening).rejects.toMatchObject({
    reason: 'INTERNAL',
    message: expect.stringMatching(/DATA_DIR/),
  })
})

it('forgets marks that have expired', async () => {
  let now = Date.now()
  const clock = { ...systemClock, now: () => now }
  const keeping = await openKeeping({ config: { dataDir: await folder() }, clock, log: keepingLog() })
  onTestFinished(() => keeping.close())
  await keeping.marks.begin(mark)
  now += 61_000
  const job = keeping.jobs.find(({ name }) => name === 'expire_marks')
  await job?.run(new AbortController().signal)
  now -= 61_000
  expect(await keeping.marks.byKey('default', 'once')).toBeUndefined()
})

it('frees conversations that have expired, however many there are, with their messages', async () => {
  let now = Date.now()
  const clock = { ...systemClock, now: () => now }
  const keeping = await openKeeping({ config: { dataDir: await folder() }, clock, log: keepingLog() })
  onTestFinished(() => keeping.close())
  const begun = async (own: { readonly expiresAt?: number }): Promise<string> => {
    const conversationId = newId('conv', now)
    const turn = { conversationId, isNew: true, messages: [kept('user', 'hello')], ...own }
    await keeping.journal.commit(settled({ turn }))
    return conversationId
  }
  const lasting = await begun({})
  const brief = await Promise.all(Array.from({ length: 450 }, () => begun({ expiresAt: now + 1_000 })))
  now += 1_000
  const job = keeping.jobs.find(({ name }) => name === 'expire_conversations')
  await job?.run(new AbortController().signal)
  // They are not only hidden: they would be there again.
  now -= 1_000
  const { items } = await keeping.conversations.list({ tenant: 'default', limit: 500 })
  expect(items.map(({ id }) => id)).toEqual([lasting])
  const history = (id = '') =>
    keeping.conversations.history({ tenant: 'default', id, before: 9, limit: 9, maxBytes: 1e6 })
  expect([(await history(brief[449])).length, (await history(lasting)).length]).toEqual([0, 1])
})
