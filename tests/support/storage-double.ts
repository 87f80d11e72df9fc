// A strict stand-in for the HTTP protocol of Supabase's storage: what is unknown or missing is refused, and it fails on demand.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { refusals, StorageError } from './storage-error.ts'
import { createStorageObjects, type StorageObjects, type StoredObject } from './storage-objects.ts'
import { jsonBody, objectAt, rangeOf, uploadHeaders, withoutQuery } from './storage-rules.ts'
import { signToken } from './supabase-tokens.ts'

/** What goes wrong with a request. */
export type StorageFault =
  /** Everything is read and nothing is answered. */
  | { readonly type: 'hang' }
  /** Nothing is read, so an upload stands still. */
  | { readonly type: 'stall' }
  /** The connection breaks at once. */
  | { readonly type: 'reset' }
  /** The work is done, and the connection breaks instead of an answer. */
  | { readonly type: 'lost_answer' }
  /** A download breaks after so many bytes, or stands still there. */
  | { readonly type: 'broken_body' | 'stalled_body'; readonly afterBytes: number }
  /** A server's own trouble, with a page that is no JSON, as a proxy would answer. */
  | { readonly type: 'status'; readonly status: number }
  /** The work begins after so many milliseconds. */
  | { readonly type: 'slow'; readonly delayMs: number }

/** One request as it came in. */
export type StorageRequest = {
  readonly method: string
  readonly path: string
  readonly range: string | undefined
}

/** A running storage. */
export type StorageDouble = {
  readonly port: number
  /** Every request so far. */
  readonly requests: readonly StorageRequest[]
  /** Every object that it has. */
  objects(): readonly StoredObject[]
  /** Decides what goes wrong with a request; undefined lets it be. Without a function nothing goes wrong. */
  fault(decide: ((request: StorageRequest) => StorageFault | undefined) | undefined): void
  /** Connections that are open now. */
  openSockets(): number
  stop(): Promise<void>
}

type Storage = {
  readonly objects: StorageObjects
  readonly buckets: Set<string>
  readonly maxBytes: number
}

type Exchange = {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly fault: StorageFault | undefined
}

/** Starts a storage with the bucket `files`; larger objects than `maxBytes` are refused. The caller stops it. */
export async function startStorage({ maxBytes = Number.MAX_SAFE_INTEGER } = {}): Promise<StorageDouble> {
  const storage: Storage = { objects: await createStorageObjects(), buckets: new Set(['files']), maxBytes }
  const requests: StorageRequest[] = []
  const sockets = new Set<Socket>()
  let decide: ((request: StorageRequest) => StorageFault | undefined) | undefined

  const server = createServer((incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming
    const seen = { method, path, range: headers.range }
    requests.push(seen)
    void exchange(storage, { incoming, outgoing, fault: decide?.(seen) })
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port, // Listening on TCP: never a path.
    requests,
    objects: storage.objects.all,
    fault(next) {
      decide = next
    },
    openSockets: () => sockets.size,
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
      await storage.objects.clear()
    },
  }
}

async function exchange(storage: Storage, { incoming, outgoing, fault }: Exchange): Promise<void> {
  if (fault?.type === 'stall') return
  if (fault?.type === 'reset') {
    incoming.socket.resetAndDestroy()
    return
  }
  if (fault?.type === 'hang') {
    incoming.resume()
    return
  }
  if (fault?.type === 'status') {
    refuse(incoming, outgoing, fault.status, '<html>trouble</html>')
    return
  }
  if (fault?.type === 'slow') await sleep(fault.delayMs)
  try {
    await serve(storage, { incoming, outgoing, fault })
  } catch (error) {
    // Neither told nor logged: the client has gone in the middle of its own upload or download.
    if (!(error instanceof StorageError)) incoming.socket.destroy()
    else refuse(incoming, outgoing, 400, error.body())
  }
}

async function serve(storage: Storage, exchange: Exchange): Promise<void> {
  const { incoming } = exchange
  const url = new URL(incoming.url ?? '', 'http://storage')
  authorize(incoming)
  withoutQuery(url)
  const [, area = '', rest = ''] =
    /^\/(object\/info|object\/list|object|bucket)(?:\/(.*))?$/.exec(url.pathname) ?? []
  switch (`${incoming.method} ${area}`) {
    case 'POST object':
    case 'PUT object':
      return upload(storage, exchange, rest)
    case 'GET object':
      return download(storage, exchange, rest)
    case 'GET object/info':
      return reply(exchange, infoOf(found(storage, rest)))
    case 'POST object/list':
      return list(storage, exchange, rest)
    case 'DELETE object':
      return remove(storage, exchange, rest)
    case 'POST bucket':
      return makeBucket(storage, exchange)
    case 'GET bucket':
      if (!storage.buckets.has(rest)) throw refusals.noSuchBucket()
      return reply(exchange, { id: rest, name: rest, public: false })
    default:
      throw refusals.invalid(`Route ${incoming.method}:${url.pathname} not found`)
  }
}

// Only the service asks here; what users may read is the business of the policy in the database.
function authorize({ headers }: IncomingMessage): void {
  if (headers['apikey'] === undefined) throw refusals.denied('No API key found in request')
  if (headers.authorization !== `Bearer ${signToken({ role: 'service_role' })}`)
    throw refusals.denied('new row violates row-level security policy')
}

