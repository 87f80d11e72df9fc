// What keeps things, opened by configuration: an embedded store alone, and one with a copy in a Supabase project.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openKeeping } from '../../src/keeping.ts'
import { keepingLog } from '../support/store-rig.ts'

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
