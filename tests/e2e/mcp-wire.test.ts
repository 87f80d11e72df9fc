// The MCP door as its transport is written down: who is let in, what is refused and how, and that each tool call is a call.
import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mcpWays } from '../support/mcp-hosts.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const SECRET = 'a-secret-for-tests-only-of-at-least-32-bytes'

type Json = Readonly<Record<string, unknown>>
type Answer = { readonly status: number; readonly headers: Headers; readonly text: string }

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

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'tests', version: '1' } },
}
const chat = (prompt: string, id: number | string = 2): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'chat', arguments: { model: MODEL, prompt }, _meta: { progressToken: 7 } },
})

async function send(
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  method = 'POST',
  url = service.url,
): Promise<Answer> {
  const response = await fetch(new URL('/mcp', url), {
    method,
    headers: { ...HEADERS, ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** The messages of a stream of events. */
const messages = (text: string): readonly Json[] =>
  [...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data))
const errorIn = ({ text }: Answer): Json => JSON.parse(text).error

/** A token of the seed's form. */
function token(scope: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    iss: 'exai-mcp-server',
    aud: 'exai-mcp-client',
    sub: 'ada',
    tenant_id: 'acme',
    scope,
    exp: Math.floor(Date.now() / 1000) + 600,
  }
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

describe('a request that is not of the transport', () => {
  it.each([
    ['GET asks for a stream without a request', 405, undefined, {}, 'GET'],
    ['DELETE ends a session, and there is none', 405, undefined, {}, 'DELETE'],
    ['a body that is not JSON', 400, '{"jsonrpc":', {}, 'POST'],
    ['a batch, which revision 2025-06-18 took away', 400, [initialize], {}, 'POST'],
    ['JSON that is no message', 400, { hello: 'there' }, {}, 'POST'],
    ['another content type', 415, initialize, { 'content-type': 'text/plain' }, 'POST'],
    ['a compressed body', 415, initialize, { 'content-encoding': 'gzip' }, 'POST'],
    ['an Accept without streams', 406, initialize, { accept: 'application/json' }, 'POST'],
    ['a revision that does not exist', 400, chat('x'), { 'mcp-protocol-version': '1999-01-01' }, 'POST'],
    ['a body above the limit', 413, 'x'.repeat(6 * 1024 * 1024 + 1), {}, 'POST'],
    ['a page of a foreign site', 403, initialize, { origin: 'https://evil.example' }, 'POST'],
  ] as const)('is refused as a whole: %s', async (_, status, body, headers, method) => {
    const answer = await send(body, headers, method)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } })
    if (status === 405) expect(answer.headers.get('allow')).toBe('POST')
  })

  it('tells the reason of the service and the id of the request', async () => {
    const answer = await send('{"jsonrpc":', { 'x-request-id': 'not-json-at-all' })
    expect(errorIn(answer)).toMatchObject({
      code: -32_700,
      data: { reason: 'INVALID_REQUEST', code: 'INVALID_ARGUMENT', request_id: 'not-json-at-all' },
    })
    expect(await service.call('not-json-at-all')).toMatchObject({ door: 'mcp', reason: 'INVALID_REQUEST' })
  })

  it('is answered when it names a method that does not exist', async () => {
    const { status, text } = await send({ jsonrpc: '2.0', id: 9, method: 'no/such' })
    expect([status, messages(text)[0]]).toEqual([200, expect.objectContaining({ id: 9 })])
    expect(messages(text)[0]).toMatchObject({ error: { code: -32_601 } })
  })
})

describe('a service that asks who comes', () => {
  const start = async (): Promise<Service> => {
    const own = await startService({
      JWT_SECRET: SECRET,
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
    })
    onTestFinished(async () => void (await own.stop('SIGKILL')))
    return own
  }

  it('answers 401 to a bad credential and to none, and takes a good one', async () => {
    const { url } = await start()
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const answer = await send(initialize, headers, 'POST', url)
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      expect(errorIn(answer)).toMatchObject({ data: { reason: 'UNAUTHENTICATED' } })
    }
    const good = { authorization: `Bearer ${token('chat')}` }
    expect((await send(initialize, good, 'POST', url)).status).toBe(200)
  })

  it('asks each tool for the scope of its RPC, and shows the resources that the caller may see', async () => {
    const { url, port } = await start()
    const [way] = mcpWays
    const all = await way?.open({ url, port, credential: token('chat files monitoring') })
    const some = await way?.open({ url, port, credential: token('chat') })
    onTestFinished(async () => {
      await all?.close()
      await some?.close()
    })
    await all?.call('upload_file', { filename: 'a.txt', text: 'hello' })
    const mine = await some?.call('chat', { model: MODEL, prompt: 'hi', conversation_id: 'new' })
    expect(mine?.isError).toBe(false)
    for (const [name, args, scope] of [
      ['usage', {}, 'monitoring'],
      ['status', {}, 'monitoring'],
      ['upload_file', { filename: 'b.txt', text: 'x' }, 'files'],
      ['ask_file', { question: 'x', filename: 'b.txt', text: 'x' }, 'files'],
    ] as const) {
      const refused = await some?.call(name, args)
      expect(refused?.structured).toMatchObject({ error: { reason: 'PERMISSION_DENIED' } })
      expect(refused?.texts[0]).toContain(`needs the scope ${scope}`)
    }
    expect((await all?.resources())?.map(one => one.uri.split('/')[2])).toEqual(['files', 'conversations'])
    expect((await some?.resources())?.map(one => one.uri.split('/')[2])).toEqual(['conversations'])
  })
})

describe('a tool call', () => {
  it('is a call of its RPC, in the log and in the metrics; what only carries it is not', async () => {
    const id = `mcp-${randomUUID()}`
    await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'x-request-id': `${id}-list` })
    await send(chat('hi'), { 'x-request-id': id })
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
    const running = send(chat(`${mark} [[fault@openai:silence-after-events=2]]`, 'one'), {
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
    expect(messages(text).filter(message => 'result' in message || 'error' in message)).toEqual([])
  })

  it('works over HTTP/2, with progress as it comes', async () => {
    const client = connect(service.url)
    onTestFinished(() => client.destroy())
    const stream = client.request({ ':method': 'POST', ':path': '/mcp', ...HEADERS })
    stream.end(JSON.stringify(chat('hello over HTTP/2')))
    const [headers] = await once(stream, 'response')
    expect([headers[':status'], headers['content-type'], headers['connection']]).toEqual([
      200,
      'text/event-stream',
      undefined,
    ])
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    const all = messages(text)
    expect(all[0]).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 7, progress: 0 },
    })
    expect(all.at(-1)).toMatchObject({ id: 2, result: { structuredContent: { provider: 'openai' } } })
  })

  it('is told that the service stops, and does not hold it up', async () => {
    const own = await startService({
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      DRAIN_TIMEOUT: '1',
      DRAIN_DELAY: '0',
    })
    const mark = `drain ${randomUUID()}`
    const running = send(chat(`${mark} [[fault@openai:silence-after-events=2]]`), {}, 'POST', own.url)
    await upstream.waitFor(one => one.rawBody?.includes(mark) ?? false)
    expect(await own.stop()).toBe(0)
    const last = messages((await running).text).at(-1)
    expect(last).toMatchObject({
      result: { isError: true, structuredContent: { error: { reason: 'SHUTTING_DOWN' } } },
    })
  })
})
