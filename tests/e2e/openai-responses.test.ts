// OpenAI's own package speaks to /v1/responses: texts, streams, functions, forms, conversations, and what goes wrong.
import OpenAI from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import type {
  FunctionTool,
  ResponseInputItem,
  ResponseOutputItem,
  ResponseStreamEvent,
} from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
let upstream: Upstream
let service: Service
let sdk: OpenAI

beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
  sdk = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'unused', maxRetries: 0 })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const asked = (input: string) => ({ model: MODEL, input })

/** What the upstream got last, as far as it is looked at here. */
const lastSent = () =>
  upstream.requests.at(-1)?.body as {
    readonly messages?: readonly { readonly content: string }[]
    readonly input?: readonly { readonly type: string }[]
  }

/** What a client sends back of an answer. */
const sentBack = (output: readonly ResponseOutputItem[]): ResponseInputItem[] =>
  output.flatMap(item =>
    item.type === 'message' || item.type === 'reasoning' || item.type === 'function_call' ? [item] : [],
  )

async function eventsOf(stream: AsyncIterable<ResponseStreamEvent>): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}

const weather: FunctionTool = {
  type: 'function',
  name: 'get_weather',
  description: 'Says how the weather is.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: false,
}

describe('a text', () => {
  it('comes whole', async () => {
    const answer = await sdk.responses.create({ ...asked('hello there'), instructions: 'be brief' })
    expect(answer.output_text).toBe('You said: hello there')
    expect(answer).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'test-model',
      instructions: 'be brief',
      usage: { input_tokens: 4, output_tokens: 4, total_tokens: 8 },
    })
    expect(upstream.requests.at(-1)?.body).toMatchObject({
      messages: [{ content: 'be brief' }, { role: 'user', content: 'hello there' }],
    })
  })

  it('streams, and is the same', async () => {
    const stream = sdk.responses.stream(asked('hello there'))
    const deltas: string[] = []
    stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta))
    const answer = await stream.finalResponse()
    expect(deltas.length).toBeGreaterThan(1)
    expect(deltas.join('')).toBe('You said: hello there')
    expect(answer.output_text).toBe('You said: hello there')
    expect(answer.usage?.total_tokens).toBe(
      (await sdk.responses.create(asked('hello there'))).usage?.total_tokens,
    )
  })

  it('that was cut says so', async () => {
    const cut = { ...asked('one two three four five six seven eight'), max_output_tokens: 3 }
    const whole = await sdk.responses.create(cut)
    expect(whole).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      max_output_tokens: 3,
    })
    const events = await eventsOf(await sdk.responses.create({ ...cut, stream: true }))
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: { status: 'incomplete' } })
  })

  it('has the form that the package parses', async () => {
    const form = z.object({ city: z.string(), degrees: z.number().int() })
    const text = { format: zodTextFormat(form, 'weather') }
    const parsed = await sdk.responses.parse({ ...asked('how is the weather?'), text })
    expect(form.parse(parsed.output_parsed)).toEqual(parsed.output_parsed)
    const streamed = await sdk.responses.stream({ ...asked('how is the weather?'), text }).finalResponse()
    expect(streamed.output_parsed).toEqual(parsed.output_parsed)
  })
})

describe('functions', () => {
  it('are called, and their results read, in a chat that the client keeps', async () => {
    const input: ResponseInputItem[] = [{ role: 'user', content: 'please call the tool' }]
    const tools = [weather]
    const first = await sdk.responses.create({ model: MODEL, input, tools })
    const [call] = first.output
    if (call?.type !== 'function_call') throw new Error('no function was called')
    expect(call.name).toBe('get_weather')
    expect(Object.keys(JSON.parse(call.arguments))).toEqual(['city'])
    input.push(...sentBack(first.output), {
      type: 'function_call_output',
      call_id: call.call_id,
      output: '21 degrees',
    })
    const second = await sdk.responses.create({ model: MODEL, input, tools })
    expect(second.output_text).toContain('21 degrees')
  })

  it('stream, two at once, each with its own arguments', async () => {
    const stream = sdk.responses.stream({
      ...asked('call the tools'),
      tools: [weather, { ...weather, name: 'get_time' }],
    })
    const done: string[] = []
    for await (const event of stream)
      if (event.type === 'response.function_call_arguments.done') done.push(event.arguments)
    const { output } = await stream.finalResponse()
    expect(output.map(item => item.type === 'function_call' && item.name)).toEqual([
      'get_weather',
      'get_time',
    ])
    expect(output.map(item => item.type === 'function_call' && item.arguments)).toEqual(done)
    expect(done.map(text => typeof JSON.parse(text))).toEqual(['object', 'object'])
  })

  it('are answered by their results alone where a conversation is kept', async () => {
    const tools = [weather]
    const first = await sdk.responses.create({ ...asked('please call the tool'), tools, store: true })
    const [call] = first.output
    if (call?.type !== 'function_call') throw new Error('no function was called')
    const second = await sdk.responses.create({
      model: MODEL,
      tools,
      previous_response_id: first.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: 'rain' }],
    })
    expect(second.output_text).toContain('rain')
  })
})

