// A session of an MCP host, with every official client and over both transports, against a running service.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manyKeys } from '../support/many-keys.ts'
import { type McpHost, mcpWays, type Progress } from '../support/mcp-hosts.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const SLOW_MS = 20_000

let upstream: Upstream
let service: Service

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys() })
  service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: upstream.url })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

describe.each(mcpWays)('an MCP host: $name', { timeout: SLOW_MS }, ({ open }) => {
  let host: McpHost
  beforeAll(async () => {
    host = await open(service)
  })
  afterAll(() => host.close())

  it('lists the tools with the schemas of what they take and give', async () => {
    const tools = await host.tools()
    expect(tools.map(({ name }) => name)).toEqual([
      'chat',
      'list_models',
      'explain_route',
      'upload_file',
      'ask_file',
      'usage',
      'status',
    ])
    for (const { inputSchema, outputSchema } of tools) {
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(outputSchema).toMatchObject({ type: 'object' })
    }
  })

  it('asks a model, goes on with the conversation, and is told what it cost', async () => {
    const answer = await host.call('chat', { model: MODEL, prompt: 'Hello!', conversation_id: 'new' })
    expect(answer.isError).toBe(false)
    expect(answer.structured).toMatchObject({
      model: 'test-model',
      provider: 'openai',
      finish_reason: 'STOP',
      text: answer.texts[0],
      usage: { provenance: 'REPORTED' },
      cost: { known: false },
    })
    const id = String(answer.structured['conversation_id'])
    expect(id).toMatch(/^conv_/)
    expect(answer.texts[1]).toContain(`conversation_id: ${id}`)
    await host.call('chat', { model: MODEL, prompt: 'And now?', conversation_id: id })
    const sent = upstream.requests.at(-1)?.body as { readonly messages: readonly unknown[] }
    expect(sent.messages).toHaveLength(3)
    const uri = `exai://conversations/${id}`
    expect((await host.resources()).map(one => one.uri)).toContain(uri)
    expect(JSON.parse(String((await host.read(uri))['text'])).messages).toHaveLength(4)
  })

  it('calls each of the other tools', async () => {
    const models = await host.call('list_models', { provider: 'openai' })
    expect(models.texts[0]).toContain('openai/test-model')
    expect(models.structured['models']).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: 'test-model', unroutable_reason: '' })]),
    )
    const route = await host.call('explain_route', { model: MODEL, prompt: 'Hello!' })
    expect(route.structured).toMatchObject({
      requested_model: MODEL,
      candidates: [{ provider: 'openai', model: 'test-model' }],
    })
    const usage = await host.call('usage', { group_by: ['provider'] })
    expect(usage.isError).toBe(false)
    expect(usage.structured['total']).toMatchObject({ provider: '' })
    const status = await host.call('status', {})
    expect(status.structured['status']).toMatchObject({ config_version: 1, draining: false })
  })

  it('uploads a file, reads it, and asks about it and about one that comes with the question', async () => {
    const content = Buffer.from('the secret is 42').toString('base64')
    const { structured } = await host.call('upload_file', { filename: 'a.txt', content_base64: content })
    const { id } = structured['file'] as { readonly id: string }
    expect(await host.read(`exai://files/${id}`)).toMatchObject({
      mimeType: 'text/plain',
      text: 'the secret is 42',
    })
    expect((await host.resources()).find(one => one.uri === `exai://files/${id}`)?.title).toBe('a.txt')
    const asked = await host.call('ask_file', { model: MODEL, question: 'What is it?', file_id: id })
    expect(asked.structured).toMatchObject({ file_id: id, provider: 'openai' })
    expect(JSON.stringify(upstream.requests.at(-1)?.body)).toContain('the secret is 42')
    const both = await host.call('ask_file', {
      model: MODEL,
      question: 'And this?',
      filename: 'b.txt',
      text: 'the other is 43',
    })
    expect(both.structured['file_id']).toMatch(/^file_/)
    expect(both.structured['file_id']).not.toBe(id)
    expect(JSON.stringify(upstream.requests.at(-1)?.body)).toContain('the other is 43')
    expect(await host.templates()).toEqual([
      'exai://files/{file_id}',
      'exai://conversations/{conversation_id}',
    ])
  })

  it('sees the progress while the answer streams', async () => {
    const seen: Progress[] = []
    const prompt =
      'Tell me of something long enough, with many words, so that it takes more than one piece [[fault@openai:drip-events=20]]'
    const answer = await host.call('chat', { model: MODEL, prompt }, { onProgress: one => seen.push(one) })
    expect(seen[0]).toMatchObject({ progress: 0, message: 'openai/test-model answers' })
    expect(seen.length).toBeGreaterThan(2)
    expect(seen.map(one => one.progress)).toEqual(seen.map(one => one.progress).toSorted((a, b) => a - b))
    const last = seen.at(-1)?.progress ?? 0
    expect(last).toBeGreaterThan(0)
    expect(last).toBeLessThanOrEqual(String(answer.structured['text']).length)
  })

  it('cancels a call, and the provider sees its connection close', async () => {
    const mark = `cancel ${crypto.randomUUID()}`
    const leaving = new AbortController()
    const prompt = `${mark} [[fault@openai:silence-after-events=2]]`
    const call = host.call(
      'chat',
      { model: MODEL, prompt },
      { signal: leaving.signal, onProgress: () => leaving.abort() },
    )
    await expect(call).rejects.toThrow()
    const asked = await upstream.waitFor(
      one => (one.rawBody?.includes(mark) ?? false) && one.closedByClientAtMs !== undefined,
    )
    expect(asked.closedByClientAtMs).toBeGreaterThan(0)
  })

  it('is told by a result why a call failed: a broken stream, a provider that fails, a model that is not there', async () => {
    const broken = await host.call('chat', { model: MODEL, prompt: 'x [[fault@openai:cut-after-events=4]]' })
    expect(broken.isError).toBe(true)
    expect(broken.structured).toMatchObject({
      error: { reason: 'UPSTREAM_BROKEN', code: 'ABORTED', origin: 'upstream' },
    })
    expect(broken.structured['partial_text']).toBe(broken.texts[1])
    expect(broken.texts[0]).toMatch(/^UPSTREAM_BROKEN: /)
    const unknown = await host.call('chat', { model: 'no-such-model', prompt: 'x' })
    expect(unknown.structured).toMatchObject({ error: { reason: 'MODEL_NOT_FOUND', code: 'NOT_FOUND' } })
    const file = await host.call('ask_file', { question: 'x', file_id: 'file_nobody-has-it' })
    expect(file.structured).toMatchObject({ error: { reason: 'FILE_NOT_FOUND' } })
  })

  it('is told what is wrong with its arguments', async () => {
    for (const [args, word] of [
      [{}, 'prompt'],
      [{ prompt: 'x', temprature: 1 }, 'temprature'],
      [{ prompt: 'x', max_output_tokens: 0 }, 'max_output_tokens'],
    ] as const) {
      const refused = await host.call('chat', args)
      expect(refused.isError).toBe(true)
      expect(refused.structured).toMatchObject({ error: { reason: 'INVALID_REQUEST' } })
      expect(refused.texts[0]).toContain(word)
    }
    await expect(host.call('no_such_tool', {})).rejects.toThrow(/there is no tool/)
    await expect(host.read('exai://files/file_nobody-has-it')).rejects.toThrow(/no file has the id/)
    await expect(host.read('file:///etc/passwd')).rejects.toThrow(/no resource has such a URI/)
  })
})
