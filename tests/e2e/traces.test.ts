// Traces of a running service: spans at a collector, the context in and out, and what happens without a collector.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { postJson } from '../support/clients.ts'
import { type Collector, startCollector } from '../support/otlp-collector.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = '00f067aa0ba902b7'
const COMPLETE = 'exai.v1.ChatService/Complete'
const PROMPT = 'canary-prompt-quokka'

let upstream: Upstream
const base = () => ({ OPENAI_API_KEY: 'sk-one-key-for-all-tests', OPENAI_BASE_URL: upstream.url })

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: ['sk-one-key-for-all-tests'] })
})
afterAll(() => upstream.close())

const ask = (service: Service, headers: Record<string, string> = {}, faults = '') =>
  postJson(
    service.url,
    'Complete',
    {
      model: 'openai/test-model',
      messages: [{ role: 'ROLE_USER', content: [{ text: `${faults} ${PROMPT}` }] }],
    },
    headers,
  )

const lastRequest = () => upstream.requests.at(-1)

describe('with a collector', () => {
  let collector: Collector
  let service: Service
  beforeAll(async () => {
    collector = await startCollector()
    service = await startService({
      ...base(),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20canary-collector-token',
      OTEL_SERVICE_NAME: 'exai-test',
    })
  })
  afterAll(async () => {
    await service.stop()
    await collector.close()
  })

  const spansOf = (traceId: string, count: number) =>
    vi.waitFor(
      () => {
        const found = collector.spans().filter(span => span.traceId === traceId)
        expect(found).toHaveLength(count)
        return found
      },
      { timeout: 30_000, interval: 50 },
    )

  it('a call is a server span under its caller, and its attempt a client span that the provider hears of', async () => {
    await ask(service, {
      traceparent: `00-${TRACE}-${PARENT}-01`,
      tracestate: 'vendor=one',
      'x-request-id': 'traced',
    })
    const spans = await spansOf(TRACE, 2)
    const server = spans.find(span => span.kind === 2)
    const client = spans.find(span => span.kind === 3)
    expect(server).toMatchObject({
      parentSpanId: PARENT,
      name: COMPLETE,
      status: 0,
      attributes: {
        'exai.request_id': 'traced',
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.response.model': 'test-model',
        'rpc.method': 'Complete',
        'rpc.service': 'exai.v1.ChatService',
        'rpc.response.status_code': 'OK',
      },
    })
    expect(client).toMatchObject({
      parentSpanId: server?.spanId,
      name: 'chat test-model',
      status: 0,
      traceState: 'vendor=one',
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'test-model',
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(upstream.url).port),
      },
    })
    expect(client?.attributes['gen_ai.usage.input_tokens']).toBe(
      server?.attributes['gen_ai.usage.input_tokens'],
    )
    expect(client?.attributes['gen_ai.usage.output_tokens']).toBeGreaterThan(0)
    expect(lastRequest()?.headers).toMatchObject({
      traceparent: `00-${TRACE}-${client?.spanId}-01`,
      tracestate: 'vendor=one',
    })
    expect(await service.call('traced')).toMatchObject({ trace_id: TRACE })
    expect(collector.resource()).toMatchObject({ 'service.name': 'exai-test' })
    expect(collector.exports().at(-1)?.authorization).toBe('Bearer canary-collector-token')
    expect(
      JSON.stringify(collector.spans(), (_, value) => (typeof value === 'bigint' ? '' : value)),
    ).not.toContain(PROMPT)
    expect(service.output()).not.toContain('canary-collector-token')
  })

  it('an embedding is one operation of its own, of the call as of its attempt', async () => {
    const reply = await fetch(`${service.url}/exai.v1.EmbeddingsService/Embed`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'embedded' },
      body: JSON.stringify({ model: 'text-embedding-3-small', inputs: [PROMPT] }),
    })
    expect(reply.status).toBe(200)
    const { trace_id: traceId } = await service.call('embedded')
    const spans = await spansOf(String(traceId), 2)
    for (const span of spans)
      expect(span.attributes).toMatchObject({
        'gen_ai.operation.name': 'embeddings',
        'gen_ai.request.model': 'text-embedding-3-small',
        'gen_ai.usage.input_tokens': expect.anything(),
      })
    expect(spans.map(({ name }) => name).sort()).toEqual([
      'embeddings text-embedding-3-small',
      'exai.v1.EmbeddingsService/Embed',
    ])
    expect(lastRequest()?.headers['traceparent']).toContain(traceId)
  })

  it('a call without a context begins a trace, and each attempt has a span of its own with its error', async () => {
    await ask(service, { 'x-request-id': 'failed' }, '[[fault:status=500]]')
    const { trace_id: traceId, attempts } = await service.call('failed')
    const spans = await spansOf(String(traceId), Number(attempts) + 1)
    const clients = spans.filter(span => span.kind === 3)
    expect(clients.length).toBe(Number(attempts))
    for (const span of clients)
      expect(span).toMatchObject({ status: 2, attributes: { 'error.type': 'UPSTREAM_UNAVAILABLE' } })
    expect(spans.find(span => span.kind === 2)).toMatchObject({
      parentSpanId: '',
      status: 2,
      attributes: { 'error.type': 'UPSTREAM_UNAVAILABLE', 'rpc.response.status_code': 'UNAVAILABLE' },
    })
  })

  it('a caller that does not record is not recorded, and its context goes on', async () => {
    const before = collector.spans().length
    const other = TRACE.replace('0af', '1bf')
    await ask(service, { traceparent: `00-${other}-${PARENT}-00` })
    expect(lastRequest()?.headers['traceparent']).toMatch(
      new RegExp(`^00-${other}-(?!${PARENT})[\\da-f]{16}-00$`),
    )
    await ask(service, { traceparent: `00-${other.replace('1bf', '2bf')}-${PARENT}-01` })
    await spansOf(other.replace('1bf', '2bf'), 2)
    expect(collector.spans().length).toBe(before + 2)
  })

  it('health checks have no spans', async () => {
    await fetch(`${service.url}/health`)
    const next = TRACE.replace('0af', '3bf')
    await ask(service, { traceparent: `00-${next}-${PARENT}-01` })
    await spansOf(next, 2)
    expect(collector.spans().filter(span => /health/i.test(span.name))).toEqual([])
  })

  it('metrics say how many spans arrived', async () => {
    // A span is counted when the collector has answered, a moment after it has come.
    await expect
      .poll(async () => {
        const page = await (await fetch(`${service.url}/metrics`)).text()
        const [, count] = /^exai_trace_spans_total\{outcome="exported"\} (\d+)$/m.exec(page) ?? []
        return Number(count) - collector.spans().length
      })
      .toBe(0)
  })
})

