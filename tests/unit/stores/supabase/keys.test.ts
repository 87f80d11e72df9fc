// API keys in the project: the contract of the port, and what two machines make of keys that both of them change.
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../../../src/core/ids.ts'
import type { Keys } from '../../../../src/core/keys.ts'
import { overlayKeys } from '../../../../src/stores/overlay-keys.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import { createSupabaseKeys, type ProjectKeys } from '../../../../src/stores/supabase/keys.ts'
import { auditEntry, keysSuite, storedKey } from '../../../suites/keys.ts'
import { openProjectRig } from '../../../support/project-rig.ts'
import { openSqliteRig, type StoreRig } from '../../../support/store-rig.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

let project: SupabaseRig
let connection: SupabaseConnection

beforeAll(async () => {
  project = await startSupabase()
  connection = await connectSupabase({ url: project.url, key: project.key, answerTimeoutMs: 2_000 })
})
afterAll(async () => {
  await connection?.close()
  await project?.stop()
})

keysSuite('read from Supabase', () => openProjectRig(project))

/** A machine with a store of its own, whose outbox does not move: what arrives was written through. */
interface Machine {
  readonly keys: Keys
  readonly rig: StoreRig
  readonly faults: unknown[]
}

let one: Machine
let two: Machine
const closing: (() => Promise<unknown>)[] = []

async function startMachine(theirs?: ProjectKeys): Promise<Machine> {
  const rig = await openSqliteRig()
  closing.push(() => rig.close())
  const faults: unknown[] = []
  const keys = overlayKeys({
    own: rig.ports().keys as Parameters<typeof overlayKeys>[0]['own'],
    theirs: theirs ?? createSupabaseKeys(connection, rig.clock),
    clock: rig.clock,
    wake: () => undefined,
    onFault: fault => void faults.push(fault),
  })
  return { keys, rig, faults }
}
const away = () => project.front.fault(() => ({ type: 'hang' }))
const back = () => project.front.fault(undefined)
const entry = (target: string) => auditEntry('key.change', target)
const secret = (at = 2_000) => ({ hash: new Uint8Array(randomBytes(32)), secretPrefix: 'exai_wxyz', at })
const idsOf = async ({ keys }: Machine, standings: Parameters<Keys['list']>[0]['standings'] = []) =>
  (await keys.list({ standings, limit: 9 })).items.map(({ id }) => id)
async function added({ keys }: Machine) {
  const key = storedKey()
  await keys.add(key, entry(key.id))
  return key
}

describe('keys of two machines', () => {
  beforeEach(async () => {
    back()
    await project.sql('truncate api_keys, audit_log')
    one = await startMachine()
    two = await startMachine()
  })
  afterEach(async () => {
    back()
    for (const close of closing.splice(0)) await close()
  })

  test('are known on both as soon as they are made on one', async () => {
    const key = await added(one)
    expect(await two.keys.byHash(key.hash)).toMatchObject(key)
    expect(await two.keys.get(key.id)).toMatchObject(key)
    expect([await idsOf(one), await idsOf(two)]).toEqual([[key.id], [key.id]])
  })

  test('are revoked on both as soon as they are revoked on either', async () => {
    const [mine, theirs] = [await added(one), await added(two)]
    expect(await two.keys.revoke(mine.id, 5_000, entry(mine.id))).toMatchObject({ revokedAt: 5_000 })
    expect(await two.keys.revoke(theirs.id, 6_000, entry(theirs.id))).toMatchObject({ revokedAt: 6_000 })
    for (const { keys } of [one, two]) {
      expect(await keys.byHash(mine.hash)).toMatchObject({ revokedAt: 5_000 })
      expect(await keys.byHash(theirs.hash)).toMatchObject({ revokedAt: 6_000 })
    }
    expect(await idsOf(one, ['active'])).toEqual([])
    expect(await idsOf(two, ['revoked'])).toHaveLength(2)
    // The one that did it wrote it down.
    expect((await two.rig.ports().outbox.peek(9, 1e6)).map(({ table }) => table)).toEqual([
      'api_keys',
      'audit_log',
      'api_keys',
      'audit_log',
      'api_keys',
      'audit_log',
    ])
  })

  test('have one secret: the old one is refused on both when it was replaced on the other', async () => {
    const key = await added(one)
    const next = secret()
    expect(await two.keys.rotate(key.id, next, entry(key.id))).toMatchObject({ hash: next.hash })
    for (const { keys } of [one, two]) {
      expect(await keys.byHash(key.hash)).toBeUndefined()
      expect(await keys.byHash(next.hash)).toMatchObject({ id: key.id })
    }
    // The maker goes on from there, and not from what it had.
    const third = secret(3_000)
    await one.keys.rotate(key.id, third, entry(key.id))
    expect(await two.keys.byHash(next.hash)).toBeUndefined()
    expect(await two.keys.byHash(third.hash)).toMatchObject({ id: key.id })
  })

  test('stay revoked where they were revoked, whatever the project says', async () => {
    const key = await added(one)
    await one.keys.revoke(key.id, 5_000, entry(key.id))
    await project.sql(`alter table api_keys disable trigger keep_newest`)
    await project.sql(`update api_keys set revoked_at = null, version = 99`)
    await project.sql(`alter table api_keys enable trigger keep_newest`)
    expect(await one.keys.byHash(key.hash)).toMatchObject({ revokedAt: 5_000 })
    expect(await one.keys.get(key.id)).toMatchObject({ revokedAt: 5_000 })
    expect(await idsOf(one, ['active'])).toEqual([])
    expect(await one.keys.rotate(key.id, secret(6_000), entry(key.id))).toBeUndefined()
  })

  test('are revoked in the project although another change came there first with the same number', async () => {
    const key = await added(one)
    const theirs = createSupabaseKeys(connection, one.rig.clock)
    const next = secret()
    expect(await theirs.put({ ...key, ...next, version: 2 }, 2_000)).toBe(true)
    expect(await theirs.put({ ...key, version: 2, revokedAt: 7_000 }, 2_000)).toBe(true)
    const found = await theirs.get(key.id)
    expect(found).toMatchObject({ hash: next.hash, revokedAt: 7_000, version: 2 })
    // And no later change undoes it.
    expect(await theirs.put({ ...key, version: 3 }, 2_000)).toBe(true)
    expect(await theirs.get(key.id)).toMatchObject({ version: 3, revokedAt: 7_000 })
  })

  test('are listed once each, by what all machines know of them, page by page', async () => {
    const made: string[] = []
    for (const [index, machine] of [one, two, one, two, one].entries()) {
      const key = storedKey({ id: newId('key', Date.now() + index) })
      await machine.keys.add(key, entry(key.id))
      made.unshift(key.id)
    }
    await two.keys.revoke(made[2] ?? '', 5_000, entry('x'))
    const pages: (readonly string[])[] = []
    let after: string | undefined
    do {
      const page = await one.keys.list({
        standings: ['active'],
        tenant: 'acme',
        limit: 2,
        ...(after === undefined ? {} : { after }),
      })
      pages.push(page.items.map(({ id }) => id))
      after = page.next
    } while (after !== undefined)
    expect(pages.flat()).toEqual(made.toSpliced(2, 1))
    expect(pages.every(page => page.length <= 2)).toBe(true)
  })
})

