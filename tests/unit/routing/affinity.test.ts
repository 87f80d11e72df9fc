// With which model a conversation is: what the chat says, what is remembered, and for how long.
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { CACHED_TOKENS_MIN, createAffinity, REMEMBERED_MS, WARM_MS } from '../../../src/routing/affinity.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const user = (text: string): JsonObject => ({ role: 'ROLE_USER', content: [{ text }] })
const said = (...content: JsonObject[]): JsonObject => ({ role: 'ROLE_ASSISTANT', content })
const thought = (provider: string, model: string, opaque = ''): JsonObject => ({
  reasoning: { text: 'hm', provider, model, opaque },
})
const sealed = Buffer.from('sealed').toString('base64')

/** Values that expire on the clock of the test. */
function rig() {
  const clock = createHandClock()
  const values = new Map<string, { readonly value: Uint8Array; readonly untilMs: number }>()
  let isBroken = false
  const broken = (): Promise<never> => Promise.reject(new Error('the store is gone'))
  const affinity = createAffinity({
    clock,
    shared: {
      async get(name) {
        if (isBroken) return broken()
        const kept = values.get(name)
        return kept !== undefined && clock.now() < kept.untilMs ? kept.value : undefined
      },
      async set(name, value, ttlMs) {
        if (isBroken) return broken()
        values.set(name, { value, untilMs: clock.now() + ttlMs })
      },
    },
  })
  const requestOf = (messages: JsonObject[], over: JsonObject = {}) =>
    fromJson(CompleteRequestSchema, { model: 'auto', messages, ...over })
  return {
    clock,
    values,
    fail: () => {
      isBroken = true
    },
    of(messages: JsonObject[], over: JsonObject = {}, tenant = 'default') {
      const request = requestOf(messages, over)
      return affinity.of(tenant, request, request.messages)
    },
    answered(
      messages: JsonObject[],
      {
        over = {},
        inputTokens = 5_000,
        model = 'm',
        ...more
      }: {
        over?: JsonObject
        inputTokens?: number
        model?: string
        conversationId?: string
      } = {},
    ) {
      const request = requestOf(messages, over)
      const who = { tenant: 'default', provider: 'one', model }
      affinity.remember({ ...who, request, messages: request.messages, inputTokens, ...more })
    },
  }
}

const first = [user('Hello!')]
const second = [user('Hello!'), said({ text: 'Hi!' }), user('And now?')]

describe('a chat without an answer in it', () => {
  it('is no conversation yet: nothing is looked up', () => {
    const { of, answered } = rig()
    answered(first)
    expect(of(first)).toBeUndefined()
  })
})

