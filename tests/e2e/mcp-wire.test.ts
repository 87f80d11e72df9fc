// The MCP door as its transport is written down: who is let in, and what is refused and how.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mcpWays } from '../support/mcp-hosts.ts'
import {
  chatMessage,
  initialize,
  type Json,
  type McpAnswer,
  mcpHeaders,
  messagesIn,
  sendMcp,
} from '../support/mcp-raw.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const SECRET = 'a-secret-for-tests-only-of-at-least-32-bytes'

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
const errorIn = ({ text }: McpAnswer): Json => JSON.parse(text).error

/** A token of the seed's form. */
function token(scope: string, tenant = 'acme'): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    iss: 'exai-mcp-server',
    aud: 'exai-mcp-client',
    sub: 'ada',
    tenant_id: tenant,
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
    [
      'a revision that does not exist',
      400,
      chatMessage('x'),
      { 'mcp-protocol-version': '1999-01-01' },
      'POST',
    ],
    ['a body above the limit', 413, 'x'.repeat(6 * 1024 * 1024 + 1), {}, 'POST'],
    ['a page of a foreign site', 403, initialize, { origin: 'https://evil.example' }, 'POST'],
  ] as const)('is refused as a whole: %s', async (_, status, body, headers, method) => {
    const answer = await send(body, headers, method)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } })
    if (status === 405) expect(answer.headers.get('allow')).toBe('POST')
  })

  it('says of a batch that each message wants a request of its own', async () => {
    for (const batch of [[initialize], []])
      expect(errorIn(await send(batch))['message']).toContain(
        'batches are not taken, as of revision 2025-06-18 of MCP: send each message in a request of its own',
      )
  })

  it('tells the reason of the service and the id of the request', async () => {
    const answer = await send('{"jsonrpc":', { 'x-request-id': 'not-json-at-all' })
    expect(errorIn(answer)).toMatchObject({
      code: -32_700,
      data: { reason: 'INVALID_REQUEST', code: 'INVALID_ARGUMENT', request_id: 'not-json-at-all' },
    })
    expect(await service.call('not-json-at-all')).toMatchObject({ door: 'mcp', reason: 'INVALID_REQUEST' })
  })

  it('is refused when it came by the name of a foreign host', async () => {
    const asked = request(`${service.url}/mcp`, {
      method: 'POST',
      headers: { ...mcpHeaders, host: 'evil.example' },
    })
    asked.end(JSON.stringify(initialize))
    const [answer] = await once(asked, 'response')
    expect(answer.statusCode).toBe(403)
    answer.resume()
  })

  it('is answered when it names a method that does not exist', async () => {
    const { status, text } = await send({ jsonrpc: '2.0', id: 9, method: 'no/such' })
    expect([status, messagesIn(text)[0]]).toEqual([200, expect.objectContaining({ id: 9 })])
    expect(messagesIn(text)[0]).toMatchObject({ error: { code: -32_601 } })
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

  it('shows a tenant nothing of another one', async () => {
    const { url, port } = await start()
    const [way] = mcpWays
    const acme = await way?.open({ url, port, credential: token('chat files') })
    const other = await way?.open({ url, port, credential: token('chat files', 'other') })
    onTestFinished(async () => {
      await acme?.close()
      await other?.close()
    })
    const stored = await acme?.call('upload_file', { filename: 'a.txt', text: 'hello' })
    const id = String(Object(stored?.structured['file']).id)
    expect((await acme?.read(`exai://files/${id}`))?.['text']).toBe('hello')
    expect(await other?.resources()).toEqual([])
    await expect(other?.read(`exai://files/${id}`)).rejects.toThrow(/no file has the id/)
    const asked = await other?.call('ask_file', { model: MODEL, question: 'x', file_id: id })
    expect(asked?.structured).toMatchObject({ error: { reason: 'FILE_NOT_FOUND' } })
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

describe('a subscription to news', () => {
  it('is taken and ends at once, because there will be none: nothing can be kept open that no limit counts', async () => {
    const revision = '2026-07-28'
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': revision,
      'io.modelcontextprotocol/clientInfo': { name: 'tests', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const notifications = {
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
      resourceSubscriptions: ['exai://files/file_01a20688-f8e9-74a0-9aab-61caf87fcb75'],
    }
    const method = 'subscriptions/listen'
    const { status, text } = await send(
      { jsonrpc: '2.0', id: 1, method, params: { notifications, _meta } },
      { 'mcp-protocol-version': revision, 'mcp-method': method },
    )
    expect(status).toBe(200)
    expect(messagesIn(text)).toMatchObject([
      { method: 'notifications/subscriptions/acknowledged', params: { notifications: {} } },
      { id: 1, result: { resultType: 'complete' } },
    ])
  })
})

describe('a page of an allowed origin', () => {
  it('may send what the transport needs, and read the session', async () => {
    const origin = 'http://localhost:4321'
    const own = await startService({ CORS_ORIGINS: origin })
    onTestFinished(async () => void (await own.stop('SIGKILL')))
    const asked = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,mcp-protocol-version,mcp-method',
    }
    const { status, headers } = await send(undefined, asked, 'OPTIONS', own.url)
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, origin])
    const allowed = headers.get('access-control-allow-headers')?.toLowerCase().split(', ')
    expect(allowed).toEqual(expect.arrayContaining(['content-type', 'mcp-protocol-version', 'mcp-method']))
    const answer = await send(initialize, { origin }, 'POST', own.url)
    expect(answer.headers.get('access-control-expose-headers')).toContain('mcp-session-id')
  })
})
