// The start of a service that asks for keys: the first admin key, and the pepper in DATA_DIR.
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ListKeysRequestSchema } from '#gen/exai/v1/access_service_pb'
import { Scope } from '#gen/exai/v1/key_pb'
import { loadPepper, PEPPER_FILE } from '../../../src/access/pepper.ts'
import {
  type AccessRigOptions,
  bearer,
  makeKey,
  openAccessRig,
  PEPPER,
  revokeKey,
} from '../../support/access-rig.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createMemoryKeys } from '../../support/memory-keys.ts'

async function start(options: AccessRigOptions = {}) {
  const rig = await openAccessRig({ auth: { mode: 'key' }, ...options })
  onTestFinished(() => rig.close())
  return rig
}

const LINE = /^exai: the first admin key, shown only now: (exai_[\w-]{43})$/

describe('the first admin key', () => {
  test('is made when there is none, shown once past the log, and lets its owner do everything', async () => {
    const rig = await start()
    expect(rig.announced).toEqual([expect.stringMatching(LINE)])
    const secret = LINE.exec(rig.announced[0] ?? '')?.[1] ?? ''
    expect(await rig.access.authenticate(bearer(secret))).toMatchObject({
      tenant: 'default',
      scopes: ['admin'],
      key: { label: 'first admin key' },
    })
    expect(JSON.stringify(rig.lines)).not.toContain(secret.slice(9))
    expect(rig.lines.map(({ message }) => message)).toContain(
      'there was no admin key, so one was made; its secret is shown this once, beside the log',
    )
    expect(rig.keys.entries).toMatchObject([{ action: 'key.create', subject: 'start' }])
  })

  test('is not made again', async () => {
    const first = await start()
    const second = await start({ keys: first.keys, clock: first.clock })
    expect(second.announced).toEqual([])
  })

  test('is made again when it was revoked, or when only others are left', async () => {
    const first = await start()
    await makeKey(first, { scopes: [Scope.CHAT] })
    const { keys } = await first.access.administration.list(create(ListKeysRequestSchema))
    for (const key of keys ?? []) if (key.label === 'first admin key') await revokeKey(first, key.id ?? '')
    const second = await start({ keys: first.keys, clock: first.clock })
    expect(second.announced).toHaveLength(1)
  })

  test('is looked for among all keys, however many there are', async () => {
    const clock = createHandClock()
    const first = await start({ clock })
    clock.pass(1)
    for (let made = 0; made < 501; made += 1) await makeKey(first)
    const second = await start({ keys: first.keys, clock })
    expect([second.announced, second.keys.counts.get('list')]).toEqual([[], 3])
  })

  test('is made by one of several replicas that start together', async () => {
    const one = await start()
    const other = await start({ shared: one.shared, clock: one.clock })
    expect([one.announced.length, other.announced.length]).toEqual([1, 0])
  })

  test('is not made when it cannot be seen whether there is one, and the log says what to do', async () => {
    const keys = { ...createMemoryKeys(Date.now), list: () => Promise.reject(new Error('out of reach')) }
    const rig = await start({ keys })
    expect(rig.announced).toEqual([])
    expect(rig.lines.at(-1)?.message).toMatch(
      /^the first admin key was not made: make one with exai keys create/,
    )
  })

  test('is not made where tokens let people in', async () => {
    const rig = await openAccessRig()
    onTestFinished(() => rig.close())
    expect(rig.announced).toEqual([])
  })
})

describe('the pepper', () => {
  const load = (dataDir: string) => loadPepper({ configured: undefined, dataDir, isShared: false })

  test('is made once, for this user alone, and used from then on', async () => {
    const { dataDir } = await start({ keyPepper: undefined })
    const text = await readFile(join(dataDir, PEPPER_FILE), 'utf8')
    expect(text).toMatch(/^[\w-]{43}\n$/)
    expect((await stat(join(dataDir, PEPPER_FILE))).mode & 0o777).toBe(0o600)
    expect(Buffer.from(await load(dataDir)).toString()).toBe(text.trim())
  })

  test('is the same for processes that begin together', async () => {
    const { dataDir } = await start()
    const all = await Promise.all(Array.from({ length: 8 }, () => load(dataDir)))
    expect(new Set(all.map(each => Buffer.from(each).toString())).size).toBe(1)
    expect(await readdir(dataDir)).toEqual([PEPPER_FILE])
  })

  test('is that of the settings when there is one, and then no file is made', async () => {
    const { dataDir } = await start()
    expect(Buffer.from(await loadPepper({ configured: PEPPER, dataDir, isShared: true })).toString()).toBe(
      PEPPER,
    )
    expect(await readdir(dataDir)).toEqual([])
  })

  test('is not needed where nobody has a key: no file is made', async () => {
    const rig = await openAccessRig({ keyPepper: undefined })
    onTestFinished(() => rig.close())
    expect(await readdir(rig.dataDir)).toEqual([])
  })

  test('that is damaged ends the start, with a way out', async () => {
    const { dataDir } = await start()
    for (const text of ['', 'short', `${'x'.repeat(43)}y`]) {
      await writeFile(join(dataDir, PEPPER_FILE), text)
      await expect(load(dataDir)).rejects.toMatchObject({
        message: expect.stringMatching(/damaged: put a backup back/),
      })
    }
  })

  test('that cannot be written ends the start, with a way out', async () => {
    const { dataDir } = await start()
    const path = join(dataDir, 'missing')
    await expect(load(path)).rejects.toMatchObject({
      message: expect.stringMatching(/cannot be used: let this user/),
    })
    await chmod(dataDir, 0o700)
  })
})
