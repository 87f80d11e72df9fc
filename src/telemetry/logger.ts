// The log: one JSON object a line, without secrets and without anything that callers or models said.
import { pino } from 'pino'
import type { Log, LogFields, LogLevel } from '../core/log.ts'
import { createScrubber } from './scrub.ts'

/** A log whose lines can share fields. */
export interface Logger extends Log {
  /** A log that writes these fields into each of its lines. */
  child(fields: LogFields): Logger
  /** From now on these values appear in no line of this log and its kin. */
  hide(secrets: readonly string[]): void
}

/** Takes lines, each with its newline. */
export interface LogDestination {
  write(line: string): void
}

/** What a logger is made of. */
export interface LoggerDeps {
  readonly level: LogLevel
  /** Version of the service. */
  readonly version: string
  /** Standard output if absent, written at once, so that the last line of a dying process is there. */
  readonly destination?: LogDestination
  /** Values that must never appear, wherever they stand: the configured keys. */
  readonly secrets?: readonly string[]
}

/** Makes the process's log. Times are ISO 8601 in UTC. */
export function createLogger({ level, version, destination, secrets = [] }: LoggerDeps): Logger {
  const scrubber = createScrubber(secrets)
  const root = pino(
    {
      level,
      base: { service: 'exai', version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      // Errors have been made plain before; pino's own serializer would copy whatever hangs on them.
      serializers: { err: (err: unknown) => err },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  )
  return wrap(root)

  function wrap(target: pino.Logger): Logger {
    const write = (line: 'debug' | 'info' | 'warn' | 'error') => {
      return (message: string, fields: LogFields = {}) => {
        // A line that nobody sees must not cost a walk over its fields.
        if (target.isLevelEnabled(line)) target[line](scrubber.value(fields), scrubber.text(message))
      }
    }
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: fields => wrap(target.child(plainFields(scrubber.value(fields)))),
      hide: scrubber.hide,
    }
  }
}

function plainFields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
