// A thread that says when it is time for the next calls: it sleeps to a fraction of a millisecond, which timers of Node do not.
import { parentPort, workerData } from 'node:worker_threads'

/** At which rate, and for how long. */
export type Pace = { readonly rate: number; readonly calls: number }

const NOT_AGAIN_MS = 0.02

if (parentPort !== null) {
  // Whoever starts it gives it this.
  const { rate, calls } = workerData as Pace
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const startedMs = performance.timeOrigin + performance.now()
  let sent = 0
  while (sent < calls) {
    const elapsedMs = performance.timeOrigin + performance.now() - startedMs
    const due = Math.min(calls, Math.floor((elapsedMs * rate) / 1000) + 1)
    if (due > sent) parentPort.postMessage({ startedMs, from: sent, to: due })
    sent = Math.max(sent, due)
    const waitMs = (sent * 1000) / rate - (performance.timeOrigin + performance.now() - startedMs)
    if (waitMs > NOT_AGAIN_MS) Atomics.wait(cell, 0, 0, waitMs)
  }
}