describe('thoughts', () => {
  const model = 'openai/gpt-5.3-codex'
  const seals = { include: ['reasoning.encrypted_content' as const] }
  const sealsOf = (items: readonly { readonly type: string }[]) =>
    items.flatMap(item => (item.type === 'reasoning' ? [Reflect.get(item, 'encrypted_content')] : []))

  it.each(['whole', 'streamed'] as const)(
    'that are sealed go back to their model unchanged: %s',
    async how => {
      const input: ResponseInputItem[] = [{ role: 'user', content: 'call the tool' }]
      const body = { model, input, tools: [weather], ...seals }
      const first =
        how === 'whole' ? await sdk.responses.create(body) : await sdk.responses.stream(body).finalResponse()
      const call = first.output.flatMap(item => (item.type === 'function_call' ? [item] : []))[0]
      expect(sealsOf(first.output)).toContainEqual(expect.stringMatching(/^exai1\./))
      const result = { type: 'function_call_output' as const, call_id: call?.call_id ?? '', output: 'rain' }
      // The double refuses a thought that is not byte for byte what it has issued.
      const second = await sdk.responses.create({
        ...body,
        input: [...input, ...sentBack(first.output), result],
      })
      expect(second.output_text).toContain('rain')
      const sent = lastSent().input ?? []
      expect(sent.map(({ type }) => type)).toEqual([
        'message',
        'reasoning',
        'function_call',
        'function_call_output',
      ])
    },
  )

  it('are shown, and not sealed where nobody asks for that', async () => {
    const { output } = await sdk.responses.create({ model, input: 'hello' })
    expect(output.map(({ type }) => type)).toEqual(['reasoning', 'message'])
    expect(sealsOf(output)).toEqual([undefined])
  })
})

describe('a conversation', () => {
  it('goes on from its latest answer, which streams as well', async () => {
    const first = await sdk.responses.create({ ...asked('one'), store: true })
    expect(first.conversation?.id).toMatch(/^conv_/)
    const second = await sdk.responses
      .stream({ ...asked('two'), previous_response_id: first.id })
      .finalResponse()
    expect(second).toMatchObject({ conversation: first.conversation, previous_response_id: first.id })
    const third = await sdk.responses.create({ ...asked('three'), previous_response_id: second.id })
    expect(third.conversation).toEqual(first.conversation)
    const sent = lastSent().messages ?? []
    expect(sent.map(({ content }) => content)).toEqual([
      'one',
      'You said: one',
      'two',
      'You said: two',
      'three',
    ])
  })

  it('goes on from one answer by one call at a time: of two at once neither would have seen the other', async () => {
    const first = await sdk.responses.create({ ...asked('one'), store: true })
    const from = { previous_response_id: first.id }
    const slow = { ...asked('[[fault:words=60]][[fault:drip-events=20]] a long story'), ...from }
    const [running, ...rest] = await Promise.allSettled([
      sdk.responses.create(slow),
      sdk.responses.create({ ...asked('two'), ...from }),
      sdk.responses.stream({ ...asked('two'), ...from }).finalResponse(),
    ])
    expect(running.status).toBe('fulfilled')
    const conflict = { status: 409, param: 'previous_response_id' }
    expect(rest).toMatchObject(Array(2).fill({ status: 'rejected', reason: conflict }))
    await expect(sdk.responses.create({ ...asked('two'), ...from })).rejects.toMatchObject({ status: 400 })
  })

  it('is free again when the call that went on from its answer has failed', async () => {
    const first = await sdk.responses.create({ ...asked('one'), store: true })
    const from = { previous_response_id: first.id }
    await expect(
      sdk.responses.create({ ...asked('[[fault:status=400]] two'), ...from }),
    ).rejects.toMatchObject({ status: 400 })
    const second = await sdk.responses.create({ ...asked('three'), ...from })
    expect(second.conversation).toEqual(first.conversation)
  })

  it('goes on by its own id', async () => {
    const first = await sdk.responses.create({ ...asked('one'), store: true })
    const conversation = first.conversation?.id ?? ''
    const second = await sdk.responses.create({ ...asked('two'), conversation })
    const third = await sdk.responses.create({ ...asked('three'), conversation: { id: conversation } })
    expect([second, third].map(answer => answer.conversation?.id)).toEqual([conversation, conversation])
  })
})
