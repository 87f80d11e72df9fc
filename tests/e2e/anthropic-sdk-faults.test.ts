// What a session with Anthropic's own package meets: who may come in, tools with sealed thoughts, what breaks, and what is left.
import Anthropic, {
  APIError,
  AuthenticationError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from '@anthropic-ai/sdk'
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PIXEL } from '../support/anthropic-calls.ts'
import { manyKeys } from '../support/many-keys.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
let upstream: Upstream
let service: Service
let sdk: Anthropic

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys() })
  service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: upstream.url })
  sdk = new Anthropic({ baseURL: service.url, apiKey: 'unused', maxRetries: 0 })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const asked = (content: string) => ({
  model: MODEL,
  max_tokens: 100,
  messages: [{ role: 'user' as const, content }],
})

const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}, at = service) =>
  fetch(at.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...headers },
    body: JSON.stringify(body),
  })

/** The items of a request to OpenAI's Responses. */
function itemsOf(body: unknown): readonly { readonly type?: string; readonly encrypted_content?: string }[] {
  const input = typeof body === 'object' && body !== null ? Reflect.get(body, 'input') : undefined
  return Array.isArray(input) ? input : []
}

async function failure(call: Promise<unknown>): Promise<APIError> {
  try {
    await call
  } catch (error) {
    if (error instanceof APIError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

describe('a session with tools and sealed thoughts', () => {
  const tools: Tool[] = [
    { name: 'get_weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } },
  ]
  const asking = {
    model: 'openai/gpt-6-sol',
    max_tokens: 1_000,
    thinking: { type: 'adaptive' as const },
    tools,
  }

  it.each(['whole', 'as a stream'])('brings %s back to the model what it had thought', async how => {
    const messages: MessageParam[] = [{ role: 'user', content: `call the tool, ${how}` }]
    const first =
      how === 'whole'
        ? await sdk.messages.create({ ...asking, messages })
        : await sdk.messages.stream({ ...asking, messages }).finalMessage()
    expect(first.stop_reason).toBe('tool_use')
    expect(first.content[0]).toMatchObject({ type: 'thinking', thinking: expect.stringMatching(/\w/) })
    const use = first.content.find(block => block.type === 'tool_use')
    if (use === undefined) throw new Error('no tool was called')
    messages.push({ role: 'assistant', content: first.content })
    messages.push({
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: use.id, content: [{ type: 'text', text: '21 degrees' }] },
      ],
    })
    const second = await sdk.messages.create({ ...asking, messages })
    expect(second.content.findLast(block => block.type === 'text')?.text).toBe('The tool said: 21 degrees')
    expect(second.stop_reason).toBe('end_turn')
    const input = itemsOf(upstream.requests.at(-1)?.body)
    expect(input.map(({ type }) => type ?? 'message')).toEqual([
      'message',
      'reasoning',
      'function_call',
      'function_call_output',
    ])
    expect(input[1]?.encrypted_content).toMatch(/^gAAAA/)
  })

  it('shows no thoughts to whoever does not ask for them', async () => {
    const { thinking: _thinking, ...plain } = asking
    const messages: MessageParam[] = [{ role: 'user', content: 'hello' }]
    const message = await sdk.messages.create({ ...plain, messages })
    expect(message.content).toEqual([{ type: 'text', text: 'You said: hello', citations: null }])
    const streamed = await sdk.messages.stream({ ...plain, messages }).finalMessage()
    expect(streamed.content).toEqual(message.content)
  })

  it('says what of it the model did not get, or refuses it when all or nothing is wanted', async () => {
    const messages: MessageParam[] = [
      { role: 'user', content: 'look' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} }] },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'toolu_1',
            content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }],
          },
        ],
      },
    ]
    const message = await sdk.messages.create({ ...asking, messages })
    expect(Reflect.get(message, 'exai')).toMatchObject({
      provider: 'openai',
      warnings: [expect.stringContaining('only text can stand here')],
    })
    const strict = { exai: { strict: true } } as object
    const error = await failure(sdk.messages.create({ ...asking, messages, ...strict }))
    expect(error).toMatchObject({ status: 400, errorCode: 'unsupported' })
  })
})

