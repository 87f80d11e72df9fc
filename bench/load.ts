// The load as a process of its own: plays one order after another, and checks every answer that it gets.
import { type Held, hold, leaveHeld } from './hold.ts'
import { openLines, type Target } from './lines.ts'
import { percentile } from './numbers.ts'
import { type OpenPace, type OpenResult, playOpen } from './open-loop.ts'
import { checkAnswer } from './wire.ts'

/** What to play: calls one after another on each of `connections`, for `seconds`. */
export type LoadOrder = Target & {
  /** How many calls are running at any time. */
  readonly connections: number
  readonly seconds: number
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

/** Calls at a fixed rate: each begins when it is its turn, whatever became of those before it. */
export type OpenOrder = Target & OpenPace

/** Connections, and calls on each, that are begun and stay; 0 connections lets them all go. */
export type HoldOrder = Target & {
  readonly connections: number
  /** Calls waiting on each; 0 for a connection that has made one unary call and is idle. */
  readonly callsEach: number
}

/** What the load process is sent, by kind. */
export type Order = LoadOrder | (OpenOrder & { readonly open: true }) | (HoldOrder & { readonly hold: true })

process.on('message', (order: Order) => {
  void answer(order)
})
process.once('disconnect', () => process.exit(0))
process.send?.({ ready: true })

async function answer(order: Order): Promise<void> {
  try {
    process.send?.(await play(order))
  } catch (error) {
    const nothing = { calls: 0, messages: 0, seconds: 0, p50Ms: 0, p99Ms: 0 }
    const result: LoadResult = { ...nothing, error: String(error) }
    process.send?.(result)
  }
}

function play(order: Order): Promise<LoadResult | OpenResult | Held> {
  if ('open' in order) return playOpen(order)
  if ('hold' in order) return order.connections === 0 ? leaveHeld() : hold(order)
  return playClosed(order)
}

async function playClosed(order: LoadOrder): Promise<LoadResult> {
  const lines = await openLines(order, order.connections)
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
  return { calls, messages, seconds, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) }
}
