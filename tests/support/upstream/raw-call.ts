// Calls a double with node:http and keeps what came over the wire: the pieces, the error, the times.
import { type IncomingHttpHeaders, request } from 'node:http'
import { isObject } from './shape.ts'

/** What came back; whatever went wrong is told, not thrown. */
export type RawAnswer = {
  /** 0 when no status line came. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
  /** The JSON of each `data:` line but `[DONE]`, for streams with plain line ends. */
  readonly chunks: readonly unknown[]
  /** Pieces as the HTTP parser handed them out, with their time. */
  readonly pieces: readonly { readonly bytes: Buffer; readonly atMs: number }[]
  /** Error code such as ECONNRESET. */
  readonly failure?: string
  readonly headersAtMs: number
}

/** What is sent. */
export type RawCall = {
  readonly method?: string
  /** Added to the upstream's url. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, or as it is when it is a string. */
  readonly body?: unknown
  readonly signal?: AbortSignal
  /** Told of each piece as it comes. */
  readonly onPiece?: (bytes: Buffer) => void
}

/** Sends one request on a connection of its own. */
export function rawCall(upstreamUrl: string, call: RawCall): Promise<RawAnswer> {
  const { promise, resolve } = Promise.withResolvers<RawAnswer>()
  const pieces: { bytes: Buffer; atMs: number }[] = []
  let status = 0
  let headers: IncomingHttpHeaders = {}
  let headersAtMs = 0
  const finish = (failure?: string): void => {
    const body = Buffer.concat(pieces.map(piece => piece.bytes))
    const text = body.toString()
    const answer = {
      status,
      headers,
      body,
      text,
      json: parse(text),
      chunks: chunksOf(text),
      pieces,
      headersAtMs,
    }
    resolve(failure === undefined ? answer : { ...answer, failure })
  }
  const failed = (error: Error): void => finish('code' in error ? String(error.code) : error.name)
  const out = request(
    `${upstreamUrl}${call.path ?? '/chat/completions'}`,
    {
      method: call.method ?? 'POST',
      agent: false,
      headers: { authorization: 'Bearer test-key', 'content-type': 'application/json', ...call.headers },
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    },
    response => {
      status = response.statusCode ?? 0
      headers = response.headers
      headersAtMs = performance.now()
      response.on('data', (bytes: Buffer) => {
        pieces.push({ bytes, atMs: performance.now() })
        call.onPiece?.(bytes)
      })
      response.on('end', () => finish())
      response.on('error', failed)
    },
  )
  out.on('error', failed)
  out.end(call.body === undefined || typeof call.body === 'string' ? call.body : JSON.stringify(call.body))
  return promise
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const chunksOf = (text: string): readonly unknown[] =>
  text
    .split('\n')
    .filter(line => line.startsWith('data:') && !line.includes('[DONE]'))
    .map(line => parse(line.slice(5)))

/** Follows keys and indexes into JSON; undefined when there is nothing. */
export function at(json: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((each, key) => {
    if (Array.isArray(each)) return each.at(Number(key))
    return isObject(each) ? each[key] : undefined
  }, json)
}