describe('a stream', () => {
  it('has the events of Anthropic in their order', async () => {
    const raw = await post('/v1/messages', { ...asked('one two'), stream: true })
    expect(raw.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(raw.headers.get('request-id')).toMatch(/^call_/)
    const events = (await raw.text())
      .trimEnd()
      .split('\n\n')
      .map(frame => /^event: (\w+)\ndata: (.*)$/.exec(frame))
    for (const event of events) expect(JSON.parse(event?.[2] ?? '')).toMatchObject({ type: event?.[1] })
    const names = events.map(event => event?.[1])
    expect(names.filter((name, at) => name !== names[at - 1])).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
  })

  it('whose upstream breaks ends with an error that has a type and a code, and never with message_stop', async () => {
    const texts: string[] = []
    const read = async (): Promise<void> => {
      const stream = sdk.messages.stream(asked('one two three [[fault@openai:end-after-events=3]]'))
      stream.on('text', text => void texts.push(text))
      await stream.finalMessage()
    }
    const error = await failure(read())
    expect(error).toMatchObject({ type: 'api_error', errorCode: 'upstream_broken' })
    expect(texts.join('')).toMatch(/^You/)
    const raw = await post('/v1/messages', {
      ...asked('one two [[fault@openai:end-after-events=3]]'),
      stream: true,
    })
    const frames = (await raw.text()).trimEnd().split('\n\n')
    expect(frames.join()).not.toContain('message_stop')
    const [name, data] = frames.at(-1)?.split('\n') ?? []
    expect(name).toBe('event: error')
    expect(JSON.parse(data?.replace('data: ', '') ?? '')).toMatchObject({
      type: 'error',
      error: { type: 'api_error', reason: 'upstream_broken' },
      request_id: raw.headers.get('request-id'),
    })
  })

  it('that fails before its first word is an error like any other', async () => {
    const error = await failure(
      sdk.messages.create({ ...asked('hi [[fault@openai:error=429]]'), stream: true }),
    )
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ status: 429, type: 'rate_limit_error', errorCode: 'upstream_limited' })
  })

  it('that its client leaves ends the call upstream', async () => {
    const stream = sdk.messages.stream(asked('one two three four [[fault@openai:silence-after-events=3]]'))
    for await (const event of stream) if (event.type === 'content_block_delta') break
    const line = await service.line(each => each['reason'] === 'CANCELLED' && each['door'] === 'anthropic')
    expect(line['provider']).toBe('openai')
    await upstream.waitFor(({ closedByClientAtMs }) => closedByClientAtMs !== undefined)
  })
})

describe('an error', () => {
  it('says its field, and carries the id of its call', async () => {
    const error = await failure(sdk.messages.create({ ...asked('hi'), max_tokens: 0 }))
    expect(error).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      errorCode: 'invalid_request',
      apiMessage: 'max_tokens must be at least 1',
    })
    expect(error.error).toMatchObject({ type: 'error', error: { param: 'max_tokens' } })
    expect(error.error).toMatchObject({ request_id: error.requestID })
    expect(await service.call(error.requestID ?? '')).toMatchObject({
      door: 'anthropic',
      reason: 'INVALID_REQUEST',
    })
  })

  it('of a provider that is out is an overload, which the package tries again', async () => {
    const error = await failure(sdk.messages.create(asked('hi [[fault@openai:error=503]]')))
    expect(error).toBeInstanceOf(InternalServerError)
    expect(error).toMatchObject({
      status: 529,
      type: 'overloaded_error',
      errorCode: 'upstream_unavailable',
    })
    expect(error.headers?.get('x-should-retry')).toBe('true')
  })

  it('is told of paths and methods that are not there', async () => {
    const error = await failure(sdk.messages.batches.list())
    expect(error).toBeInstanceOf(NotFoundError)
    expect(error).toMatchObject({ status: 404, type: 'not_found_error' })
    const wrong = await fetch(`${service.url}/v1/messages`)
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await wrong.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  })

  it('is told of bodies that are no JSON, or too large', async () => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const torn = await fetch(`${service.url}/v1/messages`, { ...init, body: '{"model":' })
    expect([torn.status, await torn.json()]).toMatchObject([
      400,
      { type: 'error', error: { type: 'invalid_request_error', reason: 'invalid_request' } },
    ])
    const small = await startService({ MAX_REQUEST_BYTES: '2000' })
    const large = await post('/v1/messages', asked('x'.repeat(3_000)), {}, small)
    expect([large.status, await large.json()]).toMatchObject([413, { error: { type: 'request_too_large' } }])
    await small.stop()
  })
})

it('a retry with the key of its call gets the answer that there is', async () => {
  const options = { headers: { 'Idempotency-Key': 'messages-storm' } }
  const before = upstream.requests.length
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => sdk.messages.create(asked('only once'), options)),
  )
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
  const streamed = await sdk.messages.stream(asked('only once'), options).finalMessage()
  expect([streamed.id, streamed.content]).toEqual([answers[0]?.id, answers[0]?.content])
  expect(upstream.requests.length).toBe(before + 1)
})

describe('a key', () => {
  let guarded: Service
  let key: string
  beforeAll(async () => {
    guarded = await startService({ EXAI_AUTH: 'key' })
    key = /(exai_[\w-]{43})$/m.exec(guarded.output())?.[1] ?? ''
  })
  afterAll(() => guarded.stop())

  const question = { ...asked('hello'), model: 'sandbox' }
  const client = (options: ConstructorParameters<typeof Anthropic>[0]) =>
    new Anthropic({ baseURL: guarded.url, maxRetries: 0, ...options })

  it('is taken from the package, as a key and as a token', async () => {
    for (const options of [{ apiKey: key }, { apiKey: null, authToken: key }])
      expect((await client(options).messages.create(question)).role).toBe('assistant')
    const error = await failure(client({ apiKey: 'wrong' }).messages.create(question))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({ status: 401, type: 'authentication_error', errorCode: 'unauthenticated' })
  })

  it('is taken in the field of older clients, in both, and not when they differ', async () => {
    const status = async (headers: Readonly<Record<string, string>>) =>
      (await post('/v1/messages', question, headers, guarded)).status
    const authorization = `Bearer ${key}`
    expect(await status({ 'x-api-key': key })).toBe(200)
    expect(await status({ 'x-api-key': key, authorization })).toBe(200)
    expect(await status({ 'x-api-key': `exai_${'A'.repeat(43)}`, authorization })).toBe(401)
    expect(await status({})).toBe(401)
  })
})
