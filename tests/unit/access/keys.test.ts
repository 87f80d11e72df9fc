// API keys as callers use them: who gets in, what is remembered for how long, and that refusals are all one.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Limit_Kind, Scope } from '#gen/exai/v1/key_pb'
import { CHECKS_MAX } from '../../../src/access/authenticator.ts'
import { FLUSH_MS } from '../../../src/access/key-uses.ts'
import type { Caller } from '../../../src/core/caller.ts'
import type { StoredKey } from '../../../src/core/keys.ts'
import type { Shared } from '../../../src/core/shared.ts'
import {
  type AccessRig,
  bearer,
  goodToken,
  header,
  makeKey,
  openAccessRig,
  revokeKey,
  rotateKey,
} from '../../support/access-rig.ts'

let rig: AccessRig
beforeEach(async () => {
  rig = await openAccessRig()
})
afterEach(() => rig.close())

const ask = async (secret: string, at = rig): Promise<Caller> => at.access.authenticate(bearer(secret))
const lookups = (at = rig) => at.keys.counts.get('byHash') ?? 0
const madeUp = () => `exai_${randomBytes(32).toString('base64url')}`

/** What a refusal says, in all that a caller could see of it. */
async function refusalOf(act: () => unknown): Promise<object> {
  try {
    await act()
  } catch (error) {
    if (error instanceof Error && 'reason' in error && 'details' in error)
      return { name: error.name, reason: error.reason, message: error.message, details: error.details }
    throw error
  }
  throw new Error('nothing was refused')
}

