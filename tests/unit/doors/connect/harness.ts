// The whole server with the Connect door, on a real port, with a chat and a health that the test holds in its hands.
import { createClient, type Transport } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import type { KeyAdministration } from '../../../../src/access/administration.ts'
import { type Access, mayReadMetrics } from '../../../../src/access/open.ts'
import { DEFAULT_CALLER } from '../../../../src/core/caller.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import type { Log, LogFields } from '../../../../src/core/log.ts'
import type { Chat } from '../../../../src/doors/connect/chat.ts'
import { connectCorsNeeds } from '../../../../src/doors/connect/cors-needs.ts'
import { createConnectDoor } from '../../../../src/doors/connect/door.ts'
import type { Embeddings } from '../../../../src/doors/connect/embeddings.ts'
import type { HealthSource, Serving } from '../../../../src/doors/connect/health.ts'
import type { Monitoring } from '../../../../src/doors/connect/monitoring.ts'
import type { TenantFiles } from '../../../../src/files/files.ts'
import type { CallsSink } from '../../../../src/server/call-record.ts'
import { createCors } from '../../../../src/server/cors.ts'
import type { Admit, Gatekeeper } from '../../../../src/server/entrance.ts'
import { type CallEnd, createExchanges, type Exchanges } from '../../../../src/server/exchange.ts'
import { createHandler } from '../../../../src/server/handler.ts'
import { loopbackGuard, openGuard } from '../../../../src/server/hosts.ts'
import type { Shed } from '../../../../src/server/overload.ts'
import { createPort, type Port } from '../../../../src/server/port.ts'
import { createRoutes } from '../../../../src/server/routes.ts'

/** The most bytes that a request may have here. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/** A line that was logged. */
export type Line = { readonly level: string; readonly message: string; readonly fields: LogFields }

/** A running server. */
export type Running = AsyncDisposable & {
  readonly url: string
  readonly port: Port
  readonly exchanges: Exchanges
  readonly lines: Line[]
  readonly ends: CallEnd[]
  readonly health: ReturnType<typeof fakeHealth>
  /** Waits until nothing runs, then gives the one line and the one entry in the metrics that there must be. */
  readonly onlyEnd: () => Promise<{ readonly line: Line; readonly end: CallEnd }>
}

/** A chat that answers with "hi"; a test replaces what it is about. */
export function fakeChat(parts: Partial<Chat> = {}): Chat {
  return {
    complete: call => {
      call.note({ provider: 'sandbox', model: 'echo', inputTokens: 3, outputTokens: 1 })
      return Promise.resolve({ id: 'resp_1', model: 'echo', message: { content: [textPart('hi')] } })
    },
    async *stream() {
      yield { sequence: 1, event: { case: 'started', value: { responseId: 'resp_1' } } }
      yield { sequence: 2, event: { case: 'textDelta', value: { text: 'hi' } } }
      yield { sequence: 3, event: { case: 'completed', value: { response: { id: 'resp_1' } } } }
    },
    async *resume(_call, { afterSequence }) {
      yield { sequence: afterSequence + 1, event: { case: 'textDelta', value: { text: 'on' } } }
    },
    cancel: () => Promise.resolve({ cancelled: true }),
    countTokens: () => Promise.resolve({ inputTokens: 3 }),
    explainRoute: () => Promise.resolve({ inputTokens: 3 }),
    conversations: {
      list: async () => ({ conversations: [{ id: 'conv_1' }] }),
      get: async () => ({ conversation: { id: 'conv_1' } }),
      delete: async () => ({}),
      endingWith: async () => 'conv_1',
      goOn: async () => () => undefined,
    },
    listModels: async () => ({ models: [{ id: 'echo', provider: 'sandbox' }] }),
    ...parts,
  }
}

/** Files that are all there, and of which nothing is kept. */
function fakeFiles(): TenantFiles {
  return {
    upload: async () => ({ file: { id: 'file_1' } }),
    receive: async () => ({ file: { id: 'file_1' } }),
    create: async () => ({ file: { id: 'file_1' } }),
    get: async () => ({ file: { id: 'file_1' } }),
    list: async () => ({ files: [{ id: 'file_1' }] }),
    async *download() {
      yield { chunk: Buffer.from('bytes') }
    },
    delete: async () => ({}),
  }
}

/** Keys that are all there, and of which nothing is kept. */
function fakeKeys(): KeyAdministration {
  return {
    create: async () => ({ key: { id: 'key_1' }, secret: 'exai_1' }),
    list: async () => ({ keys: [{ id: 'key_1' }] }),
    rotate: async () => ({ key: { id: 'key_1' }, secret: 'exai_2' }),
    revoke: async () => ({ key: { id: 'key_1' } }),
  }
}

/** A gate that asks nobody. */
const everybody: Gatekeeper = {
  authenticate: () => DEFAULT_CALLER,
  isOpen: () => false,
  authorize: () => undefined,
}

