// Calls of tools over HTTP: each is a call of its RPC, it ends when its client says so, its time is over or the service stops.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mcpWays } from '../support/mcp-hosts.ts'
import { chatMessage, initialize, mcpHeaders, messagesIn, sendMcp } from '../support/mcp-raw.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'

let upstream: Upstream
let service: Service
beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const send = (
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  method = 'POST',
  url = service.url,
) => sendMcp(url, body, headers, method)

describe('a tool call', () => {
  it('is a call of its RPC, in the log and in the metrics; what only carries it is not', async () => {
    const id = `mcp-${randomUUID()}`
    await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'x-request-id': `${id}-list` })
    await send(chatMessage('hi'), { 'x-request-id': id })
    expect(await service.call(id)).toMatchObject({
      door: 'mcp',
      method: 'exai.v1.ChatService/StreamComplete',
      code: 'OK',
      provider: 'openai',
    })
    expect(service.calls(id)).toHaveLength(1)
    expect(service.calls(`${id}-list`)).toHaveLength(0)
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    expect(metrics).toMatch(
      /^exai_requests_total\{door="mcp",method="exai.v1.ChatService\/StreamComplete",code="OK"\} \d+$/m,
    )
  })

  it('is counted by the limits of its caller, and listing is not', async () => {
    const own = await startService(
      { EXAI_CONFIG: 'exai.yaml', OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url },
      { files: { 'exai.yaml': 'limits: { tenants: { default: { requests_per_minute: 1 } } }\n' } },
    )
    onTestFinished(async () => void (await own.stop('SIGKILL')))
    const host = await mcpWays[0]?.open(own)
    onTestFinished(async () => host?.close())
    await host?.tools()
    await host?.tools()
    expect((await host?.call('chat', { model: MODEL, prompt: 'hi' }))?.isError).toBe(false)
    const refused = await host?.call('chat', { model: MODEL, prompt: 'hi' })
    expect(refused?.structured).toMatchObject({
      error: { reason: 'RATE_LIMITED', retry_delay_ms: expect.any(Number) },
    })
    expect(await host?.tools()).toHaveLength(7)
  })

  it('ends when its client of an older revision says so in another request, and not when another session does', async () => {
    const session = (await send(initialize)).headers.get('mcp-session-id') ?? ''
    expect(session).toMatch(/^[\da-f-]{36}$/)
    const mark = `cancel ${randomUUID()}`
    const running = send(chatMessage(`${mark} [[fault@openai:silence-after-events=2]]`, 'one'), {
      'mcp-session-id': session,
    })
    const asked = await upstream.waitFor(one => one.rawBody?.includes(mark) ?? false)
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'one' } }
    expect((await send(cancel, { 'mcp-session-id': randomUUID() })).status).toBe(202)
    await send({ jsonrpc: '2.0', id: 5, method: 'ping' }, { 'mcp-session-id': session })
    expect(asked.closedByClientAtMs).toBeUndefined()
    expect((await send(cancel, { 'mcp-session-id': session })).status).toBe(202)
    await upstream.waitFor(
      one => (one.rawBody?.includes(mark) ?? false) && one.closedByClientAtMs !== undefined,
    )
    const { status, text } = await running
    expect(status).toBe(200)
    expect(messagesIn(text).filter(message => 'result' in message || 'error' in message)).toEqual([])
  })

  it('works over HTTP/2, with progress as it comes', async () => {
    const client = connect(service.url)
    onTestFinished(() => client.destroy())
    const stream = client.request({ ':method': 'POST', ':path': '/mcp', ...mcpHeaders })
    stream.end(JSON.stringify(chatMessage('hello over HTTP/2')))
    const [headers] = await once(stream, 'response')
    expect([headers[':status'], headers['content-type'], headers['connection']]).toEqual([
      200,
      'text/event-stream',
      undefined,
    ])
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    const all = messagesIn(text)
    expect(all[0]).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 7, progress: 0 },
    })
    expect(all.at(-1)).toMatchObject({ id: 2, result: { structuredContent: { provider: 'openai' } } })
  })

  it('is told that its time is over', async () => {
    const own = await startService({
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      REQUEST_TIMEOUT: '1',
    })
    onTestFinished(async () => void (await own.stop('SIGKILL')))
    const { text } = await send(chatMessage('x [[fault@openai:silence-after-events=2]]'), {}, 'POST', own.url)
    expect(messagesIn(text).at(-1)).toMatchObject({
      result: { isError: true, structuredContent: { error: { reason: 'DEADLINE_EXCEEDED' } } },
    })
  })

  it('is told that the service stops, and does not hold it up', async () => {
    const own = await startService({
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      DRAIN_TIMEOUT: '1',
      DRAIN_DELAY: '0',
    })
    const mark = `drain ${randomUUID()}`
    const running = send(chatMessage(`${mark} [[fault@openai:silence-after-events=2]]`), {}, 'POST', own.url)
    await upstream.waitFor(one => one.rawBody?.includes(mark) ?? false)
    expect(await own.stop()).toBe(0)
    const last = messagesIn((await running).text).at(-1)
    expect(last).toMatchObject({
      result: { isError: true, structuredContent: { error: { reason: 'SHUTTING_DOWN' } } },
    })
  })
})
