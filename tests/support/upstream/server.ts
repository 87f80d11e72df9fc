// The HTTP server under every double: it logs requests, finds the script and the faults, and sends the answer.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { AnswerChange } from './answer.ts'
import { applyFault } from './faults.ts'
import { jsonReply, type Piece, type Reply } from './reply.ts'
import { createFaultReader, createScriptQueue, parseFault, type RawReply, type Script } from './script.ts'
import { send } from './send.ts'
import type { Fault, Received, UpstreamRequest, Wire } from './wire.ts'

/** A running double. */
export type Upstream = {
  /** With the wire's base path, such as `http://127.0.0.1:40123/v1`. */
  readonly url: string
  readonly port: number
  /** Every request since the start, oldest first; entries are filled in as things happen. */
  readonly requests: readonly UpstreamRequest[]
  openSockets(): number
  /** Ends the connections on which nothing runs, as a server does that kept them long enough. */
  closeIdleSockets(): void
  /** Queues what is done with the next request that fits. */
  next(script: Script): void
  /** Queues it in front of all that wait. */
  nextFirst(script: Script): void
  /** Scripts that no request has taken yet. */
  waiting(): number
  /** Resolves with the first request of which this becomes true; rejects after the time. */
  waitFor(test: (request: UpstreamRequest) => boolean, timeoutMs?: number): Promise<UpstreamRequest>
  /** Stops listening and breaks every connection: the port refuses until `goOnline`. */
  goOffline(): Promise<void>
  /** Stops listening, and ends each connection as soon as nothing runs on it. */
  leaveGently(): Promise<void>
  goOnline(): Promise<void>
  close(): Promise<void>
}

type Entry = { -readonly [Key in keyof UpstreamRequest]: UpstreamRequest[Key] }

const KEEP_ALIVE_MS = 120_000
const IDLE_LOOK_MS = 5

/** Starts a server for a wire on a free port of 127.0.0.1. */
export async function startServer(wire: Wire, name = wire.name): Promise<Upstream> {
  const queue = createScriptQueue()
  const readFaults = createFaultReader(name)
  const log = createLog()
  const sockets = new Map<Socket, number>()
  let connections = 0

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    // A failure here is a mistake in the double or in a test: it must be seen, so it becomes an answer.
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(599, { 'content-type': 'text/plain' }).end(`the double failed: ${error}`)
    })
  })
  server.on('connection', socket => {
    sockets.set(socket, ++connections)
    socket.setNoDelay(true)
    socket.on('close', () => sockets.delete(socket))
    if (queue.takeRefusal()) socket.resetAndDestroy()
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entry = log.open(request, sockets.get(request.socket) ?? 0)
    const gone = new AbortController()
    response.on('close', () => {
      if (entry.endedAtMs === undefined && !closing) entry.closedByClientAtMs = performance.now()
      gone.abort()
      log.changed(entry)
    })
    const whole = await readBody(request)
    if (whole === undefined) return
    entry.rawBody = whole
    entry.body = parseJson(whole)
    log.changed(entry)
    const received = wire.receive(entry)
    if (received.reasoningMissing === true) entry.reasoningMissing = true
    const reply = compose(entry, received)
    entry.status = reply.status
    log.changed(entry)
    const observer = {
      sent(sizeBytes: number) {
        entry.bytesSent += sizeBytes
        log.changed(entry)
      },
      ended() {
        entry.endedAtMs = performance.now()
        log.changed(entry)
      },
    }
    await send(reply, response, observer, gone.signal)
  }

  function compose(request: UpstreamRequest, received: Received): Reply {
    if (!received.scriptable) return received.reply({}, [])
    const script = queue.take(request)
    const faults = [...readFaults(received.lastUserText), ...(script?.faults ?? []).map(parseFault)]
    const change: AnswerChange = script?.answer ?? {}
    const own = faults.filter(fault => wire.ownsFault(fault.name))
    const reply =
      script?.raw === undefined ? received.reply(change, own) : rawReply(script.raw, received.stream)
    return faults
      .filter(fault => !wire.ownsFault(fault.name))
      .reduce((each, fault) => withFault(each, fault, request.headers), reply)
  }

  function withFault(reply: Reply, fault: Fault, headers: IncomingHttpHeaders): Reply {
    const refusal = (codeOrStatus: string): Reply => {
      const made = wire.refusal(codeOrStatus)
      if (made === undefined) throw new Error(`${wire.name} has no error ${codeOrStatus}`)
      return made
    }
    const changed = applyFault(reply, fault, {
      acceptEncoding: String(headers['accept-encoding'] ?? ''),
      refusal,
    })
    if (changed === undefined) throw new Error(`no fault is called ${fault.name}`)
    return changed
  }

  const listen = (port: number): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
    return promise
  }
  let closing = false
  const stop = async (): Promise<void> => {
    closing = true
    const { promise, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    server.closeAllConnections()
    await promise
  }

  async function leaveGently(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    const timer = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS)
    await promise
    clearInterval(timer)
  }

  await listen(0)
  // A TCP server that listens has an address of this kind.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${wire.basePath}`,
    port,
    requests: log.entries,
    openSockets: () => sockets.size,
    closeIdleSockets: () => server.closeIdleConnections(),
    next: script => queue.add(script),
    nextFirst: script => queue.addFirst(script),
    waiting: () => queue.size,
    waitFor: log.waitFor,
    goOffline: stop,
    leaveGently,
    async goOnline() {
      await listen(port)
      closing = false
    },
    close: stop,
  }
}

function createLog() {
  const entries: Entry[] = []
  const watchers = new Set<(entry: Entry) => void>()
  return {
    entries,
    open(request: IncomingMessage, connection: number): Entry {
      const entry: Entry = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: undefined,
        rawBody: Buffer.alloc(0),
        receivedAtMs: performance.now(),
        connection,
        bytesSent: 0,
      }
      entries.push(entry)
      for (const watcher of watchers) watcher(entry)
      return entry
    },
    changed(entry: Entry): void {
      for (const watcher of watchers) watcher(entry)
    },
    async waitFor(test: (request: UpstreamRequest) => boolean, timeoutMs = 15_000): Promise<UpstreamRequest> {
      const there = entries.find(test)
      if (there !== undefined) return there
      const { promise, resolve, reject } = Promise.withResolvers<UpstreamRequest>()
      const watcher = (entry: Entry): void => {
        if (test(entry)) resolve(entry)
      }
      const seen = (): Error => new Error(`no such request among ${entries.length} after ${timeoutMs} ms`)
      const timer = setTimeout(() => reject(seen()), timeoutMs)
      watchers.add(watcher)
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        watchers.delete(watcher)
      }
    },
  }
}

/** Returns the whole body; undefined when the peer left in the middle of it. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk)
  } catch (error) {
    // The log says that the peer left; anything else is a mistake here.
    if (request.destroyed) return undefined
    throw error
  }
  return Buffer.concat(chunks)
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // The wire refuses what has no body.
    return undefined
  }
}

function rawReply(raw: RawReply, stream: boolean): Reply {
  const parts = Array.isArray(raw.body) ? raw.body : raw.body === undefined ? [] : [raw.body]
  const body = parts.map((part): Piece => ({ kind: 'event', bytes: Buffer.from(part) }))
  const standard = stream ? { 'content-type': 'text/event-stream; charset=utf-8' } : {}
  return { ...jsonReply(raw.status ?? 200, {}, { ...standard, ...raw.headers }), body }
}
