// How much is logged: what the config file says, and where that says nothing, LOG_LEVEL.
import type { Config } from './config/config.ts'
import { type Environment, readEnvironment } from './config/environment.ts'
import type { LogLevel } from './core/log.ts'
import type { Logger } from './telemetry/logger.ts'

/** Who says how much is logged: the config file, and where that says nothing LOG_LEVEL. */
export interface Levels {
  inFile(level: LogLevel | undefined): void
  inSettings(env: Environment): void
  /** Calls with the level whenever it is set. */
  onSet(hear: (level: LogLevel) => void): void
}

/** Begins with what the configuration says. */
export function levelsOf(config: Config, log: Pick<Logger, 'setLevel'>): Levels {
  let file = config.snapshot.logLevel
  let setting = config.logging.level
  let heard: ((level: LogLevel) => void) | undefined
  const set = (): void => {
    log.setLevel(file ?? setting)
    heard?.(file ?? setting)
  }
  return {
    onSet(hear) {
      heard = hear
    },
    inFile(level) {
      file = level
      set()
    },
    inSettings(env) {
      setting = readEnvironment(env).values.LOG_LEVEL
      set()
    },
  }
}
