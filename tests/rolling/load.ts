// A steady load while something else happens: unary calls and long streams that begin at fixed times, and how each has ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError } from '@connectrpc/connect'
import type { StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { longQuestion, type StreamWay, type UnaryWay, type Ways } from './ways.ts'

/** How much is asked. */
export interface LoadOptions {
  /** Unary calls a second, over all ways. */
  readonly callsPerSecond: number
  /** Streams that begin in a second, over all ways. */
  readonly streamsPerSecond: number
  /** How long one stream is. */
  readonly streamSeconds: number
}

/** What became of one way's calls. */
export interface Tally {
  readonly name: string
  sent: number
  failed: number
}

/** What became of all. */
export interface LoadResult {
  readonly unary: readonly Tally[]
  /** Of streams, those that failed were cut: they did not come to their end whole and in order. */
  readonly streams: readonly Tally[]
  /** How often streams were read on after their connection had broken. */
  readonly resumed: number
  /** Why calls failed, each with its way and its second. */
  readonly failures: readonly string[]
  readonly seconds: number
}

/** Begins the load; `end` lets what runs come to its end and gives the result. */
export function startLoad(
  ways: Ways,
  { callsPerSecond, streamsPerSecond, streamSeconds }: LoadOptions,
): { end(): Promise<LoadResult> } {
  const startedAtMs = performance.now()
  const secondsNow = (): number => (performance.now() - startedAtMs) / 1000
  const failures: string[] = []
  const stop = new AbortController()

  /** Begins one call after another at fixed times, whatever became of those before. */
  async function pace<Way extends UnaryWay | StreamWay>(
    all: readonly Way[],
    perSecond: number,
    call: (way: Way, id: string) => Promise<void>,
  ): Promise<readonly Tally[]> {
    const tallies = all.map(way => ({ way, tally: { name: way.name, sent: 0, failed: 0 } }))
    const running: Promise<void>[] = []
    for (let count = 0; !stop.signal.aborted; count += 1) {
      const each = tallies[count % tallies.length]
      if (each === undefined) break
      const { way, tally } = each
      tally.sent += 1
      const beganAt = secondsNow().toFixed(1)
      running.push(
        call(way, `${way.name} ${count}`).catch((error: unknown) => {
          tally.failed += 1
          failures.push(
            `${way.name}, begun at ${beganAt} s, failed at ${secondsNow().toFixed(1)} s: ${error}`,
          )
        }),
      )
      const waitMs = ((count + 1) / perSecond - secondsNow()) * 1000
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
    await Promise.all(running)
    return tallies.map(({ tally }) => tally)
  }

  const unary = pace(ways.unary, callsPerSecond, (way, id) => way.call(id))
  const streams = pace(ways.streams, streamsPerSecond, async (way, id) => {
    const { asked, words } = longQuestion(id, streamSeconds)
    await readWhole(way.events(asked), words)
  })
  return {
    async end() {
      stop.abort()
      const tallies = { unary: await unary, streams: await streams }
      return { ...tallies, resumed: ways.resumed(), failures, seconds: secondsNow() }
    },
  }
}

/** Reads a stream; rejects unless all its events came in order and once, and its last one is its end. */
export async function readWhole(events: AsyncIterable<StreamEvent>, words: number): Promise<void> {
  let sequence = 0
  let text = ''
  let isOver = false
  try {
    for await (const { sequence: now, event } of events) {
      if (event.case === 'heartbeat') continue
      sequence += 1
      if (now !== sequence) throw new Error(`event ${sequence} is ${now}`)
      if (event.case === 'textDelta') text += event.value.text
      isOver = event.case === 'completed'
    }
  } catch (error) {
    throw new Error(`cut after event ${sequence}: ${ConnectError.from(error).message}`)
  }
  const got = text.split(' ').length
  if (!isOver || got < words)
    throw new Error(`it ended after event ${sequence} with ${got} of ${words} words`)
}
