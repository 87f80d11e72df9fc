// The service as a process: its log, its start, and what signals do to it.
import { type Config, configSource } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import type { Environment } from '../config/environment.ts'
import { restartNeeds } from '../config/restart.ts'
import { configSecretsOf } from '../config/secrets.ts'
import { secretsOf } from '../config/snapshot.ts'
import type { ConfigSource } from '../config/watch.ts'
import { systemClock } from '../core/clock.ts'
import { keepYoung } from '../core/young-heap.ts'
import type { Gateway, GatewayDeps } from '../gateway.ts'
import { type Levels, levelsOf } from '../log-levels.ts'
import type { LogFiles } from '../telemetry/log-files.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { WorkersDeps } from '../workers/primary.ts'
import { type CommandDeps, COMMAND_EXIT as EXIT } from './command.ts'

/** What a start goes by. */
export interface ServeSetup extends Pick<CommandDeps, 'config' | 'print' | 'complain'> {
  /** Variables and `.env` together, as they were read. */
  readonly env: Environment
  /** Reads both again. */
  readonly readEnv: () => Environment
  readonly readFile: (path: string) => string
  readonly cwd: string
  readonly version: string
  /** Path of the file that was started. */
  readonly entry: string
}

/** Starts the service and lets it run until a signal; gives the exit code when it cannot start. */
export async function serve(setup: ServeSetup): Promise<number | undefined> {
  const { config, env, version, entry, print } = setup
  const files = await logFilesOf(setup)
  if (files === 'none') return EXIT.config
  const [{ createLogger }, start] = await Promise.all([import('../telemetry/logger.ts'), starterOf(config)])
  const log = createLogger({
    level: config.snapshot.logLevel ?? config.logging.level,
    version,
    secrets: configSecretsOf(config),
    files,
    sampleRatio: config.logging.sampleRatio,
  })
  const levels = levelsOf(config, log)
  for (const notice of config.notices) log.warn(notice)
  process.on('uncaughtException', err => {
    // The state is unknown after it: a new process is safer than this one.
    log.error('uncaught exception, the process ends', { err })
    process.exit(EXIT.failed)
  })
  try {
    const source = sourceOf({ config, env }, log, levels)
    const gateway = await start({
      config,
      log,
      clock: systemClock,
      version,
      source,
      files,
      onLogLost: files?.onLost,
      announce: line => print(`${line}\n`),
      entry,
      onLevel: levels.onSet,
    })
    // Before anybody is told that it is there.
    stopOnSignals(gateway, log, files)
    rereadOnSignal(gateway, setup, { log, levels, files })
    const scheme = config.listen.tls === undefined ? 'http' : 'https'
    const host = gateway.at.address.includes(':') ? `[${gateway.at.address}]` : gateway.at.address
    log.info('listening', { url: `${scheme}://${host}:${gateway.at.port}`, node: process.version })
    keepYoung()
    return undefined
  } catch (err) {
    if (err instanceof ConfigError) {
      for (const problem of err.problems) log.error(problem)
      return EXIT.config
    }
    log.error(startFault(err, config), { err })
    return EXIT.failed
  }
}

/** One process serves alone, or several share the port and one more owns what they share. */
async function starterOf({
  workers,
}: Config): Promise<(deps: GatewayDeps & WorkersDeps) => Promise<Gateway>> {
  if (workers === 1) return (await import('../gateway.ts')).startGateway
  return (await import('../workers/primary.ts')).startWorkers
}

/** The config file; what it brings is kept out of the log from the moment it is read, and told when it is odd. */
function sourceOf(
  { config, env }: Pick<ServeSetup, 'config' | 'env'>,
  log: Logger,
  levels: Levels,
): ConfigSource | undefined {
  const source = configSource(config, env)
  const told = new Set(config.notices)
  return (
    source && {
      ...source,
      async read(text, version) {
        const reading = await source.read(text, version)
        if (!reading.ok) return reading
        log.hide(secretsOf(reading.snapshot))
        levels.inFile(reading.snapshot.logLevel)
        for (const notice of reading.notices.filter(one => !told.has(one))) log.warn(notice)
        for (const notice of reading.notices) told.add(notice)
        return reading
      },
    }
  )
}

/** The files of the log; undefined when there are none, and `none` when they cannot be opened, which has been said. */
async function logFilesOf({ config, complain }: ServeSetup): Promise<LogFiles | undefined | 'none'> {
  const { files } = config.logging
  if (files === undefined) return undefined
  const { openLogFiles } = await import('../telemetry/log-files.ts')
  try {
    return openLogFiles({
      ...files,
      onTrouble: error => complain(`exai: a file in LOG_DIR cannot be written: ${error.message}`),
    })
  } catch (error) {
    complain(`exai cannot start:\n  ${(error as Error).message}`)
    return 'none'
  }
}

/** What a signal changes of the log. */
interface Logging {
  readonly log: Logger
  readonly levels: Levels
  readonly files: LogFiles | undefined
}

function startFault(err: unknown, { listen: { host, port } }: Config): string {
  const code = (err as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') return `port ${port} of ${host} is in use: stop what listens there, or set PORT`
  if (code === 'EACCES') return `port ${port} of ${host} needs more rights: set PORT to 1024 or above`
  return 'the service cannot start'
}

function stopOnSignals(gateway: Gateway, log: Logger, files: LogFiles | undefined): void {
  let asked = 0
  const exit = async (code: number): Promise<void> => {
    await files?.close()
    process.exit(code)
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    asked += 1
    if (asked > 1) {
      gateway.abort()
      return
    }
    log.info('stopping', { signal })
    gateway.stop().then(
      ({ running, aborted, durationMs }) => {
        log.info('stopped', { running, aborted, duration_ms: Math.round(durationMs) })
        return exit(EXIT.ok)
      },
      (err: unknown) => {
        log.error('stopping failed', { err })
        return exit(EXIT.failed)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

/** SIGHUP reads the config file and LOG_LEVEL again, opens the log's files again, and names the settings that need a restart. */
function rereadOnSignal(gateway: Gateway, setup: ServeSetup, { log, levels, files }: Logging): void {
  // A terminal sends it when it is closed, and then the process shall end as before.
  if (process.stdout.isTTY) return
  const { config, env, readEnv, readFile, cwd } = setup
  process.on('SIGHUP', () => {
    files?.reopen()
    try {
      const now = readEnv()
      levels.inSettings(now)
      const changed = restartNeeds({ config, before: env, now, readFile, cwd })
      const settings = changed.filter(name => name !== 'LOG_LEVEL')
      if (settings.length > 0) log.warn('changed settings need a restart', { settings })
    } catch (err) {
      log.warn('.env cannot be read again', { err })
    }
    gateway.reread().then(
      result => log.info('config file read again', { result }),
      (err: unknown) => log.error('the config file cannot be read again', { err }),
    )
  })
}
