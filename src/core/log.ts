// The port to which every layer reports what happened.

/** How much is logged, from the most to nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** A level from the list. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** The facts of a line. An error goes under `err`; prompts, answers, keys and file bytes never go in at all. */
export type LogFields = Readonly<Record<string, unknown>>

/** Takes lines. The message is constant, so that it can be searched for; what varies stands in the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}
