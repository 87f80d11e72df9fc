// Conversations through the orchestrator and the embedded store: what a model is given, what is kept, and what is told.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, type Message, Role } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { createOwnConversations } from '../../../src/chat/conversations.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { newId } from '../../../src/core/ids.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { openSqliteStore, type SqliteStore } from '../../../src/stores/sqlite/store.ts'
import { collectEvents, createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import { keepingLog } from '../../support/store-rig.ts'
import { createTestCall } from '../../support/test-call.ts'

const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
let store: SqliteStore
beforeAll(async () => {
  store = await openSqliteStore({ path: ':memory:', outbox: false, clock: systemClock, log: keepingLog() })
})
afterAll(() => store.close())

const cut = new GatewayError('UPSTREAM_BROKEN', 'cut')

/** A service whose one model answers by these scripts, one after another. */
function setUp(scripts: readonly (readonly Step[])[], contextWindow?: number) {
  const provider = createScriptedProvider('one', scripts)
  const entry = assumedEntry('one', 'one-model')
  const rig = createCompletionRig(
    [{ ...provider, models: [{ ...entry, contextWindow, maxOutputTokens: 20 }] }],
    { journal: store.journal, conversations: store.conversations },
  )
  const complete = (text: string, over: Parameters<typeof ask>[1] = {}, tenant?: string) =>
    rig.complete(createTestCall(tenant).call, ask(text, over))
  return { provider, rig, complete }
}

const own = () => createOwnConversations(store.conversations, store.marks, { shared, clock: systemClock })
const kept = async (conversationId: string, tenant?: string) => {
  const { messages = [] } = await own().get(createTestCall(tenant).call, { conversationId })
  return messages
}
const ROLES = ['UNSPECIFIED', 'SYSTEM', 'USER', 'ASSISTANT', 'TOOL'] as const
const textsOf = (messages: readonly Partial<Message>[]) =>
  messages.map(({ role, content = [] }) => [
    ROLES[role ?? 0],
    content.map(({ kind }) => (kind.case === 'text' ? kind.value : kind.case)).join(' '),
  ])
const given = (asked: readonly { readonly messages: readonly Message[] }[]) =>
  asked.map(({ messages }) => textsOf(messages).map(([, text]) => text))
const said = (role: Role, text: string): CompleteRequest['messages'][number] =>
  ({ role, content: [{ kind: { case: 'text', value: text } }] }) as Message

async function begun(answer = 'first answer') {
  const { complete } = setUp([saying(answer)])
  const { conversationId = '' } = await complete('first', { conversationId: 'new' })
  return conversationId
}

describe('a conversation', () => {
  it('is begun by new, gone on with by its id, and only what is new is sent by the caller', async () => {
    const { provider, complete } = setUp([saying('one'), saying('two'), saying('three')])
    const first = await complete('a', { conversationId: 'new' })
    expect(first.conversationId).toMatch(/^conv_[0-9a-f-]{36}$/)
    const conversationId = first.conversationId ?? ''
    expect((await complete('b', { conversationId })).conversationId).toBe(conversationId)
    await complete('c', { conversationId })
    expect(given(provider.asked)).toEqual([['a'], ['a', 'one', 'b'], ['a', 'one', 'b', 'two', 'c']])
    expect(textsOf((await kept(conversationId)) as Message[])).toEqual([
      ['USER', 'a'],
      ['ASSISTANT', 'one'],
      ['USER', 'b'],
      ['ASSISTANT', 'two'],
      ['USER', 'c'],
      ['ASSISTANT', 'three'],
    ])
  })

  it('is not kept without an id', async () => {
    const { complete } = setUp([saying('one')])
    const { conversations: before } = await own().list(createTestCall().call, {
      pageSize: 500,
      pageToken: '',
    })
    expect((await complete('a')).conversationId).toBe('')
    const { conversations } = await own().list(createTestCall().call, { pageSize: 500, pageToken: '' })
    expect(conversations).toEqual(before)
  })

  it('takes a system message as its standing instructions, which a later one replaces', async () => {
    const { provider, complete } = setUp([saying('1'), saying('2'), saying('3')])
    const { conversationId = '' } = await complete('', {
      conversationId: 'new',
      messages: [said(Role.SYSTEM, 'be short'), said(Role.USER, 'a')],
    })
    await complete('b', { conversationId })
    await complete('', { conversationId, messages: [said(Role.SYSTEM, 'be long'), said(Role.USER, 'c')] })
    expect(given(provider.asked).map(texts => texts[0])).toEqual(['be short', 'be short', 'be long'])
    const messages = textsOf((await kept(conversationId)) as Message[])
    expect(messages.filter(([role]) => role === 'SYSTEM')).toEqual([['SYSTEM', 'be long']])
    expect(messages).toHaveLength(7)
  })

  it.each(['conv_1', 'old', 'conv_../x', newId('conv', Date.now())])(
    'that is not there is CONVERSATION_NOT_FOUND: %s',
    async conversationId => {
      const { provider, complete } = setUp([saying('one')])
      await expect(complete('a', { conversationId })).rejects.toMatchObject({
        reason: 'CONVERSATION_NOT_FOUND',
      })
      expect(provider.asked).toEqual([])
    },
  )

  it('of another tenant is as if it had never been, for every question', async () => {
    const conversationId = await begun()
    const { complete } = setUp([saying('one')])
    const { call } = createTestCall('other')
    const missing = { reason: 'CONVERSATION_NOT_FOUND' }
    await expect(complete('a', { conversationId }, 'other')).rejects.toMatchObject(missing)
    await expect(own().get(call, { conversationId })).rejects.toMatchObject(missing)
    await expect(own().delete(call, { conversationId })).rejects.toMatchObject(missing)
    expect(await own().list(call, { pageSize: 0, pageToken: '' })).toMatchObject({ conversations: [] })
    expect(await kept(conversationId)).toHaveLength(2)
  })

  it('that is deleted is gone for good', async () => {
    const conversationId = await begun()
    expect(await own().delete(createTestCall().call, { conversationId })).toEqual({})
    const missing = { reason: 'CONVERSATION_NOT_FOUND' }
    await expect(kept(conversationId)).rejects.toMatchObject(missing)
    await expect(own().delete(createTestCall().call, { conversationId })).rejects.toMatchObject(missing)
    await expect(setUp([saying('x')]).complete('b', { conversationId })).rejects.toMatchObject(missing)
  })
})

describe('what is kept of a call', () => {
  it('that broke is its partial answer', async () => {
    const conversationId = await begun()
    const { complete } = setUp([[[{ type: 'text', text: 'half' }], cut]])
    await expect(complete('b', { conversationId })).rejects.toMatchObject({ reason: 'UPSTREAM_BROKEN' })
    const messages = await kept(conversationId)
    expect(messages.map(({ partial }) => partial)).toEqual([false, false, false, true])
    expect(textsOf(messages as Message[]).at(-1)).toEqual(['ASSISTANT', 'half'])
  })

  it('that was left by its reader is its partial answer, too', async () => {
    const conversationId = await begun()
    const { rig } = setUp([[[{ type: 'text', text: 'half' }], 'silence']])
    for await (const { event } of rig.stream(createTestCall().call, ask('b', { conversationId })))
      if (event?.case === 'textDelta') break
    expect((await kept(conversationId)).at(-1)).toMatchObject({ partial: true })
  })

  it('without any output is nothing', async () => {
    const conversationId = await begun()
    const { complete } = setUp([[new GatewayError('UPSTREAM_UNAVAILABLE', 'down')]])
    await expect(complete('b', { conversationId })).rejects.toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    expect(await kept(conversationId)).toHaveLength(2)
  })

  it('is the same for a stream, whose last event names the conversation', async () => {
    const conversationId = await begun()
    const { rig } = setUp([saying('streamed')])
    const events = await collectEvents(rig.stream(createTestCall().call, ask('b', { conversationId })))
    const last = events.at(-1)?.event
    expect(last?.case === 'completed' && last.value.response?.conversationId).toBe(conversationId)
    expect(textsOf((await kept(conversationId)) as Message[]).at(-1)).toEqual(['ASSISTANT', 'streamed'])
  })

  it('of calls at the same time is each turn whole, and each saw the history as it was when it began', async () => {
    const conversationId = await begun()
    const { provider, complete } = setUp([saying('to all')])
    await Promise.all(['p', 'q', 'r'].map(text => complete(text, { conversationId })))
    expect(given(provider.asked).map(texts => texts.slice(0, 2))).toEqual(
      Array(3).fill(['first', 'first answer']),
    )
    expect(given(provider.asked).every(texts => texts.length === 3)).toBe(true)
    const texts = textsOf((await kept(conversationId)) as Message[]).map(([, text]) => text)
    expect(texts.filter((_, index) => index % 2 === 1).slice(1)).toEqual(Array(3).fill('to all'))
    expect(texts.filter((_, index) => index % 2 === 0).toSorted()).toEqual(['first', 'p', 'q', 'r'])
  })
})

describe('a conversation that does not fit the window', () => {
  // Each turn is about 50 tokens of o200k: 40 words, the answer's one, and what is around messages.
  const words = (mark: string) => `${mark} ${Array(40).fill('one').join(' ')}`

  it('is cut at its oldest whole turns, which a warning tells; its instructions stay', async () => {
    const { provider, complete } = setUp(Array(8).fill(saying('ok')), 160)
    const { conversationId = '' } = await complete('', {
      conversationId: 'new',
      messages: [said(Role.SYSTEM, 'stay'), said(Role.USER, words('t0'))],
    })
    const warned: (readonly string[])[] = []
    for (const mark of ['t1', 't2', 't3']) {
      const { warnings = [] } = await complete(words(mark), { conversationId })
      warned.push(
        warnings.map(({ reason, message }) => `${reason === Warning_Reason.HISTORY_TRIMMED} ${message}`),
      )
    }
    const marks = given(provider.asked).map(texts =>
      texts.filter(text => text !== 'ok').map(text => text?.split(' ')[0]),
    )
    expect(marks).toEqual([
      ['stay', 't0'],
      ['stay', 't0', 't1'],
      ['stay', 't1', 't2'],
      ['stay', 't2', 't3'],
    ])
    const told = (count: number) =>
      `true the ${count} oldest messages of the conversation were left out: they do not fit one-model`
    expect(warned).toEqual([[], [told(2)], [told(4)]])
    expect(await kept(conversationId)).toHaveLength(9)
  })

  it('is refused under strict, and when what is new does not fit by itself', async () => {
    const { complete } = setUp(Array(8).fill(saying('ok')), 160)
    const { conversationId = '' } = await complete(words('t0'), { conversationId: 'new' })
    for (const mark of ['t1', 't2']) await complete(words(mark), { conversationId })
    const tooLong = { reason: 'CONTEXT_TOO_LONG' }
    await expect(complete(words('t3'), { conversationId, strict: true })).rejects.toMatchObject(tooLong)
    const long = Array(5).fill(words('t2')).join(' ')
    await expect(complete(long, { conversationId })).rejects.toMatchObject(tooLong)
  })
})

describe('tool calls in a conversation', () => {
  const calling: Step = [
    { type: 'tool_call_start', callId: 'c1', name: 'look' },
    { type: 'tool_call_arguments', callId: 'c1', text: '{}' },
    { type: 'tool_call_end', callId: 'c1' },
  ]
  const ended: Step = [{ type: 'finish', reason: FinishReason.TOOL_CALLS }]
  const result = (callId: string) =>
    ({
      role: Role.TOOL,
      content: [
        {
          kind: {
            case: 'toolResult',
            value: { callId, content: [{ kind: { case: 'text', value: 'seen' } }] },
          },
        },
      ],
    }) as Message
  const tools = [{ name: 'look' }] as CompleteRequest['tools']

  it('are answered by sending the result alone', async () => {
    const { provider, complete } = setUp([[calling, ended], saying('done')])
    const { conversationId = '' } = await complete('look', { conversationId: 'new', tools })
    await complete('', { conversationId, tools, messages: [result('c1')] })
    expect(given(provider.asked).at(-1)).toEqual(['look', 'toolCall', 'toolResult'])
    expect(await kept(conversationId)).toHaveLength(4)
  })

  it('that nobody made cannot be answered, and those left unanswered are not sent again', async () => {
    const { provider, complete } = setUp([[calling, ended], saying('done')])
    const { conversationId = '' } = await complete('look', { conversationId: 'new', tools })
    await expect(complete('', { conversationId, tools, messages: [result('c2')] })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringContaining('messages[0].content[0].tool_result.call_id "c2"'),
    })
    await complete('never mind', { conversationId, tools })
    expect(given(provider.asked).at(-1)).toEqual(['look', 'never mind'])
  })
})

describe('the list of conversations', () => {
  it('is the tenant’s own in pages, those that began last first', async () => {
    const { complete } = setUp(Array(3).fill(saying('ok')))
    const ids: string[] = []
    for (const text of ['a', 'b', 'c'])
      ids.push((await complete(text, { conversationId: 'new' }, 'lister')).conversationId ?? '')
    // Of the same millisecond the later one need not have the higher id.
    ids.sort().reverse()
    const { call } = createTestCall('lister')
    const first = await own().list(call, { pageSize: 2, pageToken: '' })
    expect(first.conversations?.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(first.conversations?.[0]).toMatchObject({ messageCount: 2, provider: 'one', model: 'one-model' })
    const second = await own().list(call, { pageSize: 2, pageToken: first.nextPageToken ?? '' })
    expect(second.conversations?.map(({ id }) => id)).toEqual(ids.slice(2))
    expect(second.nextPageToken).toBe('')
    const invalid = { reason: 'INVALID_REQUEST' }
    await expect(own().list(call, { pageSize: -1, pageToken: '' })).rejects.toMatchObject(invalid)
    await expect(own().list(call, { pageSize: 2, pageToken: 'odd' })).rejects.toMatchObject(invalid)
  })
})
