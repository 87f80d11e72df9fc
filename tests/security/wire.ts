// Sends requests as an attacker writes them: bytes over a socket, fields that no client would send, frames by hand.
import { connect } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRaw } from '../support/raw-client.ts'
import { type Answer, answersIn, NO_ANSWER } from './answer.ts'
import type { Hearing } from './heard.ts'

/** A name and a value, in the order in which they are sent. */
export type Field = readonly [name: string, value: string]

/** A request that an attacker may write. */
export interface HostileRequest {
  readonly method?: string
  readonly path: string
  readonly fields?: readonly Field[]
  readonly body?: string | Uint8Array
}

/** Sends to one service. */
export interface Wire {
  /** Over HTTP/1.1; without a Host of its own it is `localhost`. */
  h1(request: HostileRequest): Promise<Answer>
  /** Over HTTP/2 with prior knowledge. A field of two values is sent twice where Node's client lets it. */
  h2(request: HostileRequest): Promise<Answer>
  /** Bytes over a socket: every answer until the other side ends it or nothing came for a while. */
  bytes(pieces: readonly (string | Uint8Array)[], options?: BytesOptions): Promise<Exchanged>
}

/** How bytes are sent. */
export interface BytesOptions {
  /** Longest time until the end, in milliseconds. */
  readonly limitMs?: number
  /** Silence after the last byte received that counts as the end, in milliseconds. */
  readonly quietMs?: number
  /** Waited between two pieces, in milliseconds. */
  readonly gapMs?: number
}

/** What came of it. */
export interface Exchanged {
  readonly answers: readonly Answer[]
  /** One character a byte. */
  readonly received: string
  /** Whether the other side ended the connection. */
  readonly isEnded: boolean
}

const LIMIT_MS = 20_000
const QUIET_MS = 400

/** Makes it for the service on a port of this machine; whatever it answers is heard. */
export function createWire(port: number, hearing: Hearing): Wire {
  const heard = (answer: Answer): Answer => {
    const isError = answer.status >= 400 || !['0', undefined].includes(answer.headers['grpc-status'])
    hearing.hear(isError ? 'error' : 'answer', `${JSON.stringify(answer.headers)}\n${answer.body}`)
    return answer
  }
  const bytes: Wire['bytes'] = async (pieces, { limitMs = LIMIT_MS, quietMs = QUIET_MS, gapMs = 0 } = {}) => {
    const client = await openRaw(port)
    let isEnded = false
    let heardAtMs = performance.now()
    client.socket.on('data', () => {
      heardAtMs = performance.now()
    })
    const ended = client.ended.then(() => {
      isEnded = true
    })
    const endsAtMs = performance.now() + limitMs
    for (const piece of pieces) {
      if (isEnded) break
      client.send(piece)
      if (gapMs > 0) await Promise.race([sleep(gapMs), ended])
    }
    const isQuiet = (): boolean => client.received() !== '' && performance.now() - heardAtMs > quietMs
    while (!isEnded && !isQuiet() && performance.now() < endsAtMs) await Promise.race([ended, sleep(25)])
    client.socket.destroy()
    const received = client.received()
    return { answers: answersIn(received).map(heard), received, isEnded }
  }
  return {
    bytes,
    h1: async request => {
      const { answers } = await bytes([http1Bytes(request)], { quietMs: 10_000 })
      return answers.at(-1) ?? NO_ANSWER
    },
    h2: async request => heard(await overHttp2(port, request)),
  }
}

/** A request of HTTP/1.1, the last of its connection, as bytes. */
export function http1Bytes({ method = 'POST', path, fields = [], body = '' }: HostileRequest): Buffer {
  const has = (name: string): boolean => fields.some(([each]) => each.toLowerCase() === name)
  const content = Buffer.from(body)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(has('host') ? [] : ['Host: localhost']),
    ...fields.map(([name, value]) => `${name}: ${value}`),
    ...(has('content-length') || has('transfer-encoding') ? [] : [`Content-Length: ${content.length}`]),
    'Connection: close',
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content])
}

function overHttp2(
  port: number,
  { method = 'POST', path, fields = [], body = '' }: HostileRequest,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const session = connect(`http://127.0.0.1:${port}`)
  let status = 0
  let headers: Record<string, string> = {}
  const chunks: Buffer[] = []
  const end = (): void => {
    session.destroy()
    resolve({ status, headers, body: Buffer.concat(chunks).toString() })
  }
  session.on('error', end)
  const note = (more: object): void => {
    headers = {
      ...headers,
      ...Object.fromEntries(Object.entries(more).map(([name, value]) => [name, String(value)])),
    }
  }
  try {
    const call = session.request(
      { ':method': method, ':path': path, ':authority': 'localhost', ...Object.fromEntries(fields) },
      { endStream: false, signal: AbortSignal.timeout(LIMIT_MS) },
    )
    call.on('response', response => {
      status = response[':status'] ?? 0
      note(response)
    })
    call.on('trailers', note)
    call.on('data', (chunk: Buffer) => chunks.push(chunk))
    call.on('error', end)
    call.on('close', end)
    call.end(body)
  } catch {
    // Node's client would not even send it.
    end()
  }
  return promise
}
