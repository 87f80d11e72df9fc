// The contract that every store of API keys keeps.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newId, uuidv7 } from '../../src/core/ids.ts'
import type { AuditEntry, KeyFilter, StoredKey } from '../../src/core/keys.ts'
import type { OpenRig, StoreRig } from '../support/store-rig.ts'

/** Text that means something to whoever puts it into SQL, a filter of PostgREST, JSON or a pattern. */
const HOSTILE = `x'; DROP TABLE api_keys; -- "),or(id.not.is.null){"a":1}%_*\\ \u00fc🎉`

/** Makes a key of one hour. */
export function storedKey(own: Partial<StoredKey> = {}): StoredKey {
  return {
    id: newId('key', Date.now()),
    tenant: 'acme',
    label: 'a key',
    scopes: ['chat', 'files'],
    hash: new Uint8Array(randomBytes(32)),
    secretPrefix: 'exai_abcd',
    limits: [{ kind: 'day_budget', value: Number.MAX_SAFE_INTEGER, outagePolicy: 'deny' }],
    policy: {
      allowedModels: ['openai/*'],
      deniedModels: [],
      allowedTools: [],
      deniedTools: ['web_search'],
      maxPromptTokens: 10,
    },
    createdAt: 1_000,
    ...own,
  }
}

/** Makes an entry of the audit log. */
export function auditEntry(action: string, target: string, own: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id: uuidv7(Date.now()),
    at: 1_000,
    tenant: 'default',
    subject: 'cli',
    requestId: 'request-1',
    action,
    target,
    details: { label: 'a key' },
    ...own,
  }
}

