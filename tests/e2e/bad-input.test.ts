// Tests that whatever is wrong with a request is answered with a clear status, and that the service goes on afterwards.
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { jsonQuestion, postJson } from '../support/clients.ts'
import { type Ended, enveloped, exchange, sendBytes, sendChat, wires } from '../support/clients-raw.ts'
import { openRaw } from '../support/raw-client.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let upstream: Upstream
let service: Service
const asked: string[] = []

beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
})

afterEach(async () => {
  if (isStopped) return
  const { status } = await postJson(service.url, 'Complete', jsonQuestion('sandbox', 'are you there?'))
  expect(status).toBe(200)
})

let isStopped = false
afterAll(async () => {
  if (!isStopped) await service.stop()
  await upstream.close()
})

/** A request id of its own for every call, so that the log can be counted. */
const requestId = (): Readonly<Record<string, string>> => {
  const id = `bad-${asked.length}`
  asked.push(id)
  return { 'x-request-id': id }
}

/** A clear end: the code, words that help, no insides of the program, and the id of the call. */
function expectClear({ code, message, reply }: Ended, expected: string, words: RegExp): void {
  expect({ code, message }).toEqual({ code: expected, message: expect.stringMatching(words) })
  expect(reply.body.toString()).not.toMatch(/\bat .*\.[jt]s:\d|node:internal|node_modules/)
  expect(reply.headers['x-request-id']).toBe(asked.at(-1))
}

const part = { text: 'hello' }
const user = { role: 'ROLE_USER', content: [part] }
const ask = (more: Readonly<Record<string, unknown>>) => jsonQuestion('sandbox', 'hello', more)
const tool = (parameters: unknown) => ask({ tools: [{ name: 'look', parameters }] })
const schema = (given: unknown) => ask({ responseFormat: { jsonSchema: { name: 'form', schema: given } } })
const result = { toolResult: { callId: 'call_1', content: [part] } }

const broken = [
  { what: 'no messages', message: { model: 'sandbox' }, words: /^messages needs at least one/ },
  { what: 'no model', message: { messages: [user] }, words: /^model is required/ },
  {
    what: 'a message without a role',
    message: { model: 'sandbox', messages: [{ content: [part] }] },
    words: /^messages\[0\]\.role is required/,
  },
  {
    what: 'a message without content',
    message: { model: 'sandbox', messages: [{ role: 'ROLE_USER' }] },
    words: /^messages\[0\]\.content needs at least one part/,
  },
  {
    what: 'an empty part',
    message: { model: 'sandbox', messages: [{ role: 'ROLE_USER', content: [{}] }] },
    words: /^messages\[0\]\.content\[0\] is empty/,
  },
  {
    what: 'a tool result without its call',
    message: { model: 'sandbox', messages: [user, { role: 'ROLE_TOOL', content: [result] }] },
    words: /^messages\[1\]\.content\[0\]\.tool_result\.call_id "call_1" answers no tool call/,
  },
  {
    what: 'a tool schema with a type that does not exist',
    message: tool({ type: 'object', properties: { city: { type: 'strin' } } }),
    words: /^tools\[0\]\.parameters at \/properties\/city has the type "strin"/,
  },
  {
    what: 'a tool schema that is no object',
    message: tool({ type: 'array' }),
    words: /^tools\[0\]\.parameters must be a schema of type object/,
  },
  {
    what: 'a response schema whose properties are a list',
    message: schema({ type: 'object', properties: ['city'] }),
    words: /^response_format\.json_schema\.schema at \/properties must be an object/,
  },
  { what: 'a temperature of 3', message: ask({ temperature: 3 }), words: /^temperature must be 0 to 2/ },
  {
    what: 'a tool choice without tools',
    message: ask({ toolChoice: { mode: 'MODE_REQUIRED' } }),
    words: /^tool_choice needs tools/,
  },
  {
    what: 'an idempotency key with a space',
    message: ask({ idempotencyKey: 'once more' }),
    words: /^idempotency_key takes visible ASCII characters only/,
  },
] as const

