// What goes wrong behind /v1/responses reaches OpenAI's own package as its own errors, and never as a complete answer.
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

async function failure(call: Promise<unknown>): Promise<APIError> {
  try {
    await call
  } catch (error) {
    if (error instanceof APIError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

describe('previous_response_id', () => {
  it('does not go on from an earlier answer, nor from one that is not kept', async () => {
    const first = await sdk.responses.create({ ...asked('one'), store: true })
    await sdk.responses.create({ ...asked('two'), previous_response_id: first.id })
    const before = upstream.requests.length
    const late = await failure(sdk.responses.create({ ...asked('2'), previous_response_id: first.id }))
    expect(late).toMatchObject({ status: 400, code: 'invalid_request', param: 'previous_response_id' })
    expect(late.message).toContain('is not the latest answer')
    const unkept = await sdk.responses.create(asked('one'))
    expect(unkept.conversation).toBeNull()
    for (const id of [unkept.id, 'resp_1']) {
      const error = await failure(sdk.responses.create({ ...asked('2'), previous_response_id: id }))
      expect(error).toMatchObject({
        status: 404,
        code: 'conversation_not_found',
        param: 'previous_response_id',
      })
      expect(error.message).toContain('store: true')
    }
    expect(upstream.requests.length).toBe(before + 1)
  })

  it('gets a repeated turn once, also when it is repeated after its answer', async () => {
    const first = await sdk.responses.create({ ...asked('one'), store: true })
    const turn = { ...asked('two'), previous_response_id: first.id }
    const options = { headers: { 'Idempotency-Key': 'turn-two' } }
    const before = upstream.requests.length
    const answers = [await sdk.responses.create(turn, options), await sdk.responses.create(turn, options)]
    expect(answers[1]?.id).toBe(answers[0]?.id)
    expect(upstream.requests.length).toBe(before + 1)
  })
})

describe('a stream whose upstream breaks', () => {
  it('ends with response.failed and an error that has a code, and never with response.completed', async () => {
    const types: string[] = []
    const texts: string[] = []
    const read = async (): Promise<void> => {
      const stream = await sdk.responses.create({
        ...asked('one two three [[fault@openai:end-after-events=3]]'),
        stream: true,
      })
      for await (const event of stream) {
        types.push(event.type)
        if (event.type === 'response.output_text.delta') texts.push(event.delta)
        if (event.type === 'response.failed')
          expect(event.response).toMatchObject({
            status: 'failed',
            error: { code: 'upstream_broken' },
            output: [{ status: 'incomplete', content: [{ text: texts.join('') }] }],
          })
      }
    }
    const error = await failure(read())
    expect(error.code).toBe('upstream_broken')
    expect(texts.join('')).toMatch(/^You/)
    expect(types.slice(0, 2)).toEqual(['response.created', 'response.in_progress'])
    expect(types.at(-1)).toBe('response.failed')
    expect(types).not.toContain('response.completed')
    await expect(
      sdk.responses.stream(asked('one two [[fault@openai:end-after-events=3]]')).finalResponse(),
    ).rejects.toMatchObject({ code: 'upstream_broken' })
  })

  it('before its first word is an error like any other', async () => {
    const error = await failure(
      sdk.responses.create({ ...asked('hi [[fault@openai:error=429]]'), stream: true }).asResponse(),
    )
    expect(error).toMatchObject({ status: 429, code: 'upstream_limited', type: 'rate_limit_error' })
  })
})

describe('an error', () => {
  it.each([
    [{ background: true }, 'background'],
    [{ tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }, 'tools[0].type'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input[0].type'],
    [{ input: [{ role: 'user', content: [{ type: 'input_text' }] }] }, 'input[0].content[0].text'],
    [{ text: { format: { type: 'xml' } } }, 'text.format.type'],
  ] as const)('says its field: %j', async (fields, param) => {
    // What is wrong on purpose has no type in the package.
    const body = { ...asked('hi'), ...fields } as unknown as ReturnType<typeof asked>
    const error = await failure(sdk.responses.create(body))
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param })
    expect(error.requestID).toMatch(/^call_/)
  })
})
