// Clients of a service with several workers, each on a connection that one worker holds, so that a test can choose who is asked.
import { Agent, request } from 'node:http'
import { type Client, createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { onTestFinished } from 'vitest'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { jsonQuestion } from './clients.ts'
import type { LogLine, Service } from './running-server.ts'

/** A worker, and the ways to ask it. */
export interface AskedWorker {
  /** Its place among the workers. */
  readonly worker: number
  readonly pid: number
  /** One call at a time. */
  readonly chat: Client<typeof ChatService>
  /** Posts JSON; gives the status and the body. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** Begins a stream, and gives what has come of it so far; the connection is the stream's from then on. */
  listen(path: string): () => string
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly text: string
}

const TRIES_MAX = 200

/** A client for each of so many workers. `headers` go with the calls that find out who answers. */
export async function clientsByWorker(
  service: Service,
  count: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly AskedWorker[]> {
  const found = new Map<number, AskedWorker>()
  let lastError: unknown
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > TRIES_MAX)
      throw new Error(`only the workers ${[...found.keys()].join(', ')} answer`, { cause: lastError })
    // A connection that waited at a worker which has just died is reset, and the next one is another's.
    const one = await clientOfSome(service, headers).catch((error: unknown) => {
      lastError = error
      return undefined
    })
    if (one !== undefined && !found.has(one.worker)) found.set(one.worker, one)
  }
  return [...found.values()].sort((a, b) => a.worker - b.worker)
}

/** The process of a worker, by the log. */
export function pidOf(service: Service, worker: number): number {
  const line = service.log().findLast(one => one['msg'] === 'a worker listens' && one['worker'] === worker)
  return Number(line?.['pid'])
}

let count = 0

async function clientOfSome(
  service: Service,
  headers: Readonly<Record<string, string>>,
): Promise<AskedWorker> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const post = (path: string, body: unknown, more: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    posted(agent, `${service.url}${path}`, body, { ...headers, ...more })
  count += 1
  const id = `who-${process.pid}-${count}`
  await post('/exai.v1.ChatService/CountTokens', jsonQuestion('sandbox', 'hi'), { 'x-request-id': id })
  const line: LogLine = await service.call(id)
  const worker = Number(line['worker'])
  const transport = createConnectTransport({
    baseUrl: service.url,
    httpVersion: '1.1',
    nodeOptions: { agent },
  })
  return {
    worker,
    pid: pidOf(service, worker),
    chat: createClient(ChatService, transport),
    post,
    listen: path => listened(agent, `${service.url}${path}`),
  }
}

/** A server stream of Connect in JSON with an empty message for its question. */
function listened(agent: Agent, url: string): () => string {
  let text = ''
  const asked = request(
    url,
    { agent, method: 'POST', headers: { 'content-type': 'application/connect+json' } },
    response => {
      response.setEncoding('latin1').on('data', (part: string) => {
        text += part
      })
      // It ends with the test.
      response.on('error', () => undefined)
    },
  )
  asked.on('error', () => undefined)
  asked.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]))
  return () => text
}

function posted(
  agent: Agent,
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { agent, method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      },
    )
    asked.on('error', reject)
    asked.end(JSON.stringify(body))
  })
}