async function upload(storage: Storage, exchange: Exchange, path: string): Promise<void> {
  const { incoming } = exchange
  const headers = uploadHeaders(incoming)
  const { bucket, name } = objectAt(path)
  if (!storage.buckets.has(bucket)) throw refusals.noSuchBucket()
  if (incoming.method === 'PUT') found(storage, path)
  if (Number(incoming.headers['content-length'] ?? 0) > storage.maxBytes) throw refusals.tooLarge()
  const stored = await storage.objects.put({
    ...headers,
    bucket,
    name,
    bytes: incoming,
    maxBytes: storage.maxBytes,
  })
  reply(exchange, { Key: `${bucket}/${name}`, Id: stored.id })
}

async function download(
  storage: Storage,
  { outgoing, incoming, fault }: Exchange,
  path: string,
): Promise<void> {
  const object = found(storage, path)
  const range = rangeOf(incoming.headers.range, object.sizeBytes)
  if (range instanceof StorageError) throw range
  const { first, last } = range ?? { first: 0, last: object.sizeBytes - 1 }
  outgoing.writeHead(range === undefined ? 200 : 206, {
    'content-type': object.contentType,
    'content-length': last - first + 1,
    'cache-control': object.cacheControl,
    'accept-ranges': 'bytes',
    etag: `"${object.sha256.slice(0, 32)}"`,
    'last-modified': object.storedAt.toUTCString(),
    ...(range !== undefined && { 'content-range': `bytes ${first}-${last}/${object.sizeBytes}` }),
  })
  if (last < first) {
    outgoing.end()
    return
  }
  if (fault?.type === 'broken_body' || fault?.type === 'stalled_body') {
    for await (const chunk of storage.objects.read(object, first, first + fault.afterBytes - 1))
      outgoing.write(chunk)
    if (fault.type === 'broken_body') incoming.socket.destroySoon()
    return
  }
  await pipeline(storage.objects.read(object, first, last), outgoing)
}

async function list(storage: Storage, exchange: Exchange, bucket: string): Promise<void> {
  const asked = await jsonBody(exchange.incoming, {
    prefix: 'text',
    'limit?': 'number',
    'offset?': 'number',
    'sortBy?': 'object',
  })
  if (!storage.buckets.has(bucket)) throw refusals.noSuchBucket()
  const prefix = asked['prefix'] === '' ? '' : `${String(asked['prefix']).replace(/\/$/, '')}/`
  const offset = Number(asked['offset'] ?? 0)
  const inside = storage.objects
    .all()
    .filter(({ bucket: of, name }) => of === bucket && name.startsWith(prefix))
  const entries = new Map<string, unknown>()
  for (const object of inside.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const [name = '', ...below] = object.name.slice(prefix.length).split('/')
    entries.set(name, below.length > 0 ? { name, id: null, metadata: null } : { ...infoOf(object), name })
  }
  reply(exchange, [...entries.values()].slice(offset, offset + Number(asked['limit'] ?? 100)))
}

async function remove(storage: Storage, exchange: Exchange, bucket: string): Promise<void> {
  const { prefixes } = await jsonBody(exchange.incoming, { prefixes: 'texts' })
  if (!storage.buckets.has(bucket)) throw refusals.noSuchBucket()
  const gone = await Promise.all((prefixes as string[]).map(name => storage.objects.remove(bucket, name))) // Just tested.
  reply(
    exchange,
    gone.flatMap(object => (object === undefined ? [] : [infoOf(object)])),
  )
}

async function makeBucket(storage: Storage, exchange: Exchange): Promise<void> {
  const { id } = await jsonBody(exchange.incoming, {
    id: 'text',
    name: 'text',
    'public?': 'boolean',
    'type?': 'text',
    'file_size_limit?': 'number',
    'allowed_mime_types?': 'texts',
  })
  if (storage.buckets.has(String(id))) throw refusals.exists()
  storage.buckets.add(String(id))
  reply(exchange, { name: id })
}

function found(storage: Storage, path: string): StoredObject {
  const { bucket, name } = objectAt(path)
  if (!storage.buckets.has(bucket)) throw refusals.noSuchBucket()
  const object = storage.objects.get(bucket, name)
  if (object === undefined) throw refusals.noSuchKey()
  return object
}

function infoOf({ id, bucket, name, sizeBytes, contentType, cacheControl, sha256, storedAt }: StoredObject) {
  return {
    id,
    name,
    version: id,
    bucket_id: bucket,
    size: sizeBytes,
    content_type: contentType,
    cache_control: cacheControl,
    etag: `"${sha256.slice(0, 32)}"`,
    metadata: { eTag: `"${sha256.slice(0, 32)}"`, size: sizeBytes, mimetype: contentType },
    last_modified: storedAt.toISOString(),
    created_at: storedAt.toISOString(),
  }
}

function reply({ incoming, outgoing, fault }: Exchange, body: unknown): void {
  if (fault?.type === 'lost_answer') {
    incoming.socket.resetAndDestroy()
    return
  }
  outgoing.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
  outgoing.end(JSON.stringify(body))
}

// What was not read would be taken for the next request on the same connection, so that is not kept.
function refuse(incoming: IncomingMessage, outgoing: ServerResponse, status: number, body: string): void {
  incoming.resume()
  outgoing.writeHead(status, {
    'content-type': body.startsWith('{') ? 'application/json' : 'text/html',
    connection: 'close',
  })
  outgoing.end(body)
}