describe('a key', () => {
  test('lets its tenant in, with its scopes, limits and policy', async () => {
    const { id, secret } = await makeKey(rig, {
      tenant: 'acme',
      label: 'laptop',
      scopes: [Scope.CHAT, Scope.FILES],
      limits: [{ kind: Limit_Kind.DAY_BUDGET, value: 5_000_000_000n }],
      policy: { deniedTools: ['web_search'] },
    })
    const caller = {
      tenant: 'acme',
      subject: id,
      scopes: ['chat', 'files'],
      key: { id, label: 'laptop' },
      limits: [{ kind: 'day_budget', value: 5_000_000_000 }],
      policy: { allowedModels: [], deniedModels: [], allowedTools: [], deniedTools: ['web_search'] },
    }
    expect(await ask(secret)).toEqual(caller)
    expect(await rig.access.authenticate(header(['x-api-key', secret]))).toEqual(caller)
  })

  test('is kept as a hash that says nothing without the pepper', async () => {
    const { id, secret } = await makeKey(rig)
    const other = await openAccessRig({
      keys: rig.keys,
      clock: rig.clock,
      keyPepper: 'another-pepper-for-tests',
    })
    await expect(ask(secret, other)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
    await other.close()
    const row = rig.keys.rows.get(id)
    expect(row?.hash.byteLength).toBe(32)
    expect(row?.secretPrefix).toBe(secret.slice(0, 9))
    expect(JSON.stringify([row, rig.lines, rig.keys.entries])).not.toContain(secret.slice(9))
  })

  test('is looked up once for many calls that begin together, and not again while it is remembered', async () => {
    const { secret } = await makeKey(rig)
    await Promise.all(Array.from({ length: 50 }, () => ask(secret)))
    rig.clock.pass(4_999)
    expect(rig.access.authenticate(bearer(secret))).toMatchObject({ scopes: ['chat'] })
    expect(lookups()).toBe(1)
  })

  test.each([
    ['5 seconds where others cannot be heard', undefined, 5_000],
    ['5 seconds while others are out of reach', false, 5_000],
    ['a minute where others are heard', true, 60_000],
  ])('is remembered for %s', async (_, isUp, ttlMs) => {
    rig.setUp(isUp)
    const { secret } = await makeKey(rig)
    await ask(secret)
    rig.clock.pass(ttlMs - 1)
    await ask(secret)
    expect(lookups()).toBe(1)
    rig.clock.pass(1)
    await ask(secret)
    expect(lookups()).toBe(2)
  })

  test('is not remembered beyond its end', async () => {
    const { secret } = await makeKey(rig, { expiration: { case: 'ttl', value: { seconds: 2n } } })
    await ask(secret)
    rig.clock.pass(1_999)
    await ask(secret)
    rig.clock.pass(1)
    await expect(ask(secret)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
  })

  test('shows when it was last used, within a minute and without a write for each call', async () => {
    const { id, secret } = await makeKey(rig)
    for (let call = 0; call < 10; call += 1) await ask(secret)
    expect(rig.keys.counts.get('touch')).toBeUndefined()
    rig.clock.pass(1_000)
    await ask(secret)
    await rig.access.close()
    expect(rig.keys.rows.get(id)?.lastUsedAt).toBe(rig.clock.now())
    expect(rig.keys.counts.get('touch')).toBe(1)
    expect(FLUSH_MS).toBeLessThanOrEqual(60_000)
  })
})

describe('a refusal', () => {
  test('is the same to the letter for whatever is wrong', async () => {
    const expired = await makeKey(rig, { expiration: { case: 'ttl', value: { seconds: 1n } } })
    const revoked = await makeKey(rig)
    const rotated = await makeKey(rig)
    await revokeKey(rig, revoked.id)
    await rotateKey(rig, rotated.id)
    rig.clock.pass(1_000)
    const secrets = [madeUp(), expired.secret, revoked.secret, rotated.secret, 'exai_', 'x', 'a.b.c']
    const refusals = await Promise.all(secrets.map(secret => refusalOf(() => ask(secret))))
    const bare = await refusalOf(() => rig.access.authenticate(header(['host', 'localhost'])))
    for (const refusal of refusals) expect(refusal).toEqual(bare)
    expect(bare).toMatchObject({ reason: 'UNAUTHENTICATED', details: {} })
  })

  test('takes the same steps for a key that is unknown, expired, revoked or rotated', async () => {
    const shared = rig.shared
    const steps: string[] = []
    const watched: Shared = {
      ...shared,
      get: name => {
        steps.push('asks for news')
        return shared.get(name)
      },
    }
    const keys = {
      ...rig.keys,
      byHash: (hash: Uint8Array) => {
        steps.push(`looks up ${hash.byteLength} bytes`)
        return rig.keys.byHash(hash)
      },
    }
    const counted = await openAccessRig({ keys, shared: watched, clock: rig.clock })
    const expired = await makeKey(rig, { expiration: { case: 'ttl', value: { seconds: 1n } } })
    const revoked = await makeKey(rig)
    const rotated = await makeKey(rig)
    const good = await makeKey(rig)
    await revokeKey(rig, revoked.id)
    await rotateKey(rig, rotated.id)
    rig.clock.pass(1_000)
    const all = []
    for (const { secret } of [good, { secret: madeUp() }, expired, revoked, rotated]) {
      steps.length = 0
      await ask(secret, counted).catch(() => undefined)
      all.push([...steps])
    }
    expect(all).toEqual(Array.from({ length: 5 }, () => ['looks up 32 bytes', 'asks for news']))
    await counted.close()
  })

  test('is not remembered: every call with it is checked', async () => {
    const secret = madeUp()
    for (let call = 1; call <= 3; call += 1) {
      await ask(secret).catch(() => undefined)
      expect(lookups()).toBe(call)
    }
  })

  test('is told at once to whoever comes while too many made-up ones are being checked', async () => {
    const blocked = Promise.withResolvers<StoredKey | undefined>()
    const keys = { ...rig.keys, byHash: () => blocked.promise }
    const stuck = await openAccessRig({ keys, clock: rig.clock })
    const waiting = Array.from({ length: CHECKS_MAX }, () => ask(madeUp(), stuck))
    await expect(ask(madeUp(), stuck)).rejects.toMatchObject({
      reason: 'OVERLOADED',
      details: { retryDelayMs: 1_000 },
    })
    blocked.resolve(undefined)
    const ends = await Promise.allSettled(waiting)
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['rejected']))
    await expect(ask(madeUp(), stuck)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
    await stuck.close()
  })

  test('meets a key also where there can be none for want of a pepper', async () => {
    const supabase = { url: 'https://project.example', key: 'service' }
    const without = await openAccessRig({ keyPepper: undefined, supabase })
    await expect(ask(madeUp(), without)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
    await expect(makeKey(without)).rejects.toMatchObject({
      reason: 'UNSUPPORTED',
      message: expect.stringContaining('KEY_PEPPER'),
    })
    await without.close()
  })
})

test('a token is refused like any other credential where none are accepted', async () => {
  const keysOnly = await openAccessRig({ auth: { mode: 'key' } })
  const refusal = await refusalOf(() => ask(goodToken(rig.clock.now()), keysOnly))
  expect(refusal).toEqual(await refusalOf(() => ask(madeUp())))
  await keysOnly.close()
})

test('uses that cannot be written down are told to the log, and trouble nobody', async () => {
  const keys = { ...rig.keys, touch: () => Promise.reject(new Error('full')) }
  const full = await openAccessRig({ keys })
  const { secret } = await makeKey(full)
  await ask(secret, full)
  await full.access.close()
  expect(full.lines.at(-1)).toMatchObject({ message: 'the last uses of keys were not written down' })
  await full.close()
})

describe('without authentication', () => {
  test.each(['loopback', 'open'] as const)(
    'everybody is the default caller, whatever they send (%s)',
    async mode => {
      const free = await openAccessRig({ auth: { mode } })
      for (const source of [
        header(),
        bearer('exai_x'),
        bearer('a.b.c'),
        header(['authorization', 'Basic x']),
      ])
        expect(free.access.authenticate(source)).toMatchObject({
          tenant: 'default',
          scopes: expect.anything(),
        })
      expect([free.access.isAsking, free.announced]).toEqual([false, []])
      await free.close()
    },
  )
})