describe('what is remembered', () => {
  it('holds a conversation by its warm cache, then by half of it, and is forgotten after an hour', async () => {
    const { of, answered, clock } = rig()
    answered(second)
    const home = { provider: 'one', model: 'm' }
    expect(await of(second)).toEqual({ ...home, hold: 'warm', cachedTokens: 5_000 })
    clock.pass(WARM_MS - 1)
    expect(await of(second)).toEqual({ ...home, hold: 'warm', cachedTokens: 5_000 })
    clock.pass(1)
    expect(await of(second)).toEqual({ ...home, hold: 'loose', cachedTokens: 2_500 })
    clock.pass(REMEMBERED_MS - WARM_MS)
    expect(await of(second)).toBeUndefined()
  })

  it('of a first question, which mostly is the only one, is forgotten when its cache may be cold', async () => {
    const { of, answered, clock } = rig()
    answered(first)
    clock.pass(WARM_MS - 1)
    expect(await of(second)).toMatchObject({ hold: 'warm' })
    clock.pass(1)
    expect(await of(second)).toBeUndefined()
  })

  it('of a chat that is too short to be cached holds by the fresh answer alone', async () => {
    const { of, answered, clock } = rig()
    answered(second, { inputTokens: CACHED_TOKENS_MIN - 1 })
    expect(await of(second)).toMatchObject({ hold: 'recent', cachedTokens: 0 })
    clock.pass(WARM_MS)
    expect(await of(second)).toMatchObject({ hold: 'loose', cachedTokens: 0 })
    answered(first, { inputTokens: CACHED_TOKENS_MIN })
    expect(await of(second)).toMatchObject({ hold: 'warm', cachedTokens: CACHED_TOKENS_MIN })
  })

  it('is the last one who answered', async () => {
    const { of, answered } = rig()
    answered(first, { model: 'a' })
    answered(second, { model: 'b' })
    expect(await of(second)).toMatchObject({ model: 'b' })
  })

  it('belongs to one tenant, one end user and one beginning', async () => {
    const { of, answered } = rig()
    answered(first, { over: { user: 'ann' } })
    expect(await of(second, { user: 'ann' })).toBeDefined()
    expect(await of(second, { user: 'ann' }, 'other')).toBeUndefined()
    expect(await of(second, { user: 'bob' })).toBeUndefined()
    expect(
      await of([user('Hello?'), said({ text: 'Hi!' }), user('And now?')], { user: 'ann' }),
    ).toBeUndefined()
    const system: JsonObject = { role: 'ROLE_SYSTEM', content: [{ text: 'Be kind.' }] }
    expect(await of([system, ...second], { user: 'ann' })).toBeUndefined()
  })

  it('goes by the key of the prompt where there is one, and by the id of the conversation before that', async () => {
    const { of, answered } = rig()
    answered([user('What?')], { over: { promptCacheKey: 'bot' } })
    expect(await of(second, { promptCacheKey: 'bot' })).toBeDefined()
    expect(await of(second, { promptCacheKey: 'other' })).toBeUndefined()
    answered([user('What?')], { over: { conversationId: 'new' }, conversationId: 'conv_1', model: 'c' })
    expect(await of([user('More')], { conversationId: 'conv_1' })).toMatchObject({ model: 'c' })
    expect(await of([user('More')], { conversationId: 'conv_2' })).toBeUndefined()
    expect(await of([user('More')], { conversationId: 'new' })).toBeUndefined()
  })

  it('never holds a word of the chat', () => {
    const { answered, values } = rig()
    answered([user('my secret')], { over: { promptCacheKey: 'a secret key' } })
    answered([user('my secret')])
    const kept = [...values].map(([name, { value }]) => name + Buffer.from(value).toString()).join()
    expect(kept).not.toContain('secret')
    expect([...values.keys()].every(name => name.startsWith('affinity:default:'))).toBe(true)
  })

  it('is nothing where the store fails, or holds what is none', async () => {
    const { of, answered, values, fail } = rig()
    answered(first)
    for (const name of values.keys())
      for (const text of ['no json', '{}', 'null', '{"provider":1}'])
        values.set(name, { value: Buffer.from(text), untilMs: Number.POSITIVE_INFINITY })
    expect(await of(second)).toBeUndefined()
    fail()
    answered(first)
    expect(await of(second)).toBeUndefined()
  })
})

describe('sealed reasoning', () => {
  const signed = [user('Hello!'), said(thought('one', 'm', sealed), { text: 'Hi!' }), user('And now?')]

  it('in the last answer holds at once, without a look into memory', () => {
    const { of } = rig()
    expect(of(signed)).toEqual({ provider: 'one', model: 'm', hold: 'signed', cachedTokens: 0 })
  })

  it('in the middle of a tool loop holds as well', () => {
    const call: JsonObject = { toolCall: { callId: 'c', name: 'look', arguments: '{}' } }
    const result: JsonObject = {
      role: 'ROLE_TOOL',
      content: [{ toolResult: { callId: 'c', content: [{ text: 'ok' }] } }],
    }
    const loop = [user('Look!'), said(thought('two', 'x', sealed), call), result]
    expect(rig().of(loop)).toMatchObject({ provider: 'two', hold: 'signed' })
  })

  it('of an earlier answer holds, unless memory knows that somebody else has spoken since', async () => {
    const { of, answered } = rig()
    const later = [...signed, said({ text: 'Now.' }), user('And then?')]
    expect(await of(later)).toMatchObject({ model: 'm', hold: 'signed' })
    answered(signed, { model: 'm' })
    expect(await of(later)).toMatchObject({ model: 'm', hold: 'signed', cachedTokens: 5_000 })
    answered(signed, { model: 'n' })
    expect(await of(later)).toMatchObject({ model: 'n', hold: 'warm' })
  })

  it('without an owner says nothing', async () => {
    const { of } = rig()
    expect(await of([user('Hello!'), said(thought('', '', sealed)), user('And now?')])).toBeUndefined()
  })
})

describe('open reasoning', () => {
  const open = [user('Hello!'), said(thought('one', 'm'), { text: 'Hi!' }), user('And now?')]

  it('names who spoke last where nobody remembers, and holds by habit alone', async () => {
    const { of } = rig()
    expect(await of(open)).toEqual({ provider: 'one', model: 'm', hold: 'loose', cachedTokens: 0 })
  })

  it('is right about the last answer, and memory tells how long ago it was', async () => {
    const { of, answered } = rig()
    answered(first, { model: 'm' })
    expect(await of(open)).toMatchObject({ model: 'm', hold: 'warm' })
    answered(first, { model: 'n' })
    expect(await of(open)).toMatchObject({ model: 'm', hold: 'loose', cachedTokens: 0 })
  })
})
