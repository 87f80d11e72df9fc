// Calls at a fixed rate: latency counts from when a call should have begun, so that a server that stops is not let off lightly.
import { Worker } from 'node:worker_threads'
import { type Line, openLines, type Target } from './lines.ts'
import type { Pace } from './pacer.ts'
import { checkAnswer } from './wire.ts'

/** What came of it, all in milliseconds from when each call was due; with `error` nothing of it counts. */
export type OpenResult = {
  readonly calls: number
  /** Until the whole answer was there. */
  readonly latencyMs: readonly number[]
  /** Until the first text event of a stream was there. */
  readonly firstMs: readonly number[]
  /** The most calls that ran at any time. */
  readonly runningMax: number
  readonly error?: string
}

type Due = { readonly startedMs: number; readonly from: number; readonly to: number }

const LINES_AT_FIRST = 16
/** More than that waiting shows a server that the rate is too high for. */
const RUNNING_MAX = 2000

/** Plays it. Rejects on the first wrong answer, and when the server does not keep up. */
export async function playOpen(
  order: Target & { readonly rate: number; readonly seconds: number },
): Promise<OpenResult> {
  const all: Line[] = [...(await openLines(order, LINES_AT_FIRST))]
  const idle: Line[] = [...all]
  const latencyMs: number[] = []
  const firstMs: number[] = []
  let running = 0
  let runningMax = 0
  const callAt = async (dueMs: number): Promise<void> => {
    running += 1
    runningMax = Math.max(runningMax, running)
    if (running > RUNNING_MAX)
      throw new Error(`the server does not keep up with ${order.rate} calls a second`)
    const line = idle.pop() ?? (await moreLines(order, all, idle))
    const answer = await line.call()
    const endedMs = performance.now()
    idle.push(line)
    running -= 1
    latencyMs.push(endedMs - dueMs)
    if (answer.firstAtMs !== undefined) firstMs.push(answer.firstAtMs - dueMs)
    checkAnswer(order.protocol, order.kind, answer, latencyMs.length === 1)
  }
  try {
    await pace({ rate: order.rate, calls: Math.max(1, Math.round(order.rate * order.seconds)) }, callAt)
  } finally {
    for (const line of all) line.close()
  }
  return { calls: latencyMs.length, latencyMs, firstMs, runningMax }
}

function pace(pace: Pace, callAt: (dueMs: number) => Promise<void>): Promise<void> {
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
        const made = callAt(dueMs)
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
