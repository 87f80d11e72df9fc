// A chat that calls tools twice before it answers, through a running service: what each provider gets, to the letter.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Message, MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import type { CompleteResponse } from '#gen/exai/v1/chat_service_pb'
import { chatClient, question, speeches, textOf, weatherTool } from '../support/clients.ts'
import { collect } from '../support/collect.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startGlm } from '../support/upstream/glm.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startMiniMax } from '../support/upstream/minimax.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import { objectOf } from '../support/upstream/shape.ts'

const ASKED = 'Where is it warmer, in Bern or in Oslo?'
const SYSTEM = 'You tell the weather.'
const FIRST = { id: 'call_bern_1', name: 'get_weather', arguments: '{"city":"Bern"}' }
const SECOND = { id: 'call_oslo_2', name: 'get_weather', arguments: '{"city":"Oslo"}' }
const THOUGHT_FIRST = 'Bern comes first.'
const THOUGHT_SECOND = 'Now for Oslo.'

const functionCall = ({ id, name, arguments: args }: typeof FIRST) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: weatherTool.description,
      parameters: weatherTool.parameters,
    },
  },
]
const echoed = (thought: string, call: typeof FIRST) => ({
  role: 'assistant',
  tool_calls: [functionCall(call)],
  reasoning_content: thought,
})
const detailed = (thought: string, call: typeof FIRST) => ({
  role: 'assistant',
  tool_calls: [functionCall(call)],
  reasoning_details: [
    {
      type: 'reasoning.text',
      id: 'reasoning-text-1',
      format: 'MiniMax-response-v1',
      index: 0,
      text: thought,
    },
  ],
})
const sealed = (thought: string) => ({
  type: 'reasoning',
  id: expect.stringMatching(/^rs_/),
  summary: [{ type: 'summary_text', text: thought }],
  encrypted_content: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
})
const called = ({ id, name, arguments: args }: typeof FIRST) => ({
  type: 'function_call',
  call_id: id,
  name,
  arguments: args,
})
const chatHistory = (turn: typeof echoed | typeof detailed) => [
  { role: 'system', content: SYSTEM },
  { role: 'user', content: ASKED },
  turn(THOUGHT_FIRST, FIRST),
  { role: 'tool', tool_call_id: FIRST.id, content: '18 degrees' },
  turn(THOUGHT_SECOND, SECOND),
  { role: 'tool', tool_call_id: SECOND.id, content: '9 degrees' },
]

const streamed = { stream: true, stream_options: { include_usage: true } }

interface Loop {
  readonly id: string
  readonly model: string
  readonly start: () => Promise<Upstream>
  readonly path: string
  /** The last body, whole; what a stream adds stands apart. */
  readonly body: object
  readonly streamed: object
}

const loops: readonly Loop[] = [
  {
    id: 'openai',
    model: 'gpt-6-sol',
    start: () => startUpstream(),
    path: '/v1/responses',
    body: {
      model: 'gpt-6-sol',
      instructions: SYSTEM,
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: ASKED }] },
        sealed(THOUGHT_FIRST),
        called(FIRST),
        { type: 'function_call_output', call_id: FIRST.id, output: '18 degrees' },
        sealed(THOUGHT_SECOND),
        called(SECOND),
        { type: 'function_call_output', call_id: SECOND.id, output: '9 degrees' },
      ],
      tools: [{ type: 'function', ...tools[0]?.function, strict: false }],
      reasoning: { summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      store: false,
    },
    streamed: { stream: true },
  },
  {
    id: 'glm',
    model: 'glm-5.3',
    start: () => startGlm(),
    path: '/api/paas/v4/chat/completions',
    body: {
      model: 'glm-5.3',
      messages: chatHistory(echoed),
      tools,
      thinking: { type: 'enabled', clear_thinking: false },
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    },
    streamed: { stream: true, tool_stream: true },
  },
  {
    id: 'kimi',
    model: 'kimi-k3',
    start: () => startKimi(),
    path: '/v1/chat/completions',
    body: { model: 'kimi-k3', messages: chatHistory(echoed), tools },
    streamed,
  },
  {
    id: 'minimax',
    model: 'MiniMax-M3',
    start: () => startMiniMax(),
    path: '/v1/chat/completions',
    body: { model: 'MiniMax-M3', messages: chatHistory(detailed), tools, reasoning_split: true },
    streamed,
  },
]

