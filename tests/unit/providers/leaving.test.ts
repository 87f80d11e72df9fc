// Checks that whoever leaves an answer at any stage closes its connection, whatever is done around the request.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { createMiniMax } from '../../../src/providers/minimax.ts'
import { eventually } from '../../support/eventually.ts'
import { attempt, failure, model } from './attempt.ts'

/** What the host sends to each request: chunks, after which it says nothing more. */
let script: readonly (readonly object[])[] = []
let requests = 0
let provider: Provider
let ways: Readonly<Record<string, Provider>>
/** Answers that the host has not ended, and whose connections are open. */
const open = new Set<ServerResponse>()
const server = createServer((request, response) => {
  request.resume()
  const chunks = script[requests] ?? []
  requests += 1
  open.add(response)
  response.on('close', () => open.delete(response))
  if (chunks.length === 0) return
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`)
  if (chunks.at(-1) === done) response.end('data: [DONE]\n\n')
})
let downloads = 0
const fetching: AbortSignal[] = []

beforeEach(async () => {
  requests = 0
  downloads = 0
  fetching.length = 0
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  // The parse boundary: it listens on a port, so its address is one.
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  const settings = {
    id: 'host',
    baseUrl,
    keys: ['test-key'],
    fetchMedia: (_: string, signal: AbortSignal) => {
      downloads += 1
      fetching.push(signal)
      return new Promise<never>((__, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
      )
    },
  }
  ways = { kimi: createKimi(settings), minimax: createMiniMax(settings) }
})
afterEach(async () => {
  for (const each of Object.values(ways)) await each.close?.()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

const says = (content: string) => ({ id: 'c', choices: [{ delta: { content } }] })
const searches = {
  id: 'c',
  choices: [
    {
      delta: { tool_calls: [{ index: 0, id: 's1', function: { name: '$web_search', arguments: '{}' } }] },
      finish_reason: 'tool_calls',
    },
  ],
}
const done = { id: 'c', choices: [{ delta: {}, finish_reason: 'stop' }] }
const object = { responseFormat: { format: { case: 'json' as const, value: {} } } }
const media = (...urls: readonly string[]) => ({
  messages: [
    {
      role: Role.USER,
      content: urls.map(value => {
        const source = { case: 'url' as const, value }
        return { kind: { case: 'media' as const, value: { mimeType: 'image/png', source } } }
      }),
    },
  ],
})

interface Stage {
  readonly kind: string
  readonly request: object
  readonly script: typeof script
  /** Batches that come before the reader leaves; the one after them never does. */
  readonly batches: number
  /** Requests that the host has got by then. */
  readonly requests: number
}
const stages: Readonly<Record<string, Stage>> = {
  'before the head of the answer': { kind: 'kimi', request: {}, script: [[]], batches: 0, requests: 1 },
  'after a first piece': { kind: 'kimi', request: {}, script: [[says('Hi')]], batches: 1, requests: 1 },
  'in the first turn of a search': {
    kind: 'kimi',
    request: { webSearch: {} },
    script: [[says('Let me look.')]],
    batches: 1,
    requests: 1,
  },
  'in the second turn of a search': {
    kind: 'kimi',
    request: { webSearch: {} },
    script: [[searches, done], [says('It is')]],
    batches: 2,
    requests: 2,
  },
  'while a stop string is looked for': {
    kind: 'minimax',
    request: { stop: ['END'] },
    script: [[says('Hi')]],
    batches: 1,
    requests: 1,
  },
  'while the first answer is held back': {
    kind: 'minimax',
    request: object,
    script: [[says('{')]],
    batches: 1,
    requests: 1,
  },
  'while a wrong answer is mended': {
    kind: 'minimax',
    request: object,
    script: [[says('no'), done], [says('{')]],
    batches: 2,
    requests: 2,
  },
  'while media are downloaded': {
    kind: 'kimi',
    request: media('https://example.com/a.png'),
    script: [],
    batches: 0,
    requests: 0,
  },
}

/** Opens the answer of a stage. */
function begin({ kind, request, script: told }: Stage) {
  script = told
  const found = ways[kind]
  if (found === undefined) throw new Error(`there is no ${kind}`)
  provider = found
  const leaving = new AbortController()
  const input = attempt(request, { stream: true, signal: leaving.signal, model: model({ provider: 'host' }) })
  return { leaving, answer: provider.open(input)[Symbol.asyncIterator]() }
}

/** Reads until the answer has nothing more to give, and leaves the next step pending. */
async function arrive(stage: Stage) {
  const { requests: asked, batches: expected } = stage
  const { leaving, answer } = begin(stage)
  let pending: ReturnType<typeof answer.next>
  let batches = 0
  const read = (): void => {
    pending = answer.next()
    pending.then(
      step => {
        if (step.done === true) return
        batches += 1
        read()
      },
      () => {},
    )
  }
  read()
  await eventually(() =>
    expect([requests, downloads, batches]).toEqual([asked, asked === 0 ? 1 : 0, expected]),
  )
  return { leaving, next: () => pending }
}

describe('a reader that leaves', () => {
  it.each(Object.entries(stages))('%s by its signal closes the connection', async (_, stage) => {
    const { leaving, next } = await arrive(stage)
    const pending = next()
    const reason = new GatewayError('CANCELLED', 'the call was cancelled')
    leaving.abort(reason)
    await expect(pending).rejects.toBe(reason)
    await eventually(() => expect(open.size).toBe(0))
    expect(provider.outage).toBeUndefined()
    expect(fetching.every(signal => signal.aborted)).toBe(true)
  })

  const begun = Object.entries(stages).filter(([, { batches }]) => batches > 0)
  it.each(begun)('%s by asking for no more closes the connection', async (_, stage) => {
    const { answer } = begin(stage)
    for (let batch = 0; batch < stage.batches; batch += 1) expect((await answer.next()).done).toBe(false)
    expect(open.size).toBeGreaterThan(0)
    await answer.return?.()
    await eventually(() => expect(open.size).toBe(0))
  })
})

describe('a download that fails', () => {
  it('ends the others of its message', async () => {
    const host = createKimi({
      id: 'host',
      baseUrl: 'http://127.0.0.1:9',
      keys: ['test-key'],
      fetchMedia(url, signal) {
        fetching.push(signal)
        if (url.endsWith('b.png'))
          return Promise.reject(new GatewayError('INVALID_REQUEST', 'there is nothing'))
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
    })
    const request = media('https://example.com/a.png', 'https://example.com/b.png')
    const { error } = await failure(host.open(attempt(request, { model: model({ provider: 'host' }) })))
    expect(error.message).toBe('messages[0].content[1]: there is nothing')
    expect(fetching.map(signal => signal.aborted)).toEqual([true, true])
  })
})