/** Tests the keys of a store. */
export function keysSuite(name: string, open: OpenRig): void {
  describe(`${name}: keys`, () => {
    let rig: StoreRig
    beforeEach(async () => {
      rig = await open()
    })
    afterEach(() => rig.close())

    const keys = () => rig.ports().keys
    const add = async (own: Partial<StoredKey> = {}): Promise<StoredKey> => {
      const key = storedKey(own)
      await keys().add(key, auditEntry('key.create', key.id))
      return key
    }
    const secret = (at: number) => ({ hash: new Uint8Array(randomBytes(32)), secretPrefix: 'exai_wxyz', at })
    const all = async (filter: Partial<KeyFilter> = {}, limit = 100): Promise<readonly string[]> =>
      (await keys().list({ standings: [], ...filter, limit })).items.map(({ id }) => id)

    it('finds a key by its hash and by its id, with all that was kept', async () => {
      const full = await add({ expiresAt: 3_601_000 })
      const plain = await add({ policy: undefined, limits: [], scopes: ['admin'] })
      expect(await keys().byHash(full.hash)).toMatchObject(full)
      expect(await keys().get(full.id)).toMatchObject(full)
      const { policy: _, ...rest } = plain
      const found = await keys().get(plain.id)
      expect(found).toMatchObject(rest)
      expect(found).not.toHaveProperty('policy')
      expect(found).not.toHaveProperty('expiresAt')
    })

    it('knows no key by another hash, or by an id that is none', async () => {
      const key = await add()
      const other = new Uint8Array(key.hash)
      other[31] = (other[31] ?? 0) ^ 1
      expect(await keys().byHash(other)).toBeUndefined()
      expect(await keys().byHash(new Uint8Array())).toBeUndefined()
      expect(await keys().get(newId('key', 0))).toBeUndefined()
      expect(await keys().get(HOSTILE)).toBeUndefined()
    })

    it('keeps a key once, however often it is told', async () => {
      const key = await add()
      await keys().add({ ...key, label: 'another' }, auditEntry('key.create', key.id))
      expect(await keys().get(key.id)).toMatchObject({ label: 'a key' })
      expect(await all()).toEqual([key.id])
    })

    it('takes text that is SQL, a filter or a pattern as the text that it is', async () => {
      const key = await add({
        tenant: HOSTILE,
        label: HOSTILE,
        secretPrefix: HOSTILE,
        limits: [{ kind: 'tokens_per_minute', value: 1, model: HOSTILE }],
        policy: { allowedModels: [HOSTILE], deniedModels: [], allowedTools: [HOSTILE], deniedTools: [] },
      })
      const other = await add()
      expect(await keys().byHash(key.hash)).toMatchObject(key)
      expect(await all({ tenant: HOSTILE })).toEqual([key.id])
      expect(await all({ tenant: `acme' OR '1'='1` })).toEqual([])
      expect(await all({ tenant: 'acme),or(id.not.is.null' })).toEqual([])
      const change = auditEntry(HOSTILE, HOSTILE, { subject: HOSTILE, tenant: HOSTILE, requestId: HOSTILE })
      expect(await keys().revoke(HOSTILE, 2_000, change)).toBeUndefined()
      expect(await keys().rotate(HOSTILE, secret(2_000), change)).toBeUndefined()
      await keys().audit({ ...change, details: { [HOSTILE]: HOSTILE } })
      await keys().touch([{ id: HOSTILE, at: 2_000 }])
      expect(await all()).toEqual([other.id, key.id])
      expect(await all({ standings: ['active'] })).toEqual([other.id, key.id])
    })

    it('lists the newest first, page by page', async () => {
      const made: string[] = []
      for (let index = 0; index < 5; index += 1)
        made.unshift((await add({ id: newId('key', Date.now() + index) })).id)
      const found: string[][] = []
      let after: string | undefined
      do {
        const page = await keys().list({
          standings: [],
          limit: 2,
          ...(after === undefined ? {} : { after }),
        })
        found.push(page.items.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      expect(found).toEqual([made.slice(0, 2), made.slice(2, 4), made.slice(4)])
    })

    it('lists by tenant and by standing, expired from its instant on, revoked before expired', async () => {
      const now = rig.clock.now()
      const make = (index: number, own: Partial<StoredKey>) =>
        add({ id: newId('key', Date.now() + index), ...own })
      const active = await make(0, { expiresAt: now + 1 })
      const forever = await make(1, { tenant: 'other' })
      const expired = await make(2, { expiresAt: now })
      const revoked = await make(3, { expiresAt: now - 5 })
      await keys().revoke(revoked.id, now - 9, auditEntry('key.revoke', revoked.id))
      expect(await all()).toEqual([revoked.id, expired.id, forever.id, active.id])
      expect(await all({ standings: ['active'] })).toEqual([forever.id, active.id])
      expect(await all({ standings: ['expired'] })).toEqual([expired.id])
      expect(await all({ standings: ['revoked', 'active'] })).toEqual([revoked.id, forever.id, active.id])
      expect(await all({ tenant: 'acme', standings: ['active'] })).toEqual([active.id])
      expect(await all({ tenant: 'nobody' })).toEqual([])
    })

    it('rotates an active key: the new secret finds it and the old one nothing', async () => {
      const key = await add({ expiresAt: 9_000 })
      const next = secret(2_000)
      const rotated = await keys().rotate(key.id, next, auditEntry('key.rotate', key.id))
      const { at: rotatedAt, ...changed } = next
      expect(rotated).toMatchObject({ ...key, ...changed, rotatedAt })
      expect(await keys().byHash(key.hash)).toBeUndefined()
      expect(await keys().byHash(next.hash)).toMatchObject({ id: key.id, secretPrefix: 'exai_wxyz' })
    })

    it('rotates no key that is revoked, expired or not there', async () => {
      const revoked = await add()
      await keys().revoke(revoked.id, 2_000, auditEntry('key.revoke', revoked.id))
      const expired = await add({ expiresAt: 2_000 })
      for (const id of [revoked.id, expired.id, newId('key', 0)])
        expect(await keys().rotate(id, secret(2_000), auditEntry('key.rotate', id))).toBeUndefined()
      expect(await keys().byHash(revoked.hash)).toMatchObject({ revokedAt: 2_000 })
      expect(await keys().byHash(expired.hash)).toMatchObject({ secretPrefix: expired.secretPrefix })
    })

    it('revokes for good: a second time changes nothing, and the key is still found by its hash', async () => {
      const key = await add()
      const revoke = (at: number) => keys().revoke(key.id, at, auditEntry('key.revoke', key.id, { at }))
      expect(await revoke(2_000)).toMatchObject({ ...key, revokedAt: 2_000 })
      expect(await revoke(3_000)).toMatchObject({ revokedAt: 2_000 })
      expect(await keys().byHash(key.hash)).toMatchObject({ id: key.id, revokedAt: 2_000 })
      expect(await keys().revoke(newId('key', 0), 1, auditEntry('key.revoke', 'none'))).toBeUndefined()
    })

    it('notes uses, the later ones, and not those within the same minute', async () => {
      const [key, other] = [await add(), await add()]
      const lastUse = async (id: string) => (await keys().get(id))?.lastUsedAt
      expect(await lastUse(key.id)).toBeUndefined()
      await keys().touch([
        { id: key.id, at: 100_000 },
        { id: newId('key', 0), at: 1 },
      ])
      expect([await lastUse(key.id), await lastUse(other.id)]).toEqual([100_000, undefined])
      await keys().touch([{ id: key.id, at: 130_000 }])
      expect(await lastUse(key.id)).toBe(100_000)
      await keys().touch([{ id: key.id, at: 160_000 }])
      expect(await lastUse(key.id)).toBe(160_000)
      await keys().touch([{ id: key.id, at: 50_000 }])
      expect(await lastUse(key.id)).toBe(160_000)
      await keys().touch([])
    })
  })
}
