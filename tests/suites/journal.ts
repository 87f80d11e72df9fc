// The contract that every journal keeps, seen through the ports that read what it wrote.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import { kept, line, type OpenRig, type StorePorts, type StoreRig, settled } from '../support/store-rig.ts'

const everything = { groupBy: [], from: 0, until: 10_000, models: [], providers: [], keys: [] } as const

/** Tests a journal together with the ledger, the conversations and the marks that it writes. */
export function journalSuite(name: string, open: OpenRig): void {
  describe(`${name}: a settlement`, () => {
    let rig: StoreRig
    const ports = (): StorePorts => rig.ports()
    beforeEach(async () => {
      rig = await open()
    })
    afterEach(() => rig.close())

    const total = () => ports().usage.total(everything)
    const sumsByModel = async () =>
      (await ports().usage.sums({ ...everything, groupBy: ['model'], limit: 10 })).items

    /** One with everything in it. */
    async function whole(): Promise<{ settlement: Settlement; conversationId: string }> {
      const conversationId = newId('conv', Date.now())
      const settlement = settled({
        answeredBy: { provider: 'p', model: 'm' },
        ledger: [line('p', 'm', { nanoUsd: 7n })],
        turn: { conversationId, isNew: true, messages: [kept('user', 'hello'), kept('assistant', 'hi')] },
        ending: { type: 'kept', body: Buffer.from('answer'), expiresAt: rig.clock.now() + 1_000 },
      })
      await ports().marks.begin(markOf(settlement, rig.clock.now()))
      return { settlement, conversationId }
    }

    it('keeps the ledger, the turn and the end of the mark at once', async () => {
      const { settlement, conversationId } = await whole()
      await ports().journal.commit(settlement)
      expect(await total()).toMatchObject({ requests: 1, nanoUsd: 7n, inputTokens: 10n })
      const history = await ports().conversations.history({
        tenant: 'default',
        id: conversationId,
        before: 3,
        limit: 5,
        maxBytes: 1_000,
      })
      expect(history.map(({ role, place }) => [role, place])).toEqual([
        ['assistant', 2],
        ['user', 1],
      ])
      expect(await ports().marks.byResponse('default', settlement.responseId)).toMatchObject({
        state: 'ended',
      })
    })

    it('that is committed again changes nothing', async () => {
      const { settlement, conversationId } = await whole()
      await ports().journal.commit(settlement)
      const before = await ports().conversations.get({ tenant: 'default', id: conversationId })
      await ports().journal.commit(settlement)
      expect(await ports().conversations.get({ tenant: 'default', id: conversationId })).toEqual(before)
      expect(await total()).toMatchObject({ requests: 1, nanoUsd: 7n })
    })

    it('books a line for each attempt that was billed', async () => {
      await ports().journal.commit(
        settled({ ledger: [line('p', 'a', { nanoUsd: 5n }), line('p', 'b', { nanoUsd: 3n })] }),
      )
      expect((await sumsByModel()).map(({ model, nanoUsd }) => [model, nanoUsd])).toEqual([
        ['a', 5n],
        ['b', 3n],
      ])
      expect(await total()).toMatchObject({ requests: 1, nanoUsd: 8n })
    })

    it('without lines books its own usage and cost for who answered', async () => {
      const { usage, cost } = line('p', 'm', { nanoUsd: 9n, tokens: 20 })
      await ports().journal.commit(
        settled({
          answeredBy: { provider: 'p', model: 'm' },
          ...(usage && { usage }),
          ...(cost && { cost }),
        }),
      )
      expect(await sumsByModel()).toMatchObject([
        { model: 'm', inputTokens: 20n, cachedInputTokens: 1n, cacheWriteTokens: 2n, nanoUsd: 9n },
      ])
    })

    it('of a call that nobody answered counts as a call that failed and cost nothing', async () => {
      await ports().journal.commit(settled({ outcome: { type: 'failed', reason: 'NO_CANDIDATE' } }))
      expect(await total()).toMatchObject({
        requests: 1,
        errors: 1,
        nanoUsd: 0n,
        unknownCost: 0,
        estimated: 0,
      })
    })

    it('whose conversation was deleted meanwhile is kept without its turn', async () => {
      const { settlement, conversationId } = await whole()
      await ports().journal.commit(settlement)
      await ports().conversations.delete({ tenant: 'default', id: conversationId })
      await ports().journal.commit(
        settled({
          ledger: [line('p', 'm', { nanoUsd: 1n })],
          turn: { conversationId, isNew: false, messages: [kept('user', 'too late')] },
        }),
      )
      expect(await ports().conversations.get({ tenant: 'default', id: conversationId })).toBeUndefined()
      expect(await total()).toMatchObject({ requests: 2, nanoUsd: 8n })
    })

    it('adds nothing to the conversation of another tenant', async () => {
      const { settlement, conversationId } = await whole()
      await ports().journal.commit(settlement)
      await ports().journal.commit(
        settled({
          caller: { tenant: 'other', subject: '', scopes: [] },
          turn: { conversationId, isNew: false, messages: [kept('user', 'intruder')] },
        }),
      )
      const conversation = await ports().conversations.get({ tenant: 'default', id: conversationId })
      expect(conversation).toMatchObject({ messageCount: 2, version: 1 })
      expect(await ports().conversations.get({ tenant: 'other', id: conversationId })).toBeUndefined()
    })
  })

  describe(`${name}: a mark`, () => {
    let rig: StoreRig
    const marks = () => rig.ports().marks
    beforeEach(async () => {
      rig = await open()
    })
    afterEach(() => rig.close())

    it('is set once for a key, and a second call meets the first one', async () => {
      const first = markOf(settled(), rig.clock.now(), 'k')
      expect(await marks().begin(first)).toBeUndefined()
      expect(await marks().begin({ ...markOf(settled(), rig.clock.now(), 'k'), fingerprint: 'f2' })).toEqual({
        ...first,
        state: 'running',
      })
      expect(await marks().byKey('default', 'k')).toMatchObject({ responseId: first.responseId })
    })

    it('belongs to its tenant', async () => {
      const first = markOf(settled(), rig.clock.now(), 'k')
      await marks().begin(first)
      const other = { ...markOf(settled(), rig.clock.now(), 'k'), tenant: 'other' }
      expect(await marks().begin(other)).toBeUndefined()
      expect(await marks().byResponse('other', first.responseId)).toBeUndefined()
      expect(await marks().byResponse('default', first.responseId)).toMatchObject({ state: 'running' })
    })

    it('without a key stands in nobody’s way', async () => {
      expect(await marks().begin(markOf(settled(), rig.clock.now()))).toBeUndefined()
      expect(await marks().begin(markOf(settled(), rig.clock.now()))).toBeUndefined()
      expect(await marks().byKey('default', '')).toBeUndefined()
    })

    it('gives the answer byte by byte after its settlement, until that expires', async () => {
      const settlement = settled()
      const body = Uint8Array.from({ length: 256 }, (_, index) => index)
      await marks().begin(markOf(settlement, rig.clock.now(), 'k'))
      const expiresAt = rig.clock.now() + 5_000
      await rig.ports().journal.commit({ ...settlement, ending: { type: 'kept', body, expiresAt } })
      const found = await marks().byKey('default', 'k')
      expect(found).toMatchObject({ state: 'ended', expiresAt })
      expect(found?.state === 'ended' && [...found.body]).toEqual([...body])
      rig.clock.pass(5_000)
      expect(await marks().byKey('default', 'k')).toBeUndefined()
    })

    it('is free again when the settlement says so, and when it has expired', async () => {
      const freed = settled()
      await marks().begin(markOf(freed, rig.clock.now(), 'a'))
      await rig.ports().journal.commit({ ...freed, ending: { type: 'freed' } })
      expect(await marks().begin(markOf(settled(), rig.clock.now(), 'a'))).toBeUndefined()
      rig.clock.pass(60_000)
      expect(await marks().begin(markOf(settled(), rig.clock.now(), 'a'))).toBeUndefined()
    })

    it('is forgotten when its call was not settled', async () => {
      const first = markOf(settled(), rig.clock.now(), 'a')
      await marks().begin(first)
      await marks().free(first.responseId)
      await marks().free(first.responseId)
      expect(await marks().byResponse('default', first.responseId)).toBeUndefined()
      expect(await marks().begin(markOf(settled(), rig.clock.now(), 'a'))).toBeUndefined()
    })

    it('is forgotten after it has expired', async () => {
      await marks().begin(markOf(settled(), rig.clock.now(), 'a'))
      await marks().begin(markOf(settled(), rig.clock.now(), 'b'))
      rig.clock.pass(60_000)
      expect([await marks().expire(1), await marks().expire(9), await marks().expire(9)]).toEqual([1, 1, 0])
    })
  })
}

function markOf({ responseId }: Settlement, now: number, key = '') {
  return { responseId, tenant: 'default', key, fingerprint: 'f', owner: 'process-1', expiresAt: now + 60_000 }
}
