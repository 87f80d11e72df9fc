// The files of the log, each turned over at a size: app.log, access.log, ws.log, and error.log with every fault once more.
import { mkdirSync } from 'node:fs'
import { createStream, type RotatingFileStream } from 'rotating-file-stream'
import { GatewayError } from '../core/errors.ts'
import type { LogChannel, LogFilesSink } from './logger.ts'

/** What the files need. */
export interface LogFilesDeps {
  /** Absolute; it is made when it is not there. */
  readonly folder: string
  /** Size from which a file is put aside: app.log becomes app.1.log, and so on. */
  readonly bytesMax: number
  /** How many of each kind that were put aside are kept. */
  readonly keptMax: number
  /** Told once when a file cannot be written, until it can be again. */
  readonly onTrouble: (error: Error) => void
}

/** The files. */
export interface LogFiles extends LogFilesSink {
  /** Closes all and opens them again by their names: for a tool that has moved them. */
  reopen(): void
  /** From now on this one is told how many lines were lost, those of before included. */
  onLost(hear: (count: number) => void): void
  /** Resolves when everything is written. Never rejects. */
  close(): Promise<void>
}

const NAMES = ['app', 'access', 'ws', 'error'] as const
type Name = (typeof NAMES)[number]

/** Most bytes that wait for the disk, for each file; further lines are lost, and standard output has them. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024
/** How long a line may wait for others, in milliseconds: a write for each costs more than the line. */
const GATHER_MS = 100
/** Characters that are written without waiting for more. */
const GATHERED_MAX = 64 * 1024
/** How long the end of the process waits for the disk, in milliseconds. */
const CLOSE_MS = 2_000

/** Opens the files. Throws a GatewayError when the folder cannot be made. */
export function openLogFiles({ folder, bytesMax, keptMax, onTrouble }: LogFilesDeps): LogFiles {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o750 })
  } catch (cause) {
    throw new GatewayError('INTERNAL', 'LOG_DIR cannot be made: correct the path or its rights', { cause })
  }
  // A file must not grow by much more than its size before it is put aside.
  const gatheredMax = Math.min(GATHERED_MAX, bytesMax / 4)
  let lost = 0
  let hear = (count: number): void => {
    lost += count
  }
  let feed = (): void => undefined
  let isTroubled = false
  let streams = openAll()

  function openAll(): Readonly<Record<Name, RotatingFileStream>> {
    return { app: open('app'), access: open('access'), ws: open('ws'), error: open('error') }
  }

  function open(name: Name): RotatingFileStream {
    const stream = createStream(
      // With `rotate` it is called with a number alone, and with none for the file that is written.
      (index: number | Date | null) => (typeof index === 'number' ? `${name}.${index}.log` : `${name}.log`),
      { path: folder, size: `${bytesMax}B`, rotate: keptMax, mode: 0o640 },
    )
    stream.on('error', trouble)
    stream.on('warning', trouble)
    return stream
  }

  function trouble(error: Error): void {
    hear(1)
    if (!isTroubled) onTrouble(error)
    isTroubled = true
  }

  const gathered: Record<Name, string> = { app: '', access: '', ws: '', error: '' }
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    for (const name of NAMES) {
      const text = gathered[name]
      if (text === '') continue
      gathered[name] = ''
      const stream = streams[name]
      if (stream.writableLength > WAITING_BYTES_MAX || stream.destroyed) {
        hear(linesOf(text))
        continue
      }
      stream.write(text, error => {
        if (error === null || error === undefined) isTroubled = false
      })
    }
  }

  function writeTo(name: Name, text: string): void {
    gathered[name] += text
    if (gathered[name].length >= gatheredMax) flush()
    else timer ??= setTimeout(flush, GATHER_MS).unref()
  }

  return {
    feeds(from) {
      feed = from
    },
    write(text, channel, isError) {
      if (text.length <= gatheredMax) writeTo(fileOf(channel), text)
      else for (const line of text.match(/.*\n/g) ?? []) writeTo(fileOf(channel), line)
      if (!isError) return
      writeTo('error', text)
      flush()
    },
    reopen() {
      feed()
      flush()
      const before = streams
      streams = openAll()
      for (const name of NAMES) before[name].end()
    },
    onLost(listener) {
      hear = listener
      if (lost > 0) hear(lost)
    },
    async close() {
      feed()
      flush()
      const ended = NAMES.map(name => {
        const { promise, resolve } = Promise.withResolvers<void>()
        const stream = streams[name]
        stream.once('close', resolve)
        stream.end(() => resolve())
        if (stream.destroyed) resolve()
        return promise
      })
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, CLOSE_MS)
      await Promise.race([Promise.all(ended), late])
      clearTimeout(timer)
    },
  }
}

/** Faults of the service stand among what else it does, too. */
function fileOf(channel: LogChannel): Name {
  return channel === 'error' ? 'app' : channel
}

function linesOf(text: string): number {
  return text.split('\n').length - 1
}
