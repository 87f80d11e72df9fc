// Conversations over real processes: they go on after a restart, and what was acknowledged survives a kill.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code } from '@connectrpc/connect'
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { chatClient, failureOf, infoOf, question, readAll, speeches, textOf } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'

let upstream: Upstream
let dataDir: string
let service: Service
beforeAll(async () => {
  upstream = await startUpstream()
  return upstream.close
})
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'exai-conversations-'))
  service = await start()
})
afterEach(async () => {
  await service.stop()
  await rm(dataDir, { recursive: true, force: true })
})

const start = () =>
  startService({
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: upstream.url,
    DATA_DIR: join(dataDir, 'data'),
  })
const [speech] = speeches
const chat = () => {
  if (speech === undefined) throw new Error('there is no way to speak')
  return chatClient(speech, service.url)
}
/** What the provider was last asked: roles and texts. */
const lastAsked = () => JSON.parse(String(upstream.requests.at(-1)?.rawBody)).messages
const textsIn = async (conversationId: string) =>
  (await chat().getConversation({ conversationId })).messages.map(textOf)

describe('a conversation', () => {
  it('goes on with only what is new, and after a restart of the service, too', async () => {
    const first = await chat().complete(question(MODEL, 'first question', { conversationId: 'new' }))
    const { conversationId } = first
    const second = await chat().complete(question(MODEL, 'second question', { conversationId }))
    expect(await service.stop()).toBe(0)
    service = await start()
    const third = await chat().complete(question(MODEL, 'third question', { conversationId }))
    expect(lastAsked()).toMatchObject([
      { role: 'user', content: 'first question' },
      { role: 'assistant', content: textOf(first.message) },
      { role: 'user', content: 'second question' },
      { role: 'assistant', content: textOf(second.message) },
      { role: 'user', content: 'third question' },
    ])
    expect(await textsIn(conversationId)).toEqual([
      'first question',
      textOf(first.message),
      'second question',
      textOf(second.message),
      'third question',
      textOf(third.message),
    ])
    const { conversations } = await chat().listConversations({})
    expect(conversations).toMatchObject([
      { id: conversationId, messageCount: 6, provider: 'openai', model: 'test-model' },
    ])
  })

  it('has what was acknowledged when the process is killed right after it', async () => {
    const { conversationId, message } = await chat().complete(
      question(MODEL, 'the last words', { conversationId: 'new' }),
    )
    await service.stop('SIGKILL')
    service = await start()
    expect(await textsIn(conversationId)).toEqual(['the last words', textOf(message)])
  })

  it('has each of many acknowledged turns once when the process is killed in the middle of more', async () => {
    const { conversationId } = await chat().complete(question(MODEL, 'begin', { conversationId: 'new' }))
    const acknowledged: string[] = []
    const client = chat()
    const talk = async (from: number): Promise<void> => {
      for (let turn = from; ; turn += 4) {
        await client.complete(question(MODEL, `turn ${turn}`, { conversationId }))
        acknowledged.push(`turn ${turn}`)
        if (acknowledged.length === 20) service.signal('SIGKILL')
      }
    }
    await Promise.allSettled([0, 1, 2, 3].map(talk))
    expect(acknowledged.length).toBeGreaterThanOrEqual(20)
    await service.ended
    service = await start()
    const texts = await textsIn(conversationId)
    for (const one of acknowledged) expect(texts.filter(text => text === one)).toEqual([one])
    // Whole turns only: a question, and its answer behind it.
    expect(texts).toHaveLength(new Set(texts.filter((_, index) => index % 2 === 0)).size * 2)
  })

  it('keeps a retried call once', async () => {
    const asked = question(MODEL, 'only once', { conversationId: 'new', idempotencyKey: 'retry-1' })
    const first = await chat().complete(asked)
    const again = await chat().complete(asked)
    expect([again.replayed, again.conversationId]).toEqual([true, first.conversationId])
    expect(await textsIn(first.conversationId)).toHaveLength(2)
    expect((await chat().listConversations({})).conversations).toHaveLength(1)
    const other = { ...asked, conversationId: first.conversationId }
    expect(infoOf(await failureOf(chat().complete(other)))?.reason).toBe(ErrorReason.IDEMPOTENCY_MISMATCH)
  })

  it('keeps the part of an answer that its reader has seen', async () => {
    const { conversationId } = await chat().complete(question(MODEL, 'begin', { conversationId: 'new' }))
    const leave = new AbortController()
    const slow = '[[fault:words=200]][[fault:drip-events=20]] slowly'
    const stream = chat().streamComplete(question(MODEL, slow, { conversationId }), { signal: leave.signal })
    let seen = ''
    await failureOf(
      (async () => {
        for await (const { event } of stream) {
          if (event.case === 'textDelta') seen += event.value.text
          if (seen.length > 20) leave.abort()
        }
      })(),
    )
    await expect.poll(async () => (await chat().getConversation({ conversationId })).messages.length).toBe(4)
    const last = (await chat().getConversation({ conversationId })).messages.at(-1)
    expect(last?.partial).toBe(true)
    expect(textOf(last).startsWith(seen.slice(0, 20))).toBe(true)
  })

  it('is gone when it is deleted, also for a stream', async () => {
    const { conversationId } = await chat().complete(question(MODEL, 'begin', { conversationId: 'new' }))
    await chat().deleteConversation({ conversationId })
    const reads = [
      failureOf(chat().getConversation({ conversationId })),
      failureOf(chat().deleteConversation({ conversationId })),
      readAll(chat().streamComplete(question(MODEL, 'on', { conversationId }))).then(({ error }) => error),
    ]
    for (const error of await Promise.all(reads)) {
      expect([error?.code, infoOf(error)?.reason]).toEqual([
        Code.NotFound,
        ErrorReason.CONVERSATION_NOT_FOUND,
      ])
    }
    expect((await chat().listConversations({})).conversations).toEqual([])
  })
})

