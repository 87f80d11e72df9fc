// Streams that are begun and then left: by a polite reset, or by tearing the connection down.
import { once } from 'node:events'
import { type ClientHttp2Session, constants } from 'node:http2'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHttp2, sendGrpc } from './http2-client.ts'
import type { Kind } from './payload.ts'
import { http1Bytes, type Protocol, requestOf } from './wire.ts'

/** How a client leaves: a reset (RST_STREAM on HTTP/2, a TCP RST on HTTP/1.1), or a socket that is just destroyed. */
export type Manner = 'reset' | 'destroy'

/** A stream that is to be left. */
export type Leaving = {
  readonly port: number
  readonly protocol: Protocol
  /** How the provider answers. */
  readonly kind: Kind
  readonly manner: Manner
  /** The number of the call, by which the fake provider knows it. */
  readonly call: number
  /** When it is left, in milliseconds after its request was written. */
  readonly afterMs: number
  /** A session that the streams which are reset share. */
  readonly session: ClientHttp2Session
}

/** What became of it. */
export type Left = {
  /** When the client left, by `performance.now()`. */
  readonly atMs: number
  /** Bytes of the answer that had come by then. */
  readonly bytes: number
  /** Whether the answer ended before the client left: then nothing was cancelled. */
  readonly ended: boolean
}

/** Plays one stream and leaves it. */
export function leave(leaving: Leaving): Promise<Left> {
  return leaving.protocol === 'grpc' ? leaveHttp2(leaving) : leaveHttp1(leaving)
}

async function leaveHttp2({ port, protocol, kind, manner, call, afterMs, session }: Leaving): Promise<Left> {
  const own = manner === 'destroy' ? await openHttp2(port) : undefined
  const stream = sendGrpc(own ?? session, requestOf(protocol, kind, call))
  let bytes = 0
  let ended = false
  stream.on('data', (piece: Buffer) => {
    bytes += piece.length
  })
  stream.on('end', () => {
    ended = true
  })
  stream.on('error', () => {
    // We break it ourselves; `ended` tells whether somebody else was first.
  })
  own?.on('error', () => {
    // As above.
  })
  await sleep(afterMs)
  const left = { atMs: performance.now(), bytes, ended }
  if (own === undefined) stream.close(constants.NGHTTP2_CANCEL)
  else own.destroy()
  await closed(stream)
  return left
}

async function leaveHttp1({ port, protocol, kind, manner, call, afterMs }: Leaving): Promise<Left> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  let bytes = 0
  let ended = false
  let tail = ''
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length
    tail = (tail + piece.toString('latin1')).slice(-5)
    ended ||= tail === '0\r\n\r\n'
  })
  socket.on('error', () => {
    // We break it ourselves; `ended` tells whether somebody else was first.
  })
  socket.on('end', () => {
    ended = true
  })
  socket.write(http1Bytes(requestOf(protocol, kind, call)))
  await sleep(afterMs)
  const left = { atMs: performance.now(), bytes, ended }
  if (manner === 'reset') socket.resetAndDestroy()
  else socket.destroy()
  await closed(socket)
  return left
}

async function closed(stream: { readonly closed: boolean; once(event: 'close', run: () => void): unknown }) {
  if (!stream.closed) await new Promise<void>(resolve => stream.once('close', resolve))
}