/** A part of a message. */
export function textPart(text: string) {
  return { kind: { case: 'text', value: text } } as const
}

/** A health whose states are set by the test. */
export function fakeHealth() {
  const states = new Map<string, Serving>([
    ['', 'SERVING'],
    ['live', 'SERVING'],
  ])
  const listeners = new Set<() => void>()
  const source: HealthSource = {
    names: () => [...states.keys()],
    serving: name => states.get(name),
    onChange: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const set = (name: string, serving: Serving): void => {
    states.set(name, serving)
    for (const listener of listeners) listener()
  }
  return { ...source, set, drain: () => set('', 'NOT_SERVING'), watchers: () => listeners.size }
}

function recordingLog(lines: Line[]): Log {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Options of a test's server. */
export type ServerOptions = {
  readonly chat?: Partial<Chat>
  readonly embeddings?: Embeddings
  readonly files?: Partial<TenantFiles>
  readonly setCircuit?: Monitoring['setCircuit']
  readonly getUsage?: Monitoring['getUsage']
  readonly monitoring?: Partial<Monitoring>
  readonly requestTimeoutMs?: number
  readonly access?: Access
  readonly admit?: Admit
  readonly corsOrigins?: readonly string[]
  readonly calls?: CallsSink
  readonly shed?: Shed
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startServer(options: ServerOptions = {}): Promise<Running> {
  const lines: Line[] = []
  const ends: CallEnd[] = []
  const health = fakeHealth()
  const exchanges = createExchanges({
    log: recordingLog(lines),
    metrics: { callEnded: end => void ends.push(end) },
    clock: systemClock,
    calls: options.calls,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
  })
  const handler = createHandler({
    doors: [
      createConnectDoor({
        chat: fakeChat(options.chat),
        embeddings: options.embeddings ?? { embed: async () => ({}) },
        files: { ...fakeFiles(), ...options.files },
        monitoring: {
          setCircuit: options.setCircuit ?? (() => []),
          getUsage: options.getUsage ?? (async () => ({})),
          getStatus: async () => ({}),
          watchStatus: async function* () {},
          watchEvents: async function* () {},
          listRequests: () => ({}),
          ...options.monitoring,
        },
        access: options.access?.administration ?? fakeKeys(),
        health,
        maxRequestBytes: MAX_REQUEST_BYTES,
      }),
    ],
    routes: createRoutes({
      version: '1.2.3',
      clock: systemClock,
      health: () => ({ status: 'healthy', components: {} }),
      isReady: () => true,
      metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'up 1\n' }),
      isMetricsPublic: false,
      mayReadMetrics: options.access && mayReadMetrics(options.access),
      onFault: error => void lines.push({ level: 'error', message: 'fault', fields: { err: error } }),
    }),
    exchanges,
    guard: options.access?.isAsking ? openGuard : loopbackGuard,
    access: options.access ?? everybody,
    admit: options.admit,
    shed: options.shed,
    cors: createCors(options.corsOrigins ?? [], connectCorsNeeds),
    clock: systemClock,
  })
  const port = createPort({ handler })
  const at = await port.listen({ host: '127.0.0.1', port: 0 })
  return {
    url: `http://127.0.0.1:${at.port}`,
    port,
    exchanges,
    lines,
    ends,
    health,
    onlyEnd: async () => {
      await exchanges.idle()
      const [line, end] = [lines[0], ends[0]]
      if (line === undefined || end === undefined || lines.length > 1 || ends.length > 1) {
        throw new Error(`wanted one line and one end: ${JSON.stringify({ lines, ends }, undefined, 1)}`)
      }
      return { line, end }
    },
    [Symbol.asyncDispose]: async () => {
      port.destroy()
      await port.closed()
    },
  }
}

/** Every protocol and HTTP version in which a client may speak to the door. */
export const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  'gRPC on HTTP/2': baseUrl => createGrpcTransport({ baseUrl }),
  'gRPC-Web on HTTP/1.1': baseUrl => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
  'gRPC-Web on HTTP/2': baseUrl => createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
  'Connect JSON on HTTP/1.1': baseUrl =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect JSON on HTTP/2': baseUrl =>
    createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false }),
  'Connect binary on HTTP/1.1': baseUrl =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: true }),
}

/** A chat client over one of the transports. */
export function chatClient(transport: Transport) {
  return createClient(ChatService, transport)
}

/** Posts a body as Connect JSON. */
export function post(
  url: string,
  method: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  return fetch(`${url}/${method}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

/** The longest that a test waits for what must happen soon. */
export async function until(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 15_000
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error('it did not happen within 15 s')
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** The JSON of an error. */
export type ErrorBody = {
  code: string
  message: string
  details?: { type: string; debug?: { reason?: string } }[]
}

/** Reads the JSON of an error, and the reason in its detail. */
export async function errorOf(response: Response): Promise<ErrorBody & { reason: string | undefined }> {
  const body = (await response.json()) as ErrorBody
  return { ...body, reason: body.details?.[0]?.debug?.reason }
}
