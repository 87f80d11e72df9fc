// A stream that breaks in its text and is gone on with elsewhere, over real sockets: nothing twice, nothing missing.
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { question, readAll, textOf } from '../support/clients.ts'
import { collect } from '../support/collect.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let openai: Upstream
let kimi: Upstream
let service: Service

beforeAll(async () => {
  openai = await startUpstream({ apiKeys: ['test-key'] })
  kimi = await startKimi({ apiKeys: ['test-key'] })
  service = await startService({
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: openai.url,
    KIMI_API_KEY: 'test-key',
    KIMI_BASE_URL: kimi.url,
  })
})
afterAll(async () => {
  await service.stop()
  await openai.close()
  await kimi.close()
})

const WORDS = 'the quick brown fox jumps over the lazy dog'
const chat = () => createClient(ChatService, createGrpcTransport({ baseUrl: service.url }))
const asked = (text: string) =>
  question('openai/test-model', text, { routing: { reroute: true, fallbackModels: ['kimi/kimi-k3'] } })

it.each([3, 5, 8])(
  'goes on after a break behind event %d, and the text is that of one answer',
  async place => {
    openai.next({ faults: [`cut-after-events=${place}`] })
    const before = kimi.requests.length
    const { events, kinds, text, error } = await readAll(chat().streamComplete(asked(WORDS)))
    expect(error).toBeUndefined()
    expect(text).toBe(`You said: ${WORDS}`)
    expect(kinds.filter(kind => kind === 'rerouted')).toHaveLength(1)
    const seam = events.findIndex(({ event }) => event.case === 'rerouted')
    const said = events
      .slice(0, seam)
      .flatMap(({ event }) => (event.case === 'textDelta' ? [event.value.text] : []))
    expect(events[seam]?.event.value).toMatchObject({
      provider: 'kimi',
      model: 'kimi-k3',
      textOffsetCount: said.join('').length,
    })
    // The continuation was asked for by the beginning alone, and Kimi knows it as one.
    const body = kimi.requests[before]?.body as { messages: readonly unknown[] }
    expect(body.messages.at(-1)).toEqual({ role: 'assistant', content: said.join(''), partial: true })
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
  },
)

it('gives the whole answer to whoever collects it, with the money of both', async () => {
  openai.next({ faults: ['cut-after-events=6'] })
  const answer = await collect(chat().streamComplete(asked(WORDS)))
  expect(textOf(answer.message)).toBe(`You said: ${WORDS}`)
  expect(answer).toMatchObject({ provider: 'kimi', model: 'kimi-k3' })
  expect(answer.route?.attempts.map(({ provider }) => provider)).toEqual(['openai', 'kimi'])
  const last = kimi.requests.at(-1)
  expect(last?.status).toBe(200)
  expect(answer.usage?.inputTokens).toBeGreaterThan(0)
})
