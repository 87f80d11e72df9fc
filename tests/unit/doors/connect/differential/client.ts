// Sends one request as it stands, on either HTTP version, and gives all that comes back.
import { Agent, request as h1Request } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'

/** A request as it stands. */
export type RawRequest = {
  readonly version: 1 | 2
  readonly verb?: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Sent one after the other, each in its own write. */
  readonly body: readonly Uint8Array[]
  /** Whether the client does not say that its body has ended. */
  readonly isOpen?: boolean
}

/** An answer as it stands; of the fields only `date` is left out, which may tick in between. */
export type RawAnswer = {
  status: number
  headers: readonly string[]
  trailers: readonly string[]
  body: string
}

/** Sends requests to one server. */
export type RawClient = Disposable & { readonly send: (request: RawRequest) => Promise<RawAnswer> }

/** Makes a client of one server, with one connection for each HTTP version. */
export function createRawClient(url: string): RawClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let session: ClientHttp2Session | undefined
  const sessionOf = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(url)
      session.on('error', () => {})
    }
    return session
  }
  return {
    send: request => (request.version === 1 ? overH1(url, agent, request) : overH2(sessionOf(), request)),
    [Symbol.dispose]: () => {
      agent.destroy()
      session?.destroy()
    },
  }
}

function overH1(
  url: string,
  agent: Agent,
  { verb = 'POST', path, headers, body, isOpen }: RawRequest,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const call = h1Request(url + path, { method: verb, headers, agent, maxHeaderSize: 65_536 }, res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => void chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        resolve({
          status: res.statusCode ?? 0,
          headers: fields(res.rawHeaders),
          trailers: fields(res.rawTrailers),
          body: Buffer.concat(chunks).toString('latin1'),
        })
        if (isOpen) call.destroy()
      })
    })
    call.on('error', reject)
    call.setNoDelay(true)
    if (verb === 'GET') call.end()
    else void sendPieces(body, isOpen, call)
  })
}

function overH2(
  session: ClientHttp2Session,
  { verb = 'POST', path, headers, body, isOpen }: RawRequest,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ':method': verb, ':path': path, ...headers },
      { endStream: verb === 'GET' },
    )
    const answer: RawAnswer = { status: 0, headers: [], trailers: [], body: '' }
    const chunks: Buffer[] = []
    stream.on('response', (head, _flags, raw: readonly string[]) => {
      answer.status = Number(head[':status'])
      answer.headers = fields(raw)
    })
    stream.on('trailers', (_, _flags, raw: readonly string[]) => {
      answer.trailers = fields(raw)
    })
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
    stream.on('error', reject)
    stream.on('end', () => {
      answer.body = Buffer.concat(chunks).toString('latin1')
      resolve(answer)
      if (isOpen) stream.close()
    })
    if (verb !== 'GET') void sendPieces(body, isOpen, stream)
  })
}

async function sendPieces(
  body: readonly Uint8Array[],
  isOpen: boolean | undefined,
  sink: { write(chunk: Uint8Array): boolean; end(): unknown },
): Promise<void> {
  for (const [index, piece] of body.entries()) {
    // So that the server gets them one by one.
    if (index > 0) await new Promise(resolve => setTimeout(resolve, 2))
    sink.write(piece)
  }
  if (isOpen !== true) sink.end()
}

function fields(raw: readonly string[]): readonly string[] {
  const found: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    if (name !== 'date') found.push(`${name}: ${raw[at + 1]}`)
  }
  return found
}
