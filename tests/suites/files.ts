// The contract that every store of what is known of files keeps.
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileFilter, NewFile, StoredFile } from '../../src/core/files.ts'
import { newId } from '../../src/core/ids.ts'
import { createChance } from '../support/seeded.ts'
import type { OpenRig, StoreRig } from '../support/store-rig.ts'

/** Tests a store of files. */
export function filesSuite(name: string, open: OpenRig): void {
  describe(`${name}: files`, () => {
    let rig: StoreRig
    const files = () => rig.ports().files
    beforeEach(async () => {
      rig = await open()
    })
    afterEach(() => rig.close())

    let made = 0
    /** A file with these bytes, which have come under a key of their own. */
    function file(content: string, own: Partial<NewFile> = {}): NewFile {
      made += 1
      const sha256 = createHash('sha256').update(content).digest('hex')
      return {
        // Of rising times, so that later ones sort behind.
        id: newId('file', Date.now() + made),
        tenant: 'default',
        filename: 'a.txt',
        mimeType: 'text/plain',
        sizeBytes: content.length,
        sha256,
        blobKey: `${sha256}-${made}`,
        createdAt: rig.clock.now(),
        metadata: {},
        purpose: '',
        text: { state: 'none' },
        ...own,
      }
    }
    const add = (content: string, own: Partial<NewFile> = {}): Promise<StoredFile> =>
      files().add(file(content, own))
    const get = ({ tenant, id }: { tenant: string; id: string }) => files().get({ tenant, id })
    const listed = async (filter: Partial<FileFilter> = {}) =>
      (await files().list({ tenant: 'default', limit: 100, ...filter })).items.map(({ id }) => id)
    const due = async () => (await files().due(9)).map(({ key }) => key)

    it('come back as they were kept', async () => {
      const given = file('hello', {
        filename: 'Übersicht 漢字 🎉.pdf',
        metadata: { a: '1', ключ: 'ä"\'' },
        purpose: 'assistants',
        expiresAt: rig.clock.now() + 1_000,
        text: { state: 'ready', tokens: 12 },
      })
      const stored = await files().add(given)
      expect(stored).toEqual(given)
      expect(await get(given)).toEqual(given)
    })

    it('that are told twice are kept once', async () => {
      const given = file('hello')
      await files().add(given)
      expect(await files().add(given)).toEqual(given)
      expect(await listed()).toEqual([given.id])
    })

    it('of one tenant share the same bytes, which count once', async () => {
      const first = await add('same')
      const second = await add('same')
      expect(second.blobKey).toBe(first.blobKey)
      expect(await files().usedBytes('default')).toBe(4)
      expect(await files().delete(first)).toBe(true)
      expect(await due()).toEqual([])
      expect(await files().delete(second)).toBe(true)
      expect(await due()).toEqual([first.blobKey])
      expect(await files().usedBytes('default')).toBe(0)
    })

    it('of two tenants share nothing', async () => {
      const mine = await add('same')
      const theirs = await add('same', { tenant: 'other' })
      expect(theirs.blobKey).not.toBe(mine.blobKey)
      expect(await get({ tenant: 'other', id: mine.id })).toBeUndefined()
      expect(await files().delete({ tenant: 'other', id: mine.id })).toBe(false)
      expect(await get(mine)).toBeDefined()
    })

    it('that come again while their bytes are due get new bytes', async () => {
      const first = await add('again')
      await files().delete(first)
      const second = await add('again')
      expect(second.blobKey).not.toBe(first.blobKey)
      expect(await files().forget(first.blobKey)).toBe(true)
      expect(await get(second)).toEqual(second)
      expect(await due()).toEqual([])
    })

    it('beyond the quota are refused, and nothing is kept; known bytes are free', async () => {
      await add('12345', { quotaBytes: 8 })
      await expect(add('6789', { quotaBytes: 8 })).rejects.toMatchObject({ reason: 'STORAGE_FULL' })
      expect((await listed()).length).toBe(1)
      await add('678', { quotaBytes: 8 })
      await add('12345', { quotaBytes: 8 })
      expect(await files().usedBytes('default')).toBe(8)
    })

    it('expire, and are deleted then', async () => {
      const soon = await add('soon', { expiresAt: rig.clock.now() + 1_000 })
      const late = await add('late', { expiresAt: rig.clock.now() + 1_001 })
      rig.clock.pass(1_000)
      expect(await get(soon)).toBeUndefined()
      expect(await listed()).toEqual([late.id])
      const { tenant, id, mimeType, sizeBytes } = soon
      expect(await files().expire(9)).toEqual([{ tenant, id, mimeType, sizeBytes }])
      expect(await files().expire(9)).toEqual([])
      expect(await due()).toEqual([soon.blobKey])
    })

    it('are listed page by page, the newest first', async () => {
      const ids: string[] = []
      for (const content of ['a', 'b', 'c']) ids.unshift((await add(content)).id)
      const first = await files().list({ tenant: 'default', limit: 2 })
      const second = await files().list({ tenant: 'default', limit: 2, after: first.next ?? '' })
      expect([first.items.map(({ id }) => id), second.items.map(({ id }) => id)]).toEqual([
        ids.slice(0, 2),
        ids.slice(2),
      ])
      expect([first.next, second.next]).toEqual([ids[1], undefined])
    })

    it('are found by each filter, and by all together', async () => {
      const image = await add('i', { filename: 'ÄRGER_100%.PNG', mimeType: 'image/png', purpose: 'vision' })
      rig.clock.pass(1_000)
      const labelled = await add('l', { metadata: { env: 'prod', team: 'x' } })
      await add('n', { mimeType: 'imagery/x' })
      const only = async (filter: Partial<FileFilter>, expected: StoredFile) =>
        expect(await listed(filter)).toEqual([expected.id])
      await only({ filenameContains: 'ärger' }, image)
      await only({ filenameContains: '100%' }, image)
      await only({ mimeType: 'image/png' }, image)
      await only({ mimeType: 'image/*' }, image)
      await only({ purpose: 'vision' }, image)
      await only({ sha256: image.sha256 }, image)
      await only({ metadata: { env: 'prod' } }, labelled)
      await only({ metadata: { team: 'x', env: 'prod' } }, labelled)
      await only({ createdBefore: rig.clock.now() }, image)
      expect(await listed({ createdFrom: rig.clock.now() })).toHaveLength(2)
      await only({ createdFrom: rig.clock.now(), metadata: { env: 'prod' }, purpose: '' }, labelled)
      expect(await listed({ metadata: { env: 'prod', team: 'y' } })).toEqual([])
      expect(await listed({ filenameContains: '_%' })).toEqual([])
    })

    it('share what was read of their bytes', async () => {
      const first = await add('t', { text: { state: 'pending' } })
      expect(await files().unread(9)).toEqual([{ blobKey: first.blobKey, mimeType: 'text/plain' }])
      await files().putText(first.blobKey, { state: 'ready', tokens: 3, text: 'the text 漢' })
      const second = await add('t', { text: { state: 'pending' } })
      expect(second.text).toEqual({ state: 'ready', tokens: 3 })
      expect(await files().text(second)).toBe('the text 漢')
      expect(await files().text({ tenant: 'other', id: second.id })).toBeUndefined()
      expect(await files().unread(9)).toEqual([])
    })

    it('say when their text could not be read', async () => {
      const one = await add('t', { text: { state: 'pending' } })
      await files().putText(one.blobKey, { state: 'failed' })
      expect(await get(one)).toMatchObject({ text: { state: 'failed' } })
      expect(await files().text(one)).toBeUndefined()
    })

    it('name the bytes that nobody has heard of', async () => {
      const one = await add('x')
      expect(await files().unknown([one.blobKey, 'stray'])).toEqual(['stray'])
    })

    describe('and their copies at providers', () => {
      const key = (blobKey: string, account = 'k1') => ({ blobKey, provider: 'p', account })
      const claim = (blobKey: string, account?: string) => files().claimCopy(key(blobKey, account), 5_000)

      it('are made by one caller, once per account', async () => {
        const { blobKey } = await add('c')
        expect(await claim(blobKey)).toEqual({ state: 'ours' })
        expect(await claim(blobKey)).toEqual({ state: 'busy', until: rig.clock.now() + 5_000 })
        expect(await claim(blobKey, 'k2')).toEqual({ state: 'ours' })
        await files().keepCopy(key(blobKey), { remoteId: 'r1' })
        expect(await claim(blobKey)).toEqual({ state: 'ready', remoteId: 'r1' })
      })

      it('are made by somebody else when their maker does not come back, and again when they are lost', async () => {
        const { blobKey } = await add('c')
        await claim(blobKey)
        rig.clock.pass(5_000)
        expect(await claim(blobKey)).toEqual({ state: 'ours' })
        await files().keepCopy(key(blobKey), { remoteId: 'r', expiresAt: rig.clock.now() + 100 })
        expect(await claim(blobKey)).toMatchObject({ state: 'ready' })
        rig.clock.pass(100)
        expect(await claim(blobKey)).toEqual({ state: 'ours' })
        await files().dropCopy(key(blobKey))
        expect(await claim(blobKey)).toEqual({ state: 'ours' })
      })

      it('have to go before the bytes are forgotten', async () => {
        const one = await add('c')
        await claim(one.blobKey)
        await files().keepCopy(key(one.blobKey), { remoteId: 'r1' })
        await files().delete(one)
        expect(await claim(one.blobKey, 'k2')).toEqual({ state: 'gone' })
        expect(await files().due(9)).toEqual([
          { key: one.blobKey, copies: [{ provider: 'p', account: 'k1', remoteId: 'r1' }] },
        ])
        expect(await files().forget(one.blobKey)).toBe(false)
        await files().dropCopy(key(one.blobKey))
        expect([await files().forget(one.blobKey), await files().forget(one.blobKey)]).toEqual([true, false])
      })

      it('that are finished after the file was deleted are due as well', async () => {
        const one = await add('c')
        await claim(one.blobKey)
        await files().delete(one)
        expect(await files().forget(one.blobKey)).toBe(false)
        await files().keepCopy(key(one.blobKey), { remoteId: 'late' })
        expect((await files().due(9))[0]?.copies).toEqual([
          { provider: 'p', account: 'k1', remoteId: 'late' },
        ])
      })

      it('are found by the accounts that have them, those with the most first', async () => {
        const [one, two, gone] = [await add('one'), await add('two'), await add('gone')]
        const all = [one.blobKey, two.blobKey, gone.blobKey, 'never heard of']
        const keep = async (blobKey: string, account: string, own: { readonly expiresAt?: number } = {}) => {
          await claim(blobKey, account)
          await files().keepCopy(key(blobKey, account), { remoteId: `${account}-${blobKey}`, ...own })
        }
        await keep(one.blobKey, 'a-few')
        await keep(one.blobKey, 'z-most')
        await keep(two.blobKey, 'z-most', { expiresAt: rig.clock.now() + 100 })
        await keep(gone.blobKey, 'deleted')
        await claim(two.blobKey, 'being-made')
        await files().delete(gone)
        expect(await files().owners('p', all)).toEqual(['z-most', 'a-few'])
        expect(await files().owners('p', [two.blobKey])).toEqual(['z-most'])
        expect(await files().owners('another', all)).toEqual([])
        expect(await files().owners('p', [])).toEqual([])
        rig.clock.pass(100)
        expect(await files().owners('p', [two.blobKey])).toEqual([])
        await files().dropCopy(key(one.blobKey, 'z-most'))
        expect(await files().owners('p', all)).toEqual(['a-few'])
      })

      it('that were never finished hold the bytes until their lease ends', async () => {
        const one = await add('c')
        await claim(one.blobKey)
        await files().delete(one)
        rig.clock.pass(5_000)
        expect(await files().forget(one.blobKey)).toBe(true)
      })
    })

    it.each([1, 2, 3])('hold exactly the bytes that they need, whatever is done (seed %i)', async seed => {
      const chance = createChance(seed)
      const live = new Map<string, StoredFile>()
      for (let step = 0; step < 150; step += 1) {
        const tenant = chance.oneOf(['a', 'b'])
        const all = [...live.values()]
        const one = all[chance.below(all.length * 2)]
        if (one !== undefined) {
          expect(await files().delete({ tenant, id: one.id })).toBe(one.tenant === tenant)
          if (one.tenant === tenant) live.delete(one.id)
        } else {
          const stored = await add('x'.repeat(1 + chance.below(5)), { tenant })
          live.set(stored.id, stored)
        }
        if (chance.below(4) === 0) for (const { key } of await files().due(9)) await files().forget(key)
        const needed = new Set([...live.values()].map(({ blobKey }) => blobKey))
        expect((await due()).filter(key => needed.has(key))).toEqual([])
        expect(await files().unknown([...needed])).toEqual([])
        for (const name of ['a', 'b']) {
          const sizes = new Map(
            [...live.values()].filter(f => f.tenant === name).map(f => [f.sha256, f.sizeBytes]),
          )
          const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
          expect(await files().usedBytes(name)).toBe(bytes)
        }
      }
    })
  })
}
