// Loaded before the service in a soak: at SIGUSR2 it collects garbage and writes down what is left, as one line of a file.
import { appendFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'

/** What the process holds after a collection of garbage. */
export interface Holding {
  readonly heapBytes: number
  /** Of buffers, outside of the heap. */
  readonly buffersBytes: number
  readonly rssBytes: number
  /** What keeps the event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
}

/** The environment variable that names the file. */
export const GAUGE_FILE = 'SOAK_GAUGE_FILE'

const file = process.env[GAUGE_FILE]
if (isMainThread && file !== undefined) process.on('SIGUSR2', () => void tell(file))

async function tell(path: string): Promise<void> {
  // What the last turn let go is garbage only in the next one.
  for (let times = 0; times < 2; times += 1) {
    await turn()
    globalThis.gc?.()
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  const resources: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  const holding: Holding = { heapBytes: heapUsed, buffersBytes: arrayBuffers, rssBytes: rss, resources }
  appendFileSync(path, `${JSON.stringify(holding)}\n`)
}