describe.each(wires)('in $name', wire => {
  it.each(broken)('$what is INVALID_ARGUMENT and named', async ({ message, words }) => {
    expectClear(await sendChat(service.url, wire, message, requestId()), 'invalid_argument', words)
  })

  it('an unknown model is NOT_FOUND and names near matches', async () => {
    const ended = await sendChat(service.url, wire, jsonQuestion('gpt-4o-minni', 'hello'), requestId())
    expectClear(ended, 'not_found', /"gpt-4o-minni"; near matches: .*\bgpt-4o-mini\b/)
  })

  it('a deadline of 1 ms is DEADLINE_EXCEEDED', async () => {
    const slow = ask({ providerOptions: { sandbox: { words: 100, delay_ms: 20 } } })
    const name = wire.protocol === 'connect' ? 'connect-timeout-ms' : 'grpc-timeout'
    const value = wire.protocol === 'connect' ? '1' : '1m'
    const ended = await sendChat(service.url, wire, slow, { ...requestId(), [name]: value })
    expectClear(ended, 'deadline_exceeded', /the deadline of 1 ms has passed/)
  })

  it('a body that is none is INVALID_ARGUMENT', async () => {
    const bodies =
      wire.protocol === 'connect'
        ? [
            '{"model":',
            '[]',
            '"hello"',
            '{"model":5}',
            '\u0000\u0001',
            '{"messages":[{"role":"ROLE_NOBODY"}]}',
          ]
        : [enveloped(Buffer.from('ffffffffff', 'hex')), enveloped(Buffer.from([0x0a, 0x7f, 0x41]))]
    for (const body of bodies) {
      const ended = await sendBytes(service.url, wire, Buffer.from(body), { headers: requestId() })
      expectClear(ended, 'invalid_argument', /./)
    }
  })

  it('a compressed message that is not compressed is INVALID_ARGUMENT', async () => {
    const isUnary = wire.protocol === 'connect'
    const body = isUnary ? Buffer.from('no gzip') : enveloped(Buffer.from('no gzip'), 1)
    const name = isUnary ? 'content-encoding' : 'grpc-encoding'
    const headers = { ...requestId(), [name]: 'gzip' }
    expectClear(await sendBytes(service.url, wire, body, { headers }), 'invalid_argument', /./)
  })

  it('a compression that nobody knows is UNIMPLEMENTED and the known one is named', async () => {
    const isUnary = wire.protocol === 'connect'
    const body = isUnary ? gzipSync('{}') : enveloped(gzipSync('{}'), 1)
    const name = isUnary ? 'content-encoding' : 'grpc-encoding'
    const headers = { ...requestId(), [name]: 'zip-of-yesterday' }
    expectClear(await sendBytes(service.url, wire, body, { headers }), 'unimplemented', /gzip/)
  })

  it('an unknown method is UNIMPLEMENTED', async () => {
    const unknown = await sendBytes(service.url, wire, Buffer.alloc(0), {
      method: 'Guess',
      headers: requestId(),
    })
    expectClear(unknown, 'unimplemented', /there is no method \/exai\.v1\.ChatService\/Guess/)
  })

  it('an unknown service is UNIMPLEMENTED', async () => {
    const ended = await sendChatTo(wire, '/exai.v1.Nobody/Complete')
    expectClear(ended, 'unimplemented', /there is no method \/exai\.v1\.Nobody\/Complete/)
  })

  const sendChatTo = (to: typeof wire, path: string): Promise<Ended> =>
    sendBytes(service.url, to, to.protocol === 'connect' ? Buffer.from('{}') : enveloped(Buffer.alloc(0)), {
      headers: requestId(),
      path,
    })
})

it.each(wires.filter(({ protocol }) => protocol !== 'connect'))(
  'in $name, a message that ends too early is INVALID_ARGUMENT',
  async wire => {
    const cut = enveloped(Buffer.alloc(100)).subarray(0, 50)
    const ended = await sendBytes(service.url, wire, cut, { headers: requestId() })
    expectClear(ended, 'invalid_argument', /./)
  },
)

describe('over plain HTTP', () => {
  const send = (method: string, headers: Readonly<Record<string, string>>, http: 1 | 2 = 1) =>
    exchange({
      url: service.url,
      path: '/exai.v1.ChatService/Complete',
      http,
      method,
      headers: { ...headers, ...requestId() },
      body: Buffer.from(method === 'GET' ? '' : 'hello'),
    })

  it.each([1, 2] as const)(
    'a wrong content type is 415 and the right ones are named (HTTP/%i)',
    async http => {
      const { status, body, headers } = await send('POST', { 'content-type': 'text/plain' }, http)
      expect(status).toBe(415)
      expect(JSON.parse(body.toString())).toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('application/json'),
      })
      expect(headers['accept-post']).toContain('application/json')
    },
  )

  it('a wrong method is 405 and the right one is named', async () => {
    const { status, headers } = await send('GET', {})
    expect([status, headers['allow']]).toEqual([405, 'POST'])
  })

  it('an unknown page is 404 and says what there is', async () => {
    const reply = await fetch(`${service.url}/nowhere`)
    expect(reply.status).toBe(404)
    expect(await reply.json()).toMatchObject({
      code: 'not_found',
      pages: expect.arrayContaining(['GET /health']),
    })
  })

  it('bytes that are no HTTP are 400 and end the connection', async () => {
    const client = await openRaw(service.port)
    client.send('EHLO mail.example.com\r\n\r\n')
    await client.ended
    expect(client.received()).toMatch(/^HTTP\/1\.1 400 /)
    client.socket.destroy()
  })

  it('HTTP/2 bytes that make no sense end the connection', async () => {
    const client = await openRaw(service.port)
    client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    client.send(Buffer.alloc(64, 0xff))
    await client.ended
    client.socket.destroy()
  })

  it('another host than loopback is refused, because nobody has to log in here', async () => {
    const { status, body } = await send('POST', { 'content-type': 'application/json', host: 'evil.example' })
    expect(status).toBe(403)
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'permission_denied' })
  })
})

it('every one of these calls has exactly one line in the log, and no line shows a stack', async () => {
  isStopped = true
  expect(await service.stop()).toBe(0)
  expect(asked.length).toBeGreaterThan(90)
  const counts = asked.map(id => ({ id, lines: service.calls(id).length }))
  expect(counts.filter(({ lines }) => lines !== 1)).toEqual([])
  expect(service.output()).not.toMatch(/\.ts:\d+|node:internal|uncaught/)
})
