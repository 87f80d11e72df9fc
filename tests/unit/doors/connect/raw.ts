// Requests without any client library in between, for what such a library would never send.
import { connect } from 'node:http2'
import type { Running } from './harness.ts'

/** What came back. */
export type H2Answer = {
  status: number
  headers: Record<string, unknown>
  trailers: Record<string, unknown>
  body: Buffer
}

/** One request on HTTP/2, without any library in between. */
export async function raw(
  server: Running,
  path: string,
  headers: Record<string, string>,
  body: Uint8Array = new Uint8Array(),
): Promise<H2Answer> {
  const session = connect(server.url)
  try {
    return await new Promise<H2Answer>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': path, ...headers })
      const answer: H2Answer = { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0) }
      session.on('error', reject)
      stream.on('error', reject)
      stream.on('response', head => {
        answer.status = Number(head[':status'])
        answer.headers = head
      })
      stream.on('trailers', trailers => {
        answer.trailers = trailers
      })
      stream.on('data', (chunk: Buffer) => {
        answer.body = Buffer.concat([answer.body, chunk])
      })
      stream.on('end', () => resolve(answer))
      stream.end(body)
    })
  } finally {
    session.destroy()
  }
}

/** A message as gRPC frames it: flags, length, bytes. */
export function envelope(data: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flags, 0)
  head.writeUInt32BE(data.byteLength, 1)
  return Buffer.concat([head, data])
}

/** The header fields of every gRPC call. */
export const grpc = { 'content-type': 'application/grpc', te: 'trailers' }
