// The load as a process of its own: plays one order after another, and checks every answer that it gets.

import { openHttp1 } from './http1-client.ts'
import { callGrpc, openHttp2 } from './http2-client.ts'
import type { Kind } from './payload.ts'
import { checkAnswer, http1Bytes, type Protocol, requestOf, type WireAnswer } from './wire.ts'

/** What to play: calls one after another on each of `connections`, for `seconds`. */
export type LoadOrder = {
  readonly port: number
  readonly protocol: Protocol
  readonly kind: Kind
  /** How many calls are running at any time. */
  readonly connections: number
  readonly seconds: number
  /** An API key or a token, which every call shows. */
  readonly credential?: string | undefined
}

/** What was played; with `error` nothing of it counts. */
export type LoadResult = {
  readonly calls: number
  /** Messages in all answers. */
  readonly messages: number
  readonly seconds: number
  /** Milliseconds from the first byte out to the whole answer; as many calls run at once as were ordered. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly error?: string
}

type Line = { readonly call: () => Promise<WireAnswer>; readonly close: () => void }

const STREAMS_PER_SESSION = 8

process.on('message', (order: LoadOrder) => {
  void answer(order)
})
process.once('disconnect', () => process.exit(0))
process.send?.({ ready: true })

async function answer(order: LoadOrder): Promise<void> {
  try {
    process.send?.(await play(order))
  } catch (error) {
    const nothing = { calls: 0, messages: 0, seconds: 0, p50Ms: 0, p99Ms: 0 }
    const result: LoadResult = { ...nothing, error: String(error) }
    process.send?.(result)
  }
}

async function play(order: LoadOrder): Promise<LoadResult> {
  const lines = await open(order)
  const startedMs = performance.now()
  const untilMs = startedMs + order.seconds * 1000
  let calls = 0
  let messages = 0
  const times: number[] = []
  try {
    await Promise.all(
      lines.map(async line => {
        do {
          const calledMs = performance.now()
          const answer = await line.call()
          times.push(performance.now() - calledMs)
          messages += checkAnswer(order.protocol, order.kind, answer, calls === 0)
          calls += 1
        } while (performance.now() < untilMs)
      }),
    )
  } finally {
    for (const line of lines) line.close()
  }
  const seconds = (performance.now() - startedMs) / 1000
  times.sort((one, other) => one - other)
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? 0
  return { calls, messages, seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function open({ port, protocol, kind, connections, credential }: LoadOrder): Promise<readonly Line[]> {
  const request = { ...requestOf(protocol, kind), credential }
  if (protocol !== 'grpc') {
    const bytes = http1Bytes(request)
    const clients = await Promise.all(Array.from({ length: connections }, () => openHttp1(port)))
    return clients.map(client => ({ call: () => client.call(bytes), close: client.close }))
  }
  const count = Math.ceil(connections / STREAMS_PER_SESSION)
  const sessions = await Promise.all(Array.from({ length: count }, () => openHttp2(port)))
  return sessions.flatMap(session =>
    Array.from({ length: Math.min(STREAMS_PER_SESSION, connections) }, () => ({
      call: () => callGrpc(session, request),
      close: () => void session.close(),
    })),
  )
}
