// The log: one JSON object a line, without secrets and without anything that callers or models said.
import { pino } from 'pino'
import type { Log, LogFields, LogLevel } from '../core/log.ts'
import { createGathering } from './log-gathering.ts'
import { createLineWriter } from './log-line.ts'
import { isKept } from './log-sample.ts'
import { createScrubber } from './scrub.ts'

/** What a line is about: calls, WebSockets, faults, or anything else of the service. */
export type LogChannel = 'app' | 'access' | 'ws' | 'error'

/** A log whose lines can share fields. */
export interface Logger extends Log {
  /** A log that writes these fields into each of its lines. */
  child(fields: LogFields): Logger
  /** From now on these values appear in no line of this log and its kin. */
  hide(secrets: readonly string[]): void
  /** From now on lines below this level are not written, in this log and its kin. */
  setLevel(level: LogLevel): void
}

/** Takes whole lines in pieces that a pipe takes at once, unless one line is longer. */
export interface LogOutput {
  write(text: string): void
}

/** Takes lines, each with its newline and at once. */
export interface LogDestination {
  /** `isUrgent`: the line stands at warn or above, and must not wait for others. */
  write(line: string, isUrgent: boolean): void
}

/** Takes lines, each with its newline, beside the destination. */
export interface LogFilesSink {
  /** `text`: one line or several of one channel. `isError`: it is a line that stands at error or above, alone. */
  write(text: string, channel: LogChannel, isError: boolean): void
  /** Takes the way to be given what still waits for more lines: to be asked before the files are closed. */
  feeds?(from: () => void): void
}

/** What a logger is made of. */
export interface LoggerDeps {
  readonly level: LogLevel
  /** Version of the service. */
  readonly version: string
  /** Takes each line by itself. Absent: lines are gathered for `output`. */
  readonly destination?: LogDestination | undefined
  /**
   * Standard output if absent. Lines that come close together are written together; faults are written at once, and what waits
   * when the process ends is written by then.
   */
  readonly output?: LogOutput | undefined
  /** Absent: there are no files. */
  readonly files?: LogFilesSink | undefined
  /** Values that must never appear, wherever they stand: the configured keys. */
  readonly secrets?: readonly string[]
  /** Share of the successful calls that have a line, from 0 to 1. Default: 1. */
  readonly sampleRatio?: number
}

const lines = ['debug', 'info', 'warn', 'error'] as const
type Line = (typeof lines)[number]

/** How long a line may wait for others, in milliseconds. */
const GATHER_MS = 20
/** Of this size a write into a pipe is never mixed with another process's (PIPE_BUF of Linux). */
const GATHERED_BYTES_MAX = 4_096

/** Makes the process's log. Times are ISO 8601 in UTC. */
export function createLogger(deps: LoggerDeps): Logger {
  const { level, version, secrets = [], sampleRatio = 1 } = deps
  const scrubber = createScrubber(secrets)
  const writer = createLineWriter(scrubber)
  const sink = createSink(deps)
  // A line is written before the call that makes it returns: what it is about need not be read from it again.
  let channel: LogChannel = 'app'
  let urgency: Line = 'info'
  const root = pino(
    {
      level,
      base: { service: 'exai', version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      // Errors have been made plain before; pino's own serializer would copy whatever hangs on them.
      serializers: { err: (err: unknown) => err },
    },
    { write: (line: string) => sink(Buffer.from(line), channel, urgency) },
  )
  const kin: pino.Logger[] = []
  return wrap(root)

  function wrap(target: pino.Logger): Logger {
    kin.push(target)
    const bindings = Buffer.from(JSON.stringify(target.bindings()).replace(/^\{(.*)\}$/s, '",$1'))
    const write = (line: Line) => {
      const head = Buffer.from(`{"level":"${line}","time":"`)
      return (message: string, fields: LogFields = {}) => {
        // A line that nobody sees must not cost a walk over its fields.
        if (!target.isLevelEnabled(line)) return
        const about = channelOf(fields, line)
        if (about === 'access' && line === 'info' && !isKept(fields, sampleRatio)) return
        channel = about
        urgency = line
        const plain = writer.line({ head, bindings, fields, channel: about, message })
        if (plain !== undefined) return sink(plain, about, line)
        const safe = plainFields(scrubber.value(fields))
        safe['channel'] = about
        target[line](safe, scrubber.text(message))
      }
    }
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: fields => wrap(target.child(plainFields(scrubber.value(fields)))),
      hide(secrets) {
        scrubber.hide(secrets)
        writer.forget()
      },
      setLevel(next) {
        for (const one of kin) one.level = next
      },
    }
  }
}

type Sink = (line: Uint8Array, channel: LogChannel, urgency: Line) => void

function createSink({ destination, files, ...deps }: LoggerDeps): Sink {
  if (destination !== undefined)
    return (line, channel, urgency) => {
      const text = Buffer.from(line).toString()
      destination.write(text, urgency === 'warn' || urgency === 'error')
      files?.write(text, channel, urgency === 'error')
    }
  const out = deps.output ?? pino.destination({ fd: 1, sync: true })
  let gathered: LogChannel = 'app'
  let isError = false
  const gathering = createGathering({
    write(bytes) {
      const text = bytes.toString()
      out.write(text)
      files?.write(text, gathered, isError)
    },
    bytesMax: GATHERED_BYTES_MAX,
    waitMs: GATHER_MS,
  })
  process.on('exit', gathering.flush)
  files?.feeds?.(gathering.flush)
  return (line, channel, urgency) => {
    // Pieces are of one channel, and faults stand alone.
    if (channel !== gathered || urgency === 'error') gathering.flush()
    gathered = channel
    isError = urgency === 'error'
    gathering.add(line, isError || urgency === 'warn')
    isError = false
  }
}

/** Lines of calls say so by themselves; of the others, faults have a channel of their own. */
function channelOf({ channel }: LogFields, line: Line): LogChannel {
  if (channel === 'access' || channel === 'ws') return channel
  return line === 'error' ? 'error' : 'app'
}

/** The copy that a scrubber gives, which nobody else has. */
function plainFields(value: unknown): Record<string, unknown> {
  return isFields(value) ? value : {}
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
