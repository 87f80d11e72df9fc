// Checks that no key leaves an attempt when a provider echoes the whole Authorization header wherever it can.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { Provider } from '../../../src/core/provider.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { createOpenAiCompatible } from '../../../src/providers/openai-compatible.ts'
import { createRedactor, secretsOf } from '../../../src/providers/openai-dialect/redact.ts'
import { attempt, collect, failure, model, thinker } from './attempt.ts'

// Shaped like no vendor's key, so that only knowing it helps.
const KEY = 'zq-plain.words.1'
const TOKEN = 'inner-door-77'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

type Echo = (key: string, response: ServerResponse) => void

/** A provider that answers as told, with the header that it was sent. */
async function asking(echo: Echo, kind = createOpenAiCompatible): Promise<Provider> {
  const server = createServer((request: IncomingMessage, response) => {
    request.resume()
    echo(`${request.headers.authorization} ${request.headers['x-house-token']}`, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  // The parse boundary: it listens on a port, so its address is one.
  const { port } = server.address() as AddressInfo
  const provider = kind({
    id: 'openai',
    baseUrl: `http://127.0.0.1:${port}/v1`,
    keys: [KEY],
    headers: { 'x-house-token': `Token ${TOKEN}` },
  })
  open.push(async () => {
    await provider.close?.()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return provider
}

const json = (status: number, body: object, response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const events = (list: readonly string[], response: ServerResponse) =>
  void response
    .writeHead(200, { 'content-type': 'text/event-stream' })
    .end(list.map(data => `data: ${data}\n\n`).join(''))

/** Everything there is in a value: causes, details, and what is hidden. */
const whole = (value: unknown): string =>
  inspect(value, { depth: 12, showHidden: true, maxStringLength: null })
function expectClean(value: unknown): void {
  expect(whole(value)).not.toContain(KEY)
  expect(whole(value)).not.toContain(TOKEN)
}

const chunk = (over: object): string =>
  JSON.stringify({ id: 'c1', choices: [{ delta: { content: 'Hi' } }], ...over })

const failing: Readonly<Record<string, Echo>> = {
  'the message of a refusal': (key, out) => json(400, { error: { message: `bad ${key}`, code: 'x' } }, out),
  'the code of a refusal': (key, out) => json(400, { error: { message: 'bad', code: key, type: key } }, out),
  'a refusal of the key': (key, out) => json(401, { error: { message: key, code: 'invalid_api_key' } }, out),
  'a text that is no JSON': (key, out) =>
    void out.writeHead(200, { 'content-type': 'application/json' }).end(key.split(' ')[1]),
  'an event that is no JSON': (key, out) => events([key.split(' ')[1] ?? ''], out),
  'an error in a stream': (key, out) =>
    events([chunk({}), JSON.stringify({ error: { message: key, code: key } })], out),
  'the reason of an error in a stream': (key, out) =>
    events([JSON.stringify({ error: { message: key, type: 'invalid_request_error' } })], out),
  'bytes that are no HTTP': (key, out) => void out.socket?.end(`HTTP/1.1 200 OK\r\n${key}\r\n\r\n`),
}

describe('an answer that fails', () => {
  it.each(Object.entries(failing))('lets no key out that stands in %s', async (_, echo) => {
    const provider = await asking(echo)
    const { error, said } = await failure(provider.open(attempt({}, { stream: true })))
    expectClean([error, said])
  })
})

const named = (key: string) => {
  const value = key.split(' ')[1] ?? ''
  return {
    id: value,
    model: value,
    service_tier: key,
    system_fingerprint: key,
    provider: key,
    request_id: value,
  }
}
const done = (key: string) => [{ delta: { content: 'Hi' }, message: { content: 'Hi' }, finish_reason: key }]
const answering: Readonly<Record<string, Echo>> = {
  'the names of a stream': (key, out) =>
    events([JSON.stringify({ ...named(key), choices: done(key) }), '[DONE]'], out),
  'the names of a document': (key, out) => json(200, { ...named(key), choices: done(key) }, out),
  'its header fields': (key, out) => {
    out.setHeader('x-request-id', key.split(' ')[1] ?? '')
    json(200, { id: 'c1', choices: done('stop') }, out)
  },
}

describe('an answer that succeeds', () => {
  it.each(Object.entries(answering))('lets no key out that stands in %s', async (_, echo) => {
    const provider = await asking(echo)
    const said = await collect(provider.open(attempt({}, { stream: true })))
    expect(said).toContainEqual({ type: 'text', text: 'Hi' })
    expectClean(said)
  })

  it('of the Responses endpoint lets no key out that stands in its names', async () => {
    const provider = await asking((key, out) => {
      const { id, service_tier } = named(key)
      const response = {
        id,
        model: id,
        service_tier,
        status: 'incomplete',
        incomplete_details: { reason: key },
      }
      events([JSON.stringify({ type: 'response.incomplete', response: { ...response, output: [] } })], out)
    }, createOpenAi)
    const only = thinker({ endpoints: ['responses'] })
    const said = await collect(provider.open(attempt({}, { stream: true, model: only })))
    expect(said.at(-1)).toMatchObject({ type: 'finish' })
    expectClean(said)
  })

  it('keeps names that are no keys, and leaves out those longer than 256 characters', async () => {
    const provider = await asking((_, out) => {
      out.setHeader('x-request-id', 'req_1')
      json(200, { id: 'chatcmpl-1', model: 'm'.repeat(257), choices: done('stop') }, out)
    })
    const said = await collect(provider.open(attempt({}, { model: model() })))
    expect(said.filter(({ type }) => type === 'meta')).toEqual([
      { type: 'meta', metadata: { request_id: 'req_1' } },
      { type: 'meta', responseId: 'chatcmpl-1' },
    ])
  })
})

describe('a key that no header may hold', () => {
  it('is told as such, without being named', async () => {
    const provider = createOpenAiCompatible({
      id: 'house',
      baseUrl: 'http://127.0.0.1:9/v1',
      keys: ['two\nlines-of-a-key'],
    })
    const { error } = await failure(provider.open(attempt({})))
    await provider.close?.()
    expect(error.message).toBe(
      'house cannot be asked: its key or a header field of its settings holds what no header may',
    )
    expect(whole(error)).not.toContain('lines-of-a-key')
  })
})

describe('a text with two keys of which one begins the other', () => {
  it('holds nothing of either', () => {
    const redact = createRedactor(['zq.short', 'zq.short.and.more'])
    expect(redact('no zq.short.and.more, no zq.short')).toBe('no [redacted], no [redacted]')
  })
})

describe('what is secret in settings', () => {
  it('is each key, and what lets somebody in of the header fields, with and without its scheme', () => {
    const headers = { 'api-key': 'k-1', authorization: 'Basic abc', 'x-title': 'My house' }
    expect(secretsOf([{ secret: 's-1' }], headers)).toEqual(
      expect.arrayContaining(['s-1', 'k-1', 'Basic abc', 'abc']),
    )
    expect(secretsOf([], { 'x-title': 'My house' })).toEqual([])
  })
})
