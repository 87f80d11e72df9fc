// Stands where a Supabase project's front stands: one address for the database's and the storage's API, keys turned into tokens.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ANON_KEY, tokenOf } from './supabase-tokens.ts'

/** What goes wrong on the way. */
export type FrontFault =
  /** Nothing is ever answered, and what is sent is read. */
  | { readonly type: 'hang' }
  /** The connection breaks before the request has gone anywhere. */
  | { readonly type: 'reset' }
  /** The request does its work, and the connection breaks instead of an answer. */
  | { readonly type: 'lost_answer' }
  /** This is answered, and the request goes nowhere. */
  | { readonly type: 'answer'; readonly status: number; readonly body: string }
  /** The request goes on after so many milliseconds. */
  | { readonly type: 'slow'; readonly delayMs: number }

/** One request as it came in. */
export type FrontRequest = { readonly method: string; readonly path: string; readonly prefer: string }

/** A running front. */
export type Front = {
  /** What SUPABASE_URL would be. */
  readonly url: string
  /** Every request so far, in order. */
  readonly requests: readonly FrontRequest[]
  /** Decides what goes wrong with a request; undefined lets it through. Without a function nothing goes wrong. */
  fault(decide: ((request: FrontRequest) => FrontFault | undefined) | undefined): void
  /** Connections that were ever opened to it. */
  connections(): number
  stop(): Promise<void>
}

/** Starts a front for these ports of 127.0.0.1; without storage its paths are 404. */
export async function startFront(ports: {
  readonly rest: number
  readonly storage?: number
}): Promise<Front> {
  const requests: FrontRequest[] = []
  const sockets = new Set<Socket>()
  let opened = 0
  let decide: ((request: FrontRequest) => FrontFault | undefined) | undefined

  const server = createServer((incoming, outgoing) => {
    const seen = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      prefer: String(incoming.headers['prefer'] ?? ''),
    }
    requests.push(seen)
    const target = targetOf(seen.path, ports)
    const fault = decide?.(seen)
    if (fault?.type === 'hang') incoming.resume()
    else if (fault?.type === 'reset') incoming.socket.resetAndDestroy()
    else if (fault?.type === 'answer') answer(incoming, outgoing, fault.status, fault.body)
    else if (target === undefined) answer(incoming, outgoing, 404, '{"message":"no Route matched"}')
    else if (fault?.type === 'slow') setTimeout(() => pass(incoming, outgoing, target, false), fault.delayMs)
    else pass(incoming, outgoing, target, fault?.type === 'lost_answer')
  })
  server.on('connection', socket => {
    opened += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // Listening on TCP: never a path.
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    fault(next) {
      decide = next
    },
    connections: () => opened,
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

type Target = { readonly port: number; readonly path: string }

function targetOf(
  path: string,
  ports: { readonly rest: number; readonly storage?: number },
): Target | undefined {
  const found = /^\/(rest|storage)\/v1(\/.*)$/.exec(path)
  const port = found?.[1] === 'rest' ? ports.rest : ports.storage
  return found === null || port === undefined ? undefined : { port, path: found[2] ?? '' }
}

function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: Target,
  losesAnswer: boolean,
): void {
  const token = tokenFor(incoming)
  if (token === undefined) {
    answer(incoming, outgoing, 401, '{"message":"Invalid API key"}')
    return
  }
  const headers = { ...incoming.headers, host: `127.0.0.1:${target.port}`, authorization: `Bearer ${token}` }
  const onward = request({ host: '127.0.0.1', ...target, method: incoming.method, headers })
  onward.on('response', response => {
    if (losesAnswer) {
      response.resume()
      response.on('end', () => incoming.socket.resetAndDestroy())
      return
    }
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    response.pipe(outgoing)
    response.on('error', () => outgoing.destroy())
  })
  onward.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy()
    else
      answer(
        incoming,
        outgoing,
        502,
        '{"message":"An invalid response was received from the upstream server"}',
      )
  })
  outgoing.on('close', () => onward.destroy())
  incoming.pipe(onward)
}

/** The token that goes on: the bearer's, or what stands behind the key; undefined for a key that the project does not know. */
function tokenFor({ headers }: IncomingMessage): string | undefined {
  const key = String(headers['apikey'] ?? '')
  const bearer = (headers.authorization ?? '').replace(/^Bearer /, '')
  if (tokenOf(key) === undefined) return undefined
  return tokenOf(bearer === '' ? key : bearer) ?? (key === ANON_KEY ? tokenOf(key) : undefined)
}

// What was not read would be taken for the next request on the same connection, so that is not kept.
function answer(incoming: IncomingMessage, outgoing: ServerResponse, status: number, body: string): void {
  incoming.resume()
  outgoing.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  outgoing.end(body)
}