describe('keys while the project is away', () => {
  beforeEach(async () => {
    back()
    await project.sql('truncate api_keys, audit_log')
    connection = await connectSupabase({ url: project.url, key: project.key, answerTimeoutMs: 300 })
    one = await startMachine()
    two = await startMachine()
  })
  afterEach(async () => {
    back()
    for (const close of closing.splice(0)) await close()
    await connection.close()
  })

  test('are accepted where they are known, without a wait for each call, and told', async () => {
    const key = await added(one)
    away()
    expect(await one.keys.byHash(key.hash)).toMatchObject(key)
    const startedAt = performance.now()
    for (let call = 0; call < 50; call += 1) expect(await one.keys.byHash(key.hash)).toMatchObject(key)
    // One wait of 300 ms, not one for each of the fifty.
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(one.faults).toHaveLength(1)
    // And it is asked again later.
    one.rig.clock.pass(5_000)
    back()
    await two.keys.revoke(key.id, 5_000, entry(key.id))
    expect(await one.keys.byHash(key.hash)).toMatchObject({ revokedAt: 5_000 })
  })

  test('are a failure, and neither accepted nor unknown, where they are not known', async () => {
    const key = await added(one)
    away()
    // After three reads that nobody answered it is not even asked.
    const failure = {
      reason: 'INTERNAL',
      message: expect.stringMatching(/^the shared database d(?:id|oes) not answer/),
    }
    await expect(two.keys.byHash(key.hash)).rejects.toMatchObject(failure)
    await expect(two.keys.get(key.id)).rejects.toMatchObject(failure)
    await expect(two.keys.list({ standings: [], limit: 9 })).rejects.toMatchObject(failure)
    await expect(two.keys.revoke(key.id, 1, entry(key.id))).rejects.toMatchObject(failure)
    await expect(two.keys.rotate(key.id, secret(), entry(key.id))).rejects.toMatchObject(failure)
    expect((await two.rig.ports().outbox.size()).entries).toBe(0)
  })

  test('can be made and revoked, which arrives later, but not rotated', async () => {
    const key = await added(one)
    away()
    const fresh = await added(one)
    expect(await one.keys.revoke(key.id, 5_000, entry(key.id))).toMatchObject({ revokedAt: 5_000 })
    await expect(one.keys.rotate(fresh.id, secret(), entry(fresh.id))).rejects.toMatchObject({
      reason: 'INTERNAL',
    })
    expect(await one.keys.byHash(fresh.hash)).toMatchObject(fresh)
    expect(one.faults.length).toBeGreaterThan(0)
    const waiting = await one.rig.ports().outbox.peek(20, 1e6)
    expect(waiting.filter(({ id }) => id === key.id).at(-1)?.row).toMatchObject({ revoked_at: 5_000 })
  })

  test('lose nothing but the note when their use cannot be told', async () => {
    const key = await added(one)
    await one.keys.touch([{ id: key.id, at: 100_000 }])
    expect(await two.keys.get(key.id)).toMatchObject({ lastUsedAt: 100_000 })
    away()
    await one.keys.touch([{ id: key.id, at: 900_000 }])
    expect(one.faults).toHaveLength(1)
    back()
    expect(await one.keys.get(key.id)).toMatchObject({ lastUsedAt: 900_000 })
  })
})