describe('when the service stops', () => {
  it('the last spans still arrive', async () => {
    const collector = await startCollector()
    const service = await startService({ ...base(), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    await ask(service)
    expect(await service.stop()).toBe(0)
    expect(collector.spans()).toHaveLength(2)
    await collector.close()
  })

  it('a dead collector neither holds it up nor harms a call, and is told of once', async () => {
    const collector = await startCollector()
    await collector.close()
    const service = await startService({ ...base(), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    for (let at = 0; at < 5; at += 1) expect((await ask(service)).status).toBe(200)
    await service.line(({ msg }) => String(msg).startsWith('traces cannot be exported'), 20_000)
    const page = await (await fetch(`${service.url}/metrics`)).text()
    expect(page).toMatch(/^exai_trace_spans_total\{outcome="failed"\} \d+$/m)
    const before = performance.now()
    expect(await service.stop()).toBe(0)
    expect(performance.now() - before).toBeLessThan(6_000)
    expect(
      service.log().filter(({ msg }) => String(msg).startsWith('traces cannot be exported')),
    ).toHaveLength(1)
  })
})

describe('without a collector', () => {
  it('nothing of OpenTelemetry is loaded, and the context of a caller goes on to the provider as it came', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'exai-loaded-'))
    const list = join(folder, 'loaded.txt')
    const hook = join(folder, 'hook.mjs')
    writeFileSync(
      hook,
      `import { registerHooks } from 'node:module'
import { appendFileSync } from 'node:fs'
registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context) } })`,
    )
    const loaded = async (env: Record<string, string>) => {
      writeFileSync(list, '')
      const service = await startService({ ...base(), ...env, NODE_OPTIONS: `--import ${hook}` })
      await ask(service, { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'untraced' })
      expect(lastRequest()?.headers['traceparent']).toContain(TRACE)
      expect(await service.call('untraced')).toMatchObject({ trace_id: TRACE })
      await service.stop()
      return readFileSync(list, 'utf8').split('\n')
    }
    const off = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' })
    expect(lastRequest()?.headers['traceparent']).toBe(`00-${TRACE}-${PARENT}-01`)
    expect(off.some(url => url.includes('pino'))).toBe(true)
    // prom-client brings the API alone, for exemplars.
    const api = /\/@opentelemetry\/api\//
    expect(off.filter(url => /opentelemetry|otel/.test(url) && !api.test(url))).toEqual([])
    expect(off.filter(url => url.includes('rotating-file-stream'))).toEqual([])
    const on = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
    expect(on.some(url => url.includes('/@opentelemetry/sdk-trace/'))).toBe(true)
    rmSync(folder, { recursive: true })
  })
})
