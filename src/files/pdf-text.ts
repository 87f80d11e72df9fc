// The text of PDF at upload: asks a thread of its own, and ends it when a file takes too much or too long.
import { Worker } from 'node:worker_threads'
import type { Log } from '../core/log.ts'
import type { PageLimits, PdfAnswer, PdfLimits } from './pdf-protocol.ts'
import { type Extract, TEXT_BYTES_MAX } from './text-reader.ts'

const MIB = 1024 * 1024

/** What a PDF may cost where nothing else is said. */
export const PDF_LIMITS: PdfLimits = {
  fileBytesMax: 64 * MIB,
  pagesMax: 2_000,
  textBytesMax: TEXT_BYTES_MAX,
  timeMs: 30_000,
  memoryBytesMax: 512 * MIB,
  idleMs: 60_000,
}

/** How often the memory of the thread is looked at while it reads, in milliseconds. */
const WATCH_MS = 25
/**
 * V8 ends the whole process when one allocation does not fit below a thread's heap limit (seen with a growing array on Node 26),
 * and does not count what lies outside of the heap. So this limit is far above ours, and ours is kept by looking.
 */
const HEAP_LIMIT_MB = 4_096

/** Makes the thread. */
export type SpawnPdfWorker = (limits: PageLimits) => Worker

/** What PDF is read with. */
export interface PdfTextDeps {
  readonly log: Log
  readonly limits?: PdfLimits
  readonly spawn?: SpawnPdfWorker
}

/** What came of a file: what the thread says, or what it was ended for. */
type Outcome = PdfAnswer | { readonly noText: 'too large' | 'too slow' | 'too much memory' | 'died' }

/** Reads PDF. The thread is made for the first file, and again after it has been idle or was ended. */
export function createPdfText({
  log,
  limits = PDF_LIMITS,
  spawn = spawnPdfWorker,
}: PdfTextDeps): Extract & { close(): Promise<void> } {
  let worker: Worker | undefined
  let idling: NodeJS.Timeout | undefined
  // One file at a time: two would have twice the memory.
  let turn: Promise<unknown> = Promise.resolve()

  async function end(): Promise<void> {
    clearTimeout(idling)
    const ended = worker
    worker = undefined
    await ended?.terminate()
  }

  function current(): Worker {
    clearTimeout(idling)
    if (worker !== undefined) return worker
    const made = spawn(limits)
    worker = made
    // The service ends when its listener does, and not when nothing more is read.
    made.unref()
    made.on('error', ({ name, code }: NodeJS.ErrnoException) => {
      // Not its message, in which there may be words of the file.
      log.warn('the thread that reads PDF has died', { error: name, code })
    })
    made.on('exit', () => {
      if (worker === made) worker = undefined
    })
    return made
  }

  async function read(data: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted()
    const thread = current()
    try {
      const { outcome, bytesMost } = await ask(thread, data, limits, signal)
      // Memory is given back by ending the thread; a large heap would count against the next file, too.
      if (!('text' in outcome) || bytesMost > limits.memoryBytesMax / 4) await end()
      else idling = setTimeout(() => void end(), limits.idleMs).unref()
      return outcome
    } catch (error) {
      await end()
      throw error
    }
  }

  return {
    reads: mimeType => mimeType === 'application/pdf' || mimeType === 'application/x-pdf',
    async text(bytes, _mimeType, signal) {
      const data = await gather(bytes, limits.fileBytesMax)
      const reading = turn.then((): Outcome | Promise<Outcome> =>
        data === undefined ? { noText: 'too large' } : read(data, signal),
      )
      turn = reading.catch(() => undefined)
      const outcome = await reading
      if ('text' in outcome) return outcome.text
      log.info('a PDF has no text that can be read', { why: outcome.noText })
      return undefined
    },
    async close() {
      await turn
      await end()
    },
  }
}

/** The worker of this folder. It is told nothing of the service: no environment, no arguments. */
export function spawnPdfWorker({ pagesMax, textBytesMax }: PageLimits): Worker {
  // Emitted code runs as JavaScript: rewritten are import specifiers, and this is none.
  const file = import.meta.url.endsWith('.ts') ? './pdf-worker.ts' : './pdf-worker.js'
  return new Worker(new URL(file, import.meta.url), {
    workerData: { pagesMax, textBytesMax } satisfies PageLimits,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
  })
}

/** Has a file read. Whatever else than a text comes of it, the thread may not be used again. Rejects when the signal is aborted. */
async function ask(
  worker: Worker,
  data: Uint8Array<ArrayBuffer>,
  { timeMs, memoryBytesMax }: PdfLimits,
  signal: AbortSignal,
): Promise<{ readonly outcome: Outcome; readonly bytesMost: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  let bytesMost = 0
  let looking: NodeJS.Timeout | undefined

  async function look(): Promise<void> {
    // Answered in the middle of a loop, too; it fails while the thread starts, and when it ends.
    const heap = await worker.getHeapStatistics().catch(() => undefined)
    bytesMost = Math.max(bytesMost, (heap?.used_heap_size ?? 0) + (heap?.external_memory ?? 0))
    if (bytesMost > memoryBytesMax) resolve({ noText: 'too much memory' })
    else if (looking !== undefined) looking = setTimeout(() => void look(), WATCH_MS)
  }

  const slow = setTimeout(resolve, timeMs, { noText: 'too slow' } satisfies Outcome)
  looking = setTimeout(() => void look(), WATCH_MS)
  const died = (): void => resolve({ noText: 'died' })
  const aborted = (): void => reject(signal.reason)
  worker.once('message', resolve).once('exit', died)
  signal.addEventListener('abort', aborted)
  try {
    worker.postMessage(data, [data.buffer])
    return { outcome: await promise, bytesMost }
  } finally {
    clearTimeout(slow)
    clearTimeout(looking)
    looking = undefined
    worker.off('message', resolve).off('exit', died)
    signal.removeEventListener('abort', aborted)
  }
}

/** All bytes of a file in a buffer of their own; undefined when they are too many. */
async function gather(
  bytes: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  // Grown in place: to put 64 MiB of pieces together at the end would hold up everything else meanwhile.
  const buffer = new ArrayBuffer(0, { maxByteLength: bytesMax })
  for await (const part of bytes) {
    const at = buffer.byteLength
    if (at + part.byteLength > bytesMax) return undefined
    buffer.resize(at + part.byteLength)
    new Uint8Array(buffer, at).set(part)
  }
  return new Uint8Array(buffer)
}
