// What a command of `exai` works with, and how it ends.
import type { Config } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'

/** The surroundings of a command. */
export interface CommandDeps {
  readonly config: Config
  readonly clock: Clock
  /** Writes an answer: nothing else goes to standard output, so that it can be piped. */
  readonly print: (text: string) => void
  /** Writes a line for people. */
  readonly complain: (line: string) => void
}

/** Runs with the arguments after its name; gives the exit code. */
export type Command = (args: readonly string[], deps: CommandDeps) => Promise<number>

/** Exit codes of commands: those of sysexits.h where one fits. */
export const COMMAND_EXIT = { ok: 0, failed: 1, usage: 64, config: 78 } as const
