// What goes wrong behind /v1 reaches OpenAI's own package as its own errors, and its retries find what was answered already.
import { request } from 'node:http'
import { fromJson } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import OpenAI, { APIError, RateLimitError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChatService, CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { readAll } from '../support/clients.ts'
import { manyKeys } from '../support/many-keys.ts'
import { grpcTo } from '../support/openai-outcomes.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
let upstream: Upstream
let service: Service
let sdk: OpenAI

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys() })
  service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: upstream.url })
  sdk = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'unused', maxRetries: 0 })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const asked = (content: string) => ({ model: MODEL, messages: [{ role: 'user' as const, content }] })

async function failure(call: Promise<unknown>): Promise<APIError> {
  try {
    await call
  } catch (error) {
    if (error instanceof APIError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

describe('a stream whose upstream breaks', () => {
  it('ends with an error that has a code, and never with [DONE]', async () => {
    const texts: string[] = []
    const read = async (): Promise<void> => {
      const stream = await sdk.chat.completions.create({
        ...asked('one two three [[fault@openai:end-after-events=3]]'),
        stream: true,
      })
      for await (const { choices } of stream) texts.push(choices[0]?.delta.content ?? '')
    }
    const error = await failure(read())
    expect(error.code).toBe('upstream_broken')
    expect(texts.join('')).toMatch(/^You/)
    const raw = await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...asked('one two [[fault@openai:end-after-events=3]]'), stream: true }),
    })
    const frames = (await raw.text()).trimEnd().split('\n\n')
    expect(frames.join()).not.toContain('[DONE]')
    expect(JSON.parse(frames.at(-1)?.replace('data: ', '') ?? '')).toMatchObject({
      error: { type: 'server_error', code: 'upstream_broken', param: null },
    })
  })

  it('before its first word is an error like any other', async () => {
    const error = await failure(
      sdk.chat.completions.create({ ...asked('hi [[fault@openai:error=429]]'), stream: true }).asResponse(),
    )
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ status: 429, code: 'upstream_limited', type: 'rate_limit_error' })
  })
})

describe('an error', () => {
  it('says its field, and carries the id of its call', async () => {
    const error = await failure(sdk.chat.completions.create({ ...asked('hi'), n: 2 }))
    expect(error).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      param: 'n',
      code: 'unsupported',
    })
    expect(error.requestID).toMatch(/^call_/)
    expect(await service.call(error.requestID ?? '')).toMatchObject({ door: 'openai', reason: 'UNSUPPORTED' })
  })

  it('says where in the messages it is', async () => {
    const messages = [
      { role: 'user' as const, content: [{ type: 'text' as const, text: 1 as unknown as string }] },
    ]
    const error = await failure(sdk.chat.completions.create({ model: MODEL, messages }))
    expect(error).toMatchObject({ status: 400, param: 'messages[0].content[0].text' })
    expect(error.message).toContain('must be a string')
  })
})

describe('the retries of the package', () => {
  it('ask again when nothing was answered', async () => {
    const before = upstream.requests.length
    const patient = sdk.withOptions({ maxRetries: 2 })
    upstream.next({ faults: ['error=503'], times: 1 })
    const { data, response } = await patient.chat.completions.create(asked('again')).withResponse()
    expect(data.choices[0]?.message.content).toBe('You said: again')
    expect(response.headers.get('x-request-id')).toMatch(/^call_/)
    expect(upstream.requests.length).toBeGreaterThan(before + 1)
  })

  it('do not ask again when the answer broke and may be billed', async () => {
    const before = upstream.requests.length
    const patient = sdk.withOptions({ maxRetries: 2 })
    const error = await failure(
      patient.chat.completions.create(asked('hi there [[fault@openai:end-after=20]]')),
    )
    expect(error).toMatchObject({ status: 502, code: 'upstream_broken' })
    expect(upstream.requests.length).toBe(before + 1)
  })

  it('with a key get the answer that there is, once asked and once billed, also through gRPC', async () => {
    const key = 'retry-storm'
    const options = { headers: { 'Idempotency-Key': key } }
    const before = upstream.requests.length
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => sdk.chat.completions.create(asked('only once'), options)),
    )
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    const streamed = await sdk.chat.completions.stream(asked('only once'), options).finalChatCompletion()
    expect(streamed.id).toBe(answers[0]?.id)
    const ours = await createClient(ChatService, grpcTo(service.url)).complete(
      fromJson(CompleteRequestSchema, {
        model: MODEL,
        messages: [{ role: 'ROLE_USER', content: [{ text: 'only once' }] }],
        idempotencyKey: key,
      }),
    )
    expect([ours.id, ours.replayed]).toEqual([answers[0]?.id, true])
    expect(upstream.requests.length).toBe(before + 1)
    const other = await failure(sdk.chat.completions.create(asked('something else'), options))
    expect(other).toMatchObject({ status: 422, code: 'idempotency_mismatch' })
  })
})

it('a client that leaves a stream ends the call upstream', async () => {
  const stream = await sdk.chat.completions.create({
    ...asked('one two three four [[fault@openai:silence-after-events=3]]'),
    stream: true,
  })
  for await (const _chunk of stream) break
  await expect.poll(() => service.log().filter(line => line['reason'] === 'CANCELLED').length).toBe(1)
})

it('a stream with a resume window goes on without its client, and is resumed through gRPC under its id', async () => {
  const stream = await sdk.chat.completions.create({
    ...asked('one two three four [[fault@openai:drip-events=20]]'),
    ...({ exai: { resume_window: '60s' } } as object),
    stream: true,
  })
  let id = ''
  for await (const chunk of stream) {
    id = chunk.id
    break
  }
  const ours = createClient(ChatService, grpcTo(service.url))
  const { text, kinds } = await readAll(ours.resumeStream({ responseId: id, afterSequence: 0 }))
  expect([text.trim(), kinds.at(-1)]).toEqual(['You said: one two three four', 'completed'])
})

it('an upload whose client leaves stores nothing', async () => {
  const sent = request(`${service.url}/v1/files`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'x-request-id': 'half-a-file' },
  })
  sent.on('error', () => undefined)
  const half = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhalf'
  sent.write(half, () => sent.destroy())
  expect(await service.call('half-a-file')).toMatchObject({ door: 'openai', reason: 'CANCELLED' })
  expect((await sdk.files.list()).data).toEqual([])
})

it('a conversation goes on under the id that the answer carries', async () => {
  const own = (exai: Record<string, unknown>) => ({ exai }) as object
  const first = await sdk.chat.completions.create({
    ...asked('remember'),
    ...own({ conversation_id: 'new' }),
  })
  const { conversation_id: id } = Reflect.get(first, 'exai') as { readonly conversation_id: string }
  expect(id).toMatch(/^conv_/)
  const next = await sdk.chat.completions.create({ ...asked('and now'), ...own({ conversation_id: id }) })
  // The double counts the words of the whole chat: three of the first turn and the answer, two of this one.
  expect(next.usage?.prompt_tokens).toBeGreaterThan((first.usage?.prompt_tokens ?? 0) + 2)
})
