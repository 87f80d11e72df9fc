// Keys that are rotated or revoked: they are refused from the answer on, here and on every other replica.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKeyNews } from '../../../src/access/key-news.ts'
import type { Caller } from '../../../src/core/caller.ts'
import type { KeptKey } from '../../../src/core/keys.ts'
import type { Shared } from '../../../src/core/shared.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import {
  type AccessRig,
  bearer,
  makeKey,
  openAccessRig,
  revokeKey,
  rotateKey,
} from '../../support/access-rig.ts'
import { createHandClock } from '../../support/hand-clock.ts'

let rig: AccessRig
beforeEach(async () => {
  rig = await openAccessRig()
})
afterEach(() => rig.close())

const ask = async (secret: string, at = rig): Promise<Caller> => at.access.authenticate(bearer(secret))
const lookups = (at = rig) => at.keys.counts.get('byHash') ?? 0

describe('a key that is taken back', () => {
  const refused = (secret: string, at = rig) =>
    expect(ask(secret, at)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })

  test('by being revoked is refused from the answer on, though it was remembered', async () => {
    const { id, secret } = await makeKey(rig)
    await ask(secret)
    await revokeKey(rig, id)
    await refused(secret)
  })

  test('by being rotated is refused from the answer on, and the new secret is taken', async () => {
    const { id, secret } = await makeKey(rig)
    const before = await ask(secret)
    const next = await rotateKey(rig, id)
    await refused(secret)
    expect(await ask(next)).toEqual(before)
  })

  test('while it was being looked up is not remembered', async () => {
    const { id, secret } = await makeKey(rig)
    const begun = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const keys = {
      ...rig.keys,
      byHash: async (hash: Uint8Array) => {
        const found = await rig.keys.byHash(hash)
        begun.resolve()
        await go.promise
        return found
      },
    }
    const slow = await openAccessRig({ keys, clock: rig.clock })
    const early = ask(secret, slow)
    await begun.promise
    await revokeKey(slow, id)
    go.resolve()
    await early.catch(() => undefined)
    await refused(secret, slow)
    await slow.close()
  })

  /** Two replicas: what one store has, the other may not have yet. */
  async function replicas() {
    const clock = createHandClock()
    const shared = createProcessShared({
      clock,
      onFault: error => {
        throw error
      },
    })
    const here = await openAccessRig({ clock, shared })
    const there = await openAccessRig({ clock, shared })
    const close = async () => {
      await here.close()
      await there.close()
      await shared.close()
    }
    /** Lets the store of the other replica catch up. */
    const copy = () => {
      for (const [id, key] of here.keys.rows) there.keys.rows.set(id, key)
    }
    return { here, there, copy, close }
  }

  test('on one replica is refused on another at once, though its store does not know yet', async () => {
    const { here, there, copy, close } = await replicas()
    there.setUp(true)
    const revoked = await makeKey(here)
    const rotated = await makeKey(here)
    copy()
    await ask(revoked.secret, there)
    await ask(rotated.secret, there)
    await revokeKey(here, revoked.id)
    const next = await rotateKey(here, rotated.id)
    await refused(revoked.secret, there)
    await refused(rotated.secret, there)
    copy()
    await refused(revoked.secret, there)
    await refused(rotated.secret, there)
    expect(await ask(next, there)).toMatchObject({ subject: rotated.id })
    await close()
  })

  test('while replicas could not hear one another is not remembered when they can', async () => {
    const { secret } = await makeKey(rig)
    rig.setUp(true)
    await ask(secret)
    rig.setUp(false)
    await ask(secret)
    expect(lookups()).toBe(2)
    rig.setUp(true)
    await ask(secret)
    expect(lookups()).toBe(3)
  })

  test('is refused here also when nobody else can be told', async () => {
    const down: Shared = {
      ...rig.shared,
      set: () => Promise.reject(new Error('down')),
      get: () => Promise.reject(new Error('down')),
    }
    const alone = await openAccessRig({ shared: down, clock: rig.clock })
    const { id, secret } = await makeKey(alone)
    await ask(secret, alone)
    await revokeKey(alone, id)
    await refused(secret, alone)
    expect(alone.lines.map(({ message }) => message)).toContain(
      'other replicas were not told of a changed key',
    )
    await alone.close()
  })
})

describe('a key that a store gives', () => {
  const key = (version: number, secret: number, revokedAt?: number): KeptKey => ({
    id: 'key_1',
    tenant: 'acme',
    label: 'a key',
    scopes: ['chat'],
    hash: new Uint8Array(32).fill(secret),
    secretPrefix: 'exai_abcd',
    limits: [],
    createdAt: 0,
    version,
    ...(revokedAt === undefined ? {} : { revokedAt }),
  })
  test.each([
    ['that is what was told', key(2, 2), key(2, 2), false],
    ['that is older', key(2, 2), key(1, 1), true],
    ['that has another secret of the same number', key(2, 2), key(2, 3), true],
    ['that was changed past this service', key(2, 2), key(3, 3), false],
    ['that was changed elsewhere after it was revoked', key(2, 2, 1), key(3, 3), true],
    ['that is revoked, as was told', key(2, 2, 1), key(2, 2, 1), false],
  ])('%s', async (_, told, given, isOverdue) => {
    const news = createKeyNews({
      shared: rig.shared,
      isHeard: () => false,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    })
    await news.tell(told)
    expect(await news.isOverdue(given)).toBe(isOverdue)
  })
})