it('the folder of the data is for nobody else', async () => {
  const { mode } = await stat(join(dataDir, 'data'))
  expect(mode & 0o777).toBe(0o700)
})

it('the health names the store, and the metrics say how much waits for it', async () => {
  const health = await (await fetch(`${service.url}/health`)).json()
  expect(health).toMatchObject({ components: { store: { status: 'healthy', reason: '' } } })
  expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(/^exai_store_waiting 0$/m)
})

it('a conversation longer than the window is trimmed, and a count and a route know of it', async () => {
  const file = `
providers:
  - name: small
    kind: openai-compatible
    base_url: ${upstream.url}
    api_key: test-key
    models: [{ id: test-model, context_window: 700 }]
`
  const small = await startService({ EXAI_CONFIG: 'exai.yaml' }, { files: { 'exai.yaml': file } })
  onTestFinished(async () => void (await small.stop()))
  if (speech === undefined) throw new Error('there is no way to speak')
  const client = chatClient(speech, small.url)
  const ask = (mark: string, conversationId: string) =>
    question('small/test-model', `${mark} ${Array(100).fill('one').join(' ')}`, { conversationId })
  const { conversationId } = await client.complete(ask('t0', 'new'))
  for (const mark of ['t1', 't2', 't3']) await client.complete(ask(mark, conversationId))
  const before = upstream.requests.length
  const { inputTokens } = await client.countTokens(ask('t4', conversationId))
  expect(inputTokens).toBeGreaterThan(200)
  expect(inputTokens).toBeLessThan(700 * 0.75)
  const route = await client.explainRoute(ask('t4', conversationId))
  expect(route.candidates).toMatchObject([{ provider: 'small', model: 'test-model' }])
  expect(upstream.requests).toHaveLength(before)
  const { warnings } = await client.complete(ask('t4', conversationId))
  expect(warnings).toMatchObject([{ field: 'conversation_id' }])
  const [oldest] = lastAsked()
  expect(oldest.role).toBe('user')
  expect(oldest.content).not.toMatch(/^t0/)
})

it('a project and a Redis that do not answer degrade the health, and calls are answered all the same', async () => {
  const nowhere = await startService({
    SUPABASE_URL: 'http://127.0.0.1:9',
    SUPABASE_KEY: 'nobody-takes-it',
    REDIS_URL: 'redis://:no-such-password@127.0.0.1:9',
  })
  onTestFinished(async () => void (await nowhere.stop()))
  if (speech === undefined) throw new Error('there is no way to speak')
  const client = chatClient(speech, nowhere.url)
  const { conversationId } = await client.complete(question('sandbox', 'one', { conversationId: 'new' }))
  await client.complete(question('sandbox', 'two', { conversationId }))
  expect((await client.getConversation({ conversationId })).messages).toHaveLength(4)
  const report = async () => (await fetch(`${nowhere.url}/health`)).json()
  await expect.poll(report).toMatchObject({
    status: 'degraded',
    components: {
      store: { status: 'healthy' },
      supabase: { status: 'degraded' },
      redis: { status: 'degraded' },
    },
  })
  expect((await fetch(`${nowhere.url}/health/ready`)).status).toBe(200)
  expect(nowhere.output()).not.toMatch(/nobody-takes-it|no-such-password/)
})
