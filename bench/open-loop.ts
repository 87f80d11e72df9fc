// Calls at a fixed rate: latency counts from when a call should have begun, so that a server that stops is not let off lightly.
import { Worker } from 'node:worker_threads'
import { type Line, openLines, type Target } from './lines.ts'
import type { Pace } from './pacer.ts'
import { checkAnswer } from './wire.ts'

/** How the calls come. */
export type OpenPace = {
  /** Calls a second. */
  readonly rate: number
  readonly seconds: number
  /** So long before, calls come that are not counted: they open connections and wake everybody up. Default 0. */
  readonly warmSeconds?: number
}

/** What came of it, all in milliseconds from when each call was due; with `error` nothing of it counts. */
export type OpenResult = {
  /** How many were counted. */
  readonly calls: number
  /** Until the whole answer was there. */
  readonly latencyMs: readonly number[]
  /** Until the first text event of a stream was there. */
  readonly firstMs: readonly number[]
  /** The most calls that ran at any time. */
  readonly runningMax: number
  /** By how much this process itself was late with each call: a tail that is not the server's. */
  readonly sentLateMs: readonly number[]
  readonly error?: string
}

type Due = { readonly startedMs: number; readonly from: number; readonly to: number }

const LINES_AT_FIRST = 16
/** More than that waiting shows a server that the rate is too high for. */
const RUNNING_MAX = 2000

/** How it is said that a server does not keep up, before the rate. */
export const BEHIND = 'the server does not keep up with'

/** Plays it. Rejects on the first wrong answer, and when the server does not keep up. */
export async function playOpen(order: Target & OpenPace): Promise<OpenResult> {
  const { rate, seconds, warmSeconds = 0 } = order
  const warmCalls = Math.round(rate * warmSeconds)
  const all: Line[] = [...(await openLines(order, LINES_AT_FIRST))]
  const idle: Line[] = [...all]
  const latencyMs: number[] = []
  const firstMs: number[] = []
  const sentLateMs: number[] = []
  let running = 0
  let runningMax = 0
  let isChecked = false
  const callAt = async (dueMs: number, isCounted: boolean): Promise<void> => {
    const begunMs = performance.now()
    running += 1
    runningMax = Math.max(runningMax, running)
    if (running > RUNNING_MAX) throw new Error(`${BEHIND} ${rate} calls a second`)
    const line = idle.pop() ?? (await moreLines(order, all, idle))
    const answer = await line.call()
    const endedMs = performance.now()
    idle.push(line)
    running -= 1
    checkAnswer(order.protocol, order.kind, answer, !isChecked)
    isChecked = true
    if (!isCounted) return
    sentLateMs.push(begunMs - dueMs)
    latencyMs.push(endedMs - dueMs)
    if (answer.firstAtMs !== undefined) firstMs.push(answer.firstAtMs - dueMs)
  }
  try {
    const calls = warmCalls + Math.max(1, Math.round(rate * seconds))
    await pace({ rate, calls }, (dueMs, call) => callAt(dueMs, call >= warmCalls))
  } finally {
    for (const line of all) line.close()
  }
  return { calls: latencyMs.length, latencyMs, firstMs, runningMax, sentLateMs }
}

function pace(pace: Pace, callAt: (dueMs: number, call: number) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const calls: Promise<void>[] = []
    const worker = new Worker(new URL('./pacer.ts', import.meta.url), { workerData: pace })
    const failed = (error: unknown): void => {
      void worker.terminate()
      reject(error)
    }
    worker.on('message', ({ startedMs, from, to }: Due) => {
      for (let call = from; call < to; call += 1) {
        const dueMs = startedMs - performance.timeOrigin + (call * 1000) / pace.rate
        const made = callAt(dueMs, call)
        made.catch(failed)
        calls.push(made)
      }
    })
    worker.on('error', failed)
    worker.on('exit', () => Promise.all(calls).then(() => resolve(), reject))
  })
}

async function moreLines(target: Target, all: Line[], idle: Line[]): Promise<Line> {
  const [first, ...others] = await openLines(target, target.protocol === 'grpc' ? 8 : 1)
  if (first === undefined) throw new Error('no line was opened')
  all.push(first, ...others)
  idle.push(...others)
  return first
}
