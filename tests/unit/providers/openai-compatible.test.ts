// Checks the adapter for compatible hosts: their bent wires, their older field names, no key, their quirks.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import type { Provider } from '../../../src/core/provider.ts'
import { createOpenAiCompatible } from '../../../src/providers/openai-compatible.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, model, textOf, thrown, user } from './attempt.ts'

let double: Upstream
let host: Provider
const local = model({ provider: 'local', id: 'test-model', reasoning: 'optional', confidence: 'assumed' })

beforeAll(async () => {
  double = await startUpstream({ extraAssistantFields: ['reasoning'] })
  host = createOpenAiCompatible({
    id: 'local',
    baseUrl: double.url,
    keys: ['test-key'],
    quirks: { reasoningEcho: 'reasoning' },
  })
})
afterAll(async () => {
  await host.close()
  await double.close()
})

const ask = (fault: string, stream: boolean) =>
  collect(host.open(attempt({ messages: [user(`[[fault:${fault}]]Hi`)] }, { model: local, stream })))

describe.each([true, false])('a compatible host with stream %s', stream => {
  it.each([
    'reasoning-content=Hm hm.',
    'reasoning=Hm hm.',
    'reasoning-twice=Hm hm.',
    'reasoning-details=Hm hm.',
  ])('gives its thoughts as %s', async fault => {
    const deltas = await ask(fault, stream)
    expect(deltas.map(delta => (delta.type === 'reasoning' ? delta.text : '')).join('')).toBe('Hm hm.')
    expect(textOf(deltas)).toBe('You said: Hi')
  })

  it.each([
    ['tool-call-whole', '{"city":"Zürich","days":3}'],
    ['tool-call-no-index', '{"city":"Zürich","days":3}{"query":"東京 🗼","limit":2}'],
    ['tool-call-no-id', '{"city":"Zürich","days":3}'],
    ['tool-call-object-arguments', '{"city":"Zürich","days":3}'],
    ['tool-call-name-repeated', '{"city":"Zürich","days":3}'],
    ['tool-call-empty-arguments', '{}'],
    ['tool-call-broken-arguments', '{"city":"Z'],
    ['finish-stop-with-tools', '{"city":"Zürich","days":3}'],
  ])('calls tools with %s', async (fault, args) => {
    const deltas = await ask(fault, stream)
    const calls = deltas.flatMap(delta => (delta.type === 'tool_call_start' ? [delta] : []))
    const said = calls.map(({ callId }) =>
      deltas
        .map(delta => (delta.type === 'tool_call_arguments' && delta.callId === callId ? delta.text : ''))
        .join(''),
    )
    expect(said.join('')).toBe(args)
    expect(calls[0]?.name).toBe('first_tool')
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
  })

  it('may count nothing', async () => {
    const deltas = await ask('no-usage', stream)
    expect(deltas.some(({ type }) => type === 'usage')).toBe(false)
  })
})

describe('a request to a compatible host', () => {
  it('has the older names and gives thoughts back in the field that the host reads', async () => {
    const thought = { text: 'Hm.', provider: 'local' }
    const input = attempt(
      {
        maxOutputTokens: 50,
        user: 'u1',
        messages: [
          user('Hi'),
          {
            role: Role.ASSISTANT,
            content: [
              { kind: { case: 'reasoning', value: thought } },
              { kind: { case: 'text', value: 'Yo' } },
            ],
          },
          user('Again'),
        ],
      },
      { model: local },
    )
    await collect(host.open(input))
    expect(double.requests.at(-1)?.body).toEqual({
      model: 'test-model',
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Yo', reasoning: 'Hm.' },
        { role: 'user', content: 'Again' },
      ],
      max_tokens: 50,
      user: 'u1',
    })
    expect(input.warnings).toEqual([])
  })

  it('has no authorization without a key', async () => {
    const open = createOpenAiCompatible({ id: 'local', baseUrl: double.url, keys: [] })
    expect(open.unusableReason).toBe('')
    await expect(collect(open.open(attempt({}, { model: local })))).rejects.toMatchObject({
      reason: 'UPSTREAM_CREDENTIALS',
    })
    expect(double.requests.at(-1)?.headers).not.toHaveProperty('authorization')
    await open.close()
  })

  it('sends an effort as asked to a model that nobody described', async () => {
    const input = attempt({ reasoningEffort: ReasoningEffort.LOW }, { model: { ...local, id: 'gpt-5.2' } })
    await collect(host.open(input))
    expect(double.requests.at(-1)?.body).toMatchObject({ reasoning_effort: 'low' })
  })
})

describe('settings', () => {
  it('need a base URL that is one', () => {
    expect(thrown(() => createOpenAiCompatible({ id: 'local', keys: [] })).reason).toBe('INVALID_REQUEST')
    for (const baseUrl of ['nonsense', 'ftp://a.example', 'http://user:pass@a.example/v1']) {
      const error = thrown(() => createOpenAiCompatible({ id: 'local', keys: [], baseUrl }))
      expect(error.message).toBe('the base URL of local must be an http or https URL without user name')
    }
  })
})