let service: Service
const doubles = new Map<string, Upstream>()
beforeAll(async () => {
  const env: Record<string, string> = {}
  for (const { id, start } of loops) {
    const double = await start()
    doubles.set(id, double)
    env[`${id.toUpperCase()}_API_KEY`] = 'test-key'
    env[`${id.toUpperCase()}_BASE_URL`] = double.url
  }
  service = await startService(env)
})
afterAll(async () => {
  await service.stop()
  for (const double of doubles.values()) await double.close()
})

type MessageInit = MessageInitShape<typeof MessageSchema>

const spoken = (role: Role, text: string): MessageInit => ({
  role,
  content: [{ kind: { case: 'text', value: text } }],
})
const resultOf = (callId: string, text: string): MessageInit => ({
  role: Role.TOOL,
  content: [
    {
      kind: { case: 'toolResult', value: { callId, content: [{ kind: { case: 'text', value: text } }] } },
    },
  ],
})

function turnOf(answer: CompleteResponse): Message {
  if (answer.message === undefined) throw new Error('the answer has no message')
  return answer.message
}

const callIdsOf = ({ content }: Message): readonly string[] =>
  content.flatMap(({ kind }) => (kind.case === 'toolCall' ? [kind.value.callId] : []))
const thoughtOf = ({ content }: Message): string =>
  content.flatMap(({ kind }) => (kind.case === 'reasoning' ? [kind.value.text] : [])).join('')

describe.each(loops)('a loop of tools with $id', loop => {
  it.each([
    ['unary', speeches.at(-1)],
    ['streamed', speeches[0]],
  ])('takes three steps, and each shows what was thought before the calls: %s', async (way, speech) => {
    const double = doubles.get(loop.id)
    if (double === undefined || speech === undefined) throw new Error('there is nobody to ask')
    const before = double.requests.length
    double.next({ answer: { reasoning: THOUGHT_FIRST, toolCalls: [FIRST] } })
    double.next({ answer: { reasoning: THOUGHT_SECOND, toolCalls: [SECOND] } })
    const client = chatClient(speech, service.url)
    const messages: MessageInit[] = [spoken(Role.SYSTEM, SYSTEM), spoken(Role.USER, ASKED)]
    const ask = (): Promise<CompleteResponse> => {
      // What an answer held goes back as it came, after a copy: messages of a request are the caller's.
      const copied = messages.map(each => create(MessageSchema, each))
      const request = question(`${loop.id}/${loop.model}`, '', { messages: copied, tools: [weatherTool] })
      return way === 'unary' ? client.complete(request) : collect(client.streamComplete(request))
    }
    for (const [call, thought, degrees] of [
      [FIRST, THOUGHT_FIRST, '18 degrees'],
      [SECOND, THOUGHT_SECOND, '9 degrees'],
    ] as const) {
      const answer = await ask()
      expect(answer.warnings).toEqual([])
      expect(callIdsOf(turnOf(answer))).toEqual([call.id])
      expect(thoughtOf(turnOf(answer))).toBe(thought)
      messages.push(turnOf(answer), resultOf(call.id, degrees))
    }
    const last = await ask()
    expect(textOf(last.message)).toBe('The tool said: 9 degrees')

    const requests = double.requests.slice(before)
    expect(requests.map(({ path, status }) => [path, status])).toEqual(
      Array.from({ length: 3 }, () => [loop.path, 200]),
    )
    expect(requests[2]?.body).toEqual({ ...loop.body, ...(way === 'unary' ? {} : loop.streamed) })
    // Each step sends what the step before it sent, and something more.
    const histories = requests.map(({ body }) => {
      const { input, messages: sent } = objectOf(body)
      return JSON.stringify(input ?? sent).slice(0, -1)
    })
    expect(histories[2]?.startsWith(histories[1] ?? '?')).toBe(true)
    expect(histories[1]?.startsWith(histories[0] ?? '?')).toBe(true)
    expect(requests.some(({ reasoningMissing }) => reasoningMissing === true)).toBe(false)
  })
})
