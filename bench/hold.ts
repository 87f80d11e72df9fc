// Connections and calls that are begun and stay, so that what each of them holds can be weighed.
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Http1Client, openHttp1 } from './http1-client.ts'
import { callGrpc, openHttp2, sendGrpc } from './http2-client.ts'
import { requestTo, type Target } from './lines.ts'
import { checkAnswer, http1Bytes } from './wire.ts'

/** How much is held now. */
export type Held = { readonly connections: number; readonly calls: number; readonly error?: string }

// So many begin at once: what is weighed is the waiting, not the rush.
const AT_ONCE = 50

const clients: Http1Client[] = []
const sessions: ClientHttp2Session[] = []
const streams: ClientHttp2Stream[] = []
let answered = 0

/** Opens connections and begins calls on each that nobody answers; without calls each makes one that is answered, and is idle. */
export async function hold(
  order: Target & {
    readonly connections: number
    readonly callsEach: number
  },
): Promise<Held> {
  const { connections, callsEach, protocol, port } = order
  const unary = requestTo({ ...order, kind: 'unary' })
  for (let made = 0; made < connections; made += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, connections - made) }, async () => {
        if (protocol !== 'grpc') {
          const client = await openHttp1(port)
          clients.push(client)
          checkAnswer(protocol, 'unary', await client.call(http1Bytes(unary)), false)
          return
        }
        const session = await openHttp2(port)
        sessions.push(session)
        checkAnswer(protocol, 'unary', await callGrpc(session, unary), false)
      }),
    )
  }
  const request = requestTo(order)
  for (let turn = 0; turn < callsEach; turn += 1) {
    for (const session of sessions) streams.push(watched(sendGrpc(session, request)))
    await sleep(connections / 2)
  }
  if (answered > 0) throw new Error(`${answered} of the calls that were to wait ended`)
  return { connections: sessions.length + clients.length, calls: streams.length }
}

/** Lets all of them go. Rejects when one of the calls ended before. */
export async function leaveHeld(): Promise<Held> {
  const ended = answered
  for (const client of clients.splice(0)) client.close()
  for (const session of sessions.splice(0)) session.destroy()
  const calls = streams.splice(0).length
  answered = 0
  if (ended > 0) throw new Error(`${ended} of the calls that were to wait ended`)
  return { connections: 0, calls }
}

function watched(stream: ClientHttp2Stream): ClientHttp2Stream {
  const session = stream.session
  // Heartbeats are answers, too, and must be read.
  stream.resume()
  stream.on('error', () => undefined)
  stream.on('close', () => {
    // One that we tear down with its session is no answer.
    if (session !== undefined && !session.destroyed) answered += 1
  })
  return stream
}
