// Serves one request of the Streamable HTTP transport: the body goes to the MCP server, and its answer to the port.
import { randomUUID } from 'node:crypto'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../server/exchange.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { drained, finish, isOpen, write } from '../http/pace.ts'
import { readJson } from '../http/read-json.ts'
import { wrongVerb } from '../http/refusal.ts'
import type { Cancels } from './cancels.ts'
import { type McpDoorDeps, type McpRequest, REFUSED } from './carrier.ts'
import { localBackend } from './local.ts'
import { createMcpServer } from './server.ts'

/** A file of 4 MiB is 5.6 MB of base64. */
const BODY_BYTES_MIN = 6 * 1024 * 1024

/** How often a stream shows that it is alive, in milliseconds. */
const KEEP_ALIVE_MS = 10_000

const SESSION = 'mcp-session-id'

/** Revision 2025-06-18 of MCP took batches away (modelcontextprotocol.io, changelog). */
const NO_BATCH =
  'batches are not taken, as of revision 2025-06-18 of MCP: send each message in a request of its own'

/**
 * Serves it. Rejects with what the client is to be told, as long as nothing was sent. Gives the error of a request that the
 * MCP server refused by itself; undefined when there was none.
 */
export async function serveMcp(
  deps: McpDoorDeps,
  { req, res, exchange }: McpRequest,
): Promise<GatewayError | undefined> {
  // There is no stream without a request, and no session to end: both have 405 as their answer.
  if (req.method !== 'POST') throw wrongVerb(req.method ?? '', '/mcp', ['POST'])
  const maxBytes = Math.max(deps.maxRequestBytes, BODY_BYTES_MIN)
  const message = await readJson({ req, exchange, maxBytes, noList: NO_BATCH })
  const session = headerOf(req, SESSION)
  cancelled(deps.cancels, exchange, session, message)
  const { controller, stop } = leaving(res, exchange)
  const forget = cancellable(deps.cancels, exchange, session, message, () => controller.abort())
  let fault: Error | undefined
  try {
    const { maxRequestBytes: _, cancels: __, calls, version, ...services } = deps
    const backend = localBackend(services, calls, { req, exchange })
    const onRefused = (error: GatewayError): void => deps.calls.refused({ req, exchange }, REFUSED, error)
    const handler = createMcpHandler(() => createMcpServer({ backend, version, onRefused }), {
      keepAliveMs: KEEP_ALIVE_MS,
      onerror: error => {
        fault = error
      },
    })
    const response = await handler.fetch(requestOf(req, controller.signal), { parsedBody: message })
    // A name to find requests by when they are cancelled; the service keeps nothing of a session.
    if (message['method'] === 'initialize' && response.ok) res.setHeader(SESSION, randomUUID())
    await writeResponse(res, response, exchange.signal)
    return errorOf(response.status, fault)
  } finally {
    forget()
    stop()
  }
}

/** Ends the MCP server's work when nobody can be told of it any more. Else the end of the call is told as a result. */
function leaving(res: PortResponse, { signal }: Exchange) {
  const controller = new AbortController()
  const onAbort = (): void => {
    if (!isOpen(res)) controller.abort()
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort)
  return { controller, stop: () => signal.removeEventListener('abort', onAbort) }
}

// Since revision 2026-07-28 a client cancels by closing its stream. Before it sends a message, in another request.
function cancelled(cancels: Cancels, { caller }: Exchange, session: string, message: JsonObject): void {
  if (message['method'] !== 'notifications/cancelled' || session === '') return
  const { params } = message
  const id = isObject(params) ? idOf(params['requestId']) : undefined
  if (id !== undefined) cancels.cancel({ caller, session, id })
}

function cancellable(
  cancels: Cancels,
  { caller }: Exchange,
  session: string,
  message: JsonObject,
  cancel: () => void,
): () => void {
  const id = idOf(message['id'])
  return id === undefined || session === ''
    ? () => undefined
    : cancels.running({ caller, session, id }, cancel)
}

// The body has been read, and of the header only these are for the MCP server.
function requestOf(req: PortRequest, signal: AbortSignal): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(req.headers)) {
    if (!/^(?:accept|content-type|mcp-.+)$/.test(name) || value === undefined) continue
    headers.set(name, typeof value === 'string' ? value : value.join(', '))
  }
  return new Request('http://localhost/mcp', { method: 'POST', headers, signal })
}

// What is about one connection is not for the answer to say; HTTP/2 forbids it.
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding'])

async function writeResponse(res: PortResponse, response: Response, signal: AbortSignal): Promise<void> {
  if (!isOpen(res)) return await response.body?.cancel()
  res.statusCode = response.status
  for (const [name, value] of response.headers) if (!HOP_BY_HOP.has(name)) res.setHeader(name, value)
  if (response.body !== null) {
    for await (const chunk of response.body) {
      if (!isOpen(res)) return
      if (!write(res, chunk)) await drained(res, signal)
    }
  }
  await finish(res)
}

function errorOf(status: number, cause: Error | undefined): GatewayError | undefined {
  if (status < 400 || status === 499) return undefined
  if (status >= 500) return new GatewayError('INTERNAL', 'internal error', { cause })
  const message = `the request is not one of MCP's Streamable HTTP: refused with HTTP ${status}`
  return new GatewayError('INVALID_REQUEST', message)
}

function headerOf({ headers }: PortRequest, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

function idOf(value: JsonValue | undefined): string | number | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
