// A conversation is found by its latest answer, and by no other.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOwnConversations } from '../../../src/chat/conversations.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { newId } from '../../../src/core/ids.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { openSqliteStore, type SqliteStore } from '../../../src/stores/sqlite/store.ts'
import { collectEvents, createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { keepingLog } from '../../support/store-rig.ts'
import { createTestCall } from '../../support/test-call.ts'

const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
let store: SqliteStore
beforeAll(async () => {
  store = await openSqliteStore({ path: ':memory:', outbox: false, clock: systemClock, log: keepingLog() })
})
afterAll(() => store.close())

const NOBODY = 'nobody'

function setUp() {
  const provider = createScriptedProvider('one', Array(4).fill(saying('answer')))
  const rig = createCompletionRig([provider], { journal: store.journal, conversations: store.conversations })
  const complete = (conversationId: string) =>
    rig.complete(createTestCall().call, ask('question', { conversationId }))
  const own = createOwnConversations(store.conversations, store.marks, { shared, clock: systemClock })
  const endingWith = (responseId: string, { tenant = 'default', idempotencyKey = '' } = {}) =>
    own.endingWith(createTestCall(tenant).call, { responseId, idempotencyKey })
  return { rig, own, complete, endingWith }
}

describe('the conversation of an answer', () => {
  it('is found while that is the latest one, whole or streamed', async () => {
    const { rig, complete, endingWith } = setUp()
    const first = await complete('new')
    const conversationId = first.conversationId ?? ''
    expect(await endingWith(first.id ?? '')).toBe(conversationId)
    const events = await collectEvents(rig.stream(createTestCall().call, ask('more', { conversationId })))
    const [started] = events
    const second = started?.event?.case === 'started' ? (started.event.value.responseId ?? '') : ''
    expect(await endingWith(second)).toBe(conversationId)
    await expect(endingWith(first.id ?? '')).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringContaining(`is not the latest answer of conversation ${conversationId}`),
    })
  })

  it('is found by an earlier one only for a call that repeats what came behind it', async () => {
    const { complete, endingWith } = setUp()
    const first = await complete('new')
    await complete(first.conversationId ?? '')
    const key = 'known'
    await store.marks.begin({
      responseId: newId('resp', Date.now()),
      tenant: 'default',
      key,
      fingerprint: 'f',
      owner: 'o',
      expiresAt: Date.now() + 60_000,
    })
    expect(await endingWith(first.id ?? '', { idempotencyKey: key })).toBe(first.conversationId)
    await expect(endingWith(first.id ?? '', { idempotencyKey: 'unknown' })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    })
  })

  it('is not there for another tenant, for an answer that was not kept, and once it is deleted', async () => {
    const { own, complete, endingWith } = setUp()
    const missing = { reason: 'CONVERSATION_NOT_FOUND' }
    const kept = await complete('new')
    await expect(endingWith(kept.id ?? '', { tenant: NOBODY })).rejects.toMatchObject(missing)
    const unkept = await complete('')
    for (const id of [unkept.id ?? '', 'resp_1', '', `conv_${kept.id?.slice(5)}`])
      await expect(endingWith(id)).rejects.toMatchObject(missing)
    await own.delete(createTestCall().call, { conversationId: kept.conversationId ?? '' })
    await expect(endingWith(kept.id ?? '')).rejects.toMatchObject(missing)
  })
})
