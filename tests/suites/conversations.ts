// The contract that every store of conversations keeps.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Conversation, PlacedMessage } from '../../src/core/conversations.ts'
import { newId, uuidv7 } from '../../src/core/ids.ts'
import type { KeptMessage, Turn } from '../../src/core/settlement.ts'
import { createChance } from '../support/seeded.ts'
import { kept, type OpenRig, type StoreRig, settled } from '../support/store-rig.ts'

/** Tests a store of conversations. */
export function conversationsSuite(name: string, open: OpenRig): void {
  describe(`${name}: conversations`, () => {
    let rig: StoreRig
    beforeEach(async () => {
      rig = await open()
    })
    afterEach(() => rig.close())

    let ids = 0
    // Of rising times, so that later ones sort behind.
    const freshId = (): string => newId('conv', Date.now() + ids++)
    const append = (turn: Turn, tenant = 'default') =>
      rig.ports().journal.commit(
        settled({
          caller: { tenant, subject: '', scopes: [] },
          answeredBy: { provider: 'p', model: 'm' },
          turn,
        }),
      )
    const begin = async (own: Partial<Turn> = {}, tenant = 'default'): Promise<string> => {
      const conversationId = freshId()
      await append({ conversationId, isNew: true, messages: [kept('user', 'hello')], ...own }, tenant)
      return conversationId
    }
    const get = (id: string, tenant = 'default'): Promise<Conversation | undefined> =>
      rig.ports().conversations.get({ tenant, id })
    const history = (
      id: string,
      own: { before?: number; limit?: number; maxBytes?: number; tenant?: string } = {},
    ): Promise<readonly PlacedMessage[]> =>
      rig
        .ports()
        .conversations.history({ tenant: 'default', id, before: 1e9, limit: 1_000, maxBytes: 1e9, ...own })

    it('begin with their first turn and tell who answered', async () => {
      const id = await begin()
      expect(await get(id)).toEqual({
        id,
        createdAt: rig.clock.now(),
        updatedAt: rig.clock.now(),
        messageCount: 1,
        lastPlace: 1,
        provider: 'p',
        model: 'm',
        version: 1,
        system: [],
      })
    })

    it('grow by turns, in the order in which those are committed', async () => {
      const id = await begin()
      rig.clock.pass(1_000)
      await append({
        conversationId: id,
        isNew: false,
        messages: [kept('assistant', 'b'), kept('user', 'c')],
      })
      expect(await get(id)).toMatchObject({
        messageCount: 3,
        lastPlace: 3,
        version: 2,
        updatedAt: rig.clock.now(),
      })
      expect((await history(id)).map(({ place, role }) => [place, role])).toEqual([
        [3, 'user'],
        [2, 'assistant'],
        [1, 'user'],
      ])
    })

    it('take parallel turns whole, one after another', async () => {
      const id = await begin({ messages: [] })
      const turns = Array.from({ length: 20 }, (_, turn) =>
        [0, 1, 2].map(index => kept('user', `${turn}.${index}`)),
      )
      await Promise.all(turns.map(messages => append({ conversationId: id, isNew: false, messages })))
      const found = (await history(id)).toReversed()
      expect(found.map(({ place }) => place)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
      for (let at = 0; at < 60; at += 3) {
        const turn = turns.find(([first]) => first?.id === found[at]?.id)
        expect(found.slice(at, at + 3).map(one => one.id)).toEqual(turn?.map(one => one.id))
      }
    })

    it('give every message back as it was, in any script', async () => {
      const message = kept('user', '漢字 🎉 \u0000 \ud83d "\\ ñ', { tokens: 17 })
      const id = await begin({ messages: [message] })
      expect(await history(id)).toEqual([{ ...message, place: 1 }])
    })

    it('take times and counts with fractions, as clocks and estimates give them', async () => {
      const id = await begin({
        messages: [kept('user', 'x', { tokens: 2.5 })],
        expiresAt: rig.clock.now() + 1_000.75,
      })
      expect(await get(id)).toMatchObject({ expiresAt: rig.clock.now() + 1_000 })
      expect((await history(id))[0]?.tokens).toBe(3)
    })

    it('replace their standing instructions, which are not part of the history', async () => {
      const id = await begin({ system: [kept('system', 'old')] })
      const renewed = kept('system', 'new')
      await append({ conversationId: id, isNew: false, system: [renewed], messages: [] })
      await append({ conversationId: id, isNew: false, messages: [] })
      expect(await get(id)).toMatchObject({ system: [renewed], messageCount: 2 })
      expect((await history(id)).map(({ role }) => role)).toEqual(['user'])
    })

    it('give history below a place only, so that a call sees what was there when it began', async () => {
      const id = await begin({ messages: ['a', 'b', 'c'].map(text => kept('user', text)) })
      expect((await history(id, { before: 3, limit: 1 })).map(({ place }) => place)).toEqual([2])
      expect(await history(id, { before: 1 })).toEqual([])
    })

    it('give as much history as so many bytes hold, and at least one message', async () => {
      const id = await begin({ messages: [1, 2, 3].map(() => kept('user', 'é'.repeat(100))) })
      const bytes = Buffer.byteLength((await history(id))[0]?.json ?? '')
      const places = async (maxBytes: number) => (await history(id, { maxBytes })).map(({ place }) => place)
      expect(await places(2 * bytes)).toEqual([3, 2])
      expect(await places(2 * bytes - 1)).toEqual([3])
      expect(await places(1)).toEqual([3])
    })

    it('are listed by tenant, the newest first, page by page', async () => {
      const mine: string[] = []
      for (let count = 0; count < 5; count += 1) mine.unshift(await begin())
      await begin({}, 'other')
      const pages: string[][] = []
      let after: string | undefined
      do {
        const page = await rig
          .ports()
          .conversations.list({ tenant: 'default', limit: 2, ...(after === undefined ? {} : { after }) })
        pages.push(page.items.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      expect(pages).toEqual([mine.slice(0, 2), mine.slice(2, 4), mine.slice(4)])
    })

    it('end the list with a page that is exactly full', async () => {
      await begin()
      await begin()
      const page = await rig.ports().conversations.list({ tenant: 'default', limit: 2 })
      expect([page.items.length, page.next]).toEqual([2, undefined])
    })

    it('of another tenant are not there', async () => {
      const id = await begin()
      expect(await get(id, 'other')).toBeUndefined()
      expect(await history(id, { tenant: 'other' })).toEqual([])
      expect(await rig.ports().conversations.delete({ tenant: 'other', id })).toBe(false)
      expect(await get(id)).toBeDefined()
    })

    it('are gone for good once deleted', async () => {
      const id = await begin({ system: [kept('system', 's')] })
      expect(await rig.ports().conversations.delete({ tenant: 'default', id })).toBe(true)
      expect(await rig.ports().conversations.delete({ tenant: 'default', id })).toBe(false)
      expect([await get(id), await history(id)]).toEqual([undefined, []])
      expect((await rig.ports().conversations.list({ tenant: 'default', limit: 9 })).items).toEqual([])
    })

    it('are found by a message that they hold, by their tenant only', async () => {
      const [first, second] = [kept('user', 'a'), kept('assistant', 'b')]
      const id = await begin({ messages: [first, second] })
      await begin()
      const holding = (messageId: string, tenant = 'default') =>
        rig.ports().conversations.holding({ tenant, messageId })
      expect([await holding(first.id), await holding(second.id)]).toEqual([id, id])
      expect(await holding(first.id, 'other')).toBeUndefined()
      expect([await holding(uuidv7(1)), await holding(`x'`), await holding('')]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
    })

    it('expire, and a later turn may move that moment', async () => {
      const soon = await begin({ expiresAt: rig.clock.now() + 1_000 })
      const moved = await begin({ expiresAt: rig.clock.now() + 1_000 })
      await append({
        conversationId: moved,
        isNew: false,
        messages: [],
        expiresAt: rig.clock.now() + 9_000,
      })
      rig.clock.pass(1_000)
      expect([await get(soon), await history(soon)]).toEqual([undefined, []])
      expect(await get(moved)).toMatchObject({ expiresAt: rig.clock.now() + 8_000 })
      const listed = await rig.ports().conversations.list({ tenant: 'default', limit: 9 })
      expect(listed.items.map(({ id }) => id)).toEqual([moved])
      expect(await rig.ports().conversations.delete({ tenant: 'default', id: soon })).toBe(false)
      expect([await rig.ports().conversations.expire(9), await rig.ports().conversations.expire(9)]).toEqual([
        1, 0,
      ])
      expect(await get(moved)).toBeDefined()
    })

    it('keep the moment of their expiry through a turn that does not say one', async () => {
      const expiresAt = rig.clock.now() + 1_000
      const id = await begin({ expiresAt })
      rig.clock.pass(999)
      await append({ conversationId: id, isNew: false, messages: [kept('user', 'b')] })
      expect(await get(id)).toMatchObject({ expiresAt, messageCount: 2 })
      rig.clock.pass(1)
      expect(await get(id)).toBeUndefined()
    })

    it('take the turn of a call that began before they expired', async () => {
      const id = await begin({ expiresAt: rig.clock.now() + 1_000 })
      rig.clock.pass(1_500)
      expect(await get(id)).toBeUndefined()
      const later = rig.clock.now() + 1_000
      await append({
        conversationId: id,
        isNew: false,
        messages: [kept('assistant', 'b')],
        expiresAt: later,
      })
      expect(await get(id)).toMatchObject({ expiresAt: later, messageCount: 2 })
      expect(await history(id)).toHaveLength(2)
    })

    it.each([1, 2, 3])('are what a list of messages would be, whatever is done (seed %i)', async seed => {
      await playRandomly(rig, seed, { append, get, history, freshId })
    })
  })
}

interface Actions {
  append(turn: Turn, tenant?: string): Promise<void>
  get(id: string, tenant?: string): Promise<Conversation | undefined>
  history(
    id: string,
    own?: { before?: number; limit?: number; tenant?: string },
  ): Promise<readonly PlacedMessage[]>
  freshId(): string
}

/** Does by chance what callers do, and compares with a plain map after each step. */
async function playRandomly(rig: StoreRig, seed: number, actions: Actions): Promise<void> {
  const chance = createChance(seed)
  const model = new Map<string, { tenant: string; messages: KeptMessage[] }>()
  const known: string[] = []
  for (let step = 0; step < 120; step += 1) {
    const id = known[chance.below(known.length + 1)] ?? actions.freshId()
    const tenant = chance.oneOf(['a', 'b'])
    const there = model.get(id)
    const isMine = there?.tenant === tenant
    if (chance.below(6) === 0) {
      expect(await rig.ports().conversations.delete({ tenant, id })).toBe(isMine)
      if (isMine) model.delete(id)
    } else {
      const messages = Array.from({ length: chance.below(4) }, (_, index) => kept('user', `${step}.${index}`))
      const isNew = !known.includes(id)
      await actions.append({ conversationId: id, isNew, messages }, tenant)
      if (isNew) model.set(id, { tenant, messages: [...messages] })
      else if (isMine) there.messages.push(...messages)
    }
    if (!known.includes(id) && model.has(id)) known.push(id)
    const expected = model.get(id)
    const limit = 1 + chance.below(8)
    const found = await actions.history(id, { tenant, limit })
    const mine = expected?.tenant === tenant ? expected.messages : []
    expect(found.map(one => one.id)).toEqual(
      mine
        .toReversed()
        .slice(0, limit)
        .map(one => one.id),
    )
    expect((await actions.get(id, tenant))?.messageCount).toBe(
      expected?.tenant === tenant ? mine.length : undefined,
    )
  }
  for (const tenant of ['a', 'b']) {
    const listed = await rig.ports().conversations.list({ tenant, limit: 500 })
    const expected = [...model].filter(([, one]) => one.tenant === tenant).map(([id]) => id)
    expect(listed.items.map(({ id }) => id)).toEqual(expected.toSorted().toReversed())
  }
}
