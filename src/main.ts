// The command: reads arguments and environment, starts the service, and ends it on signals.
import { readFileSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import type { Command } from './cli/command.ts'
import { askHealth } from './cli/health.ts'
import { usage } from './cli/usage.ts'
import { type Config, configSource, loadConfig } from './config/config.ts'
import { CONFIG_EXIT_CODE, ConfigError } from './config/config-error.ts'
import { readDotEnv } from './config/dot-env.ts'
import type { Environment } from './config/environment.ts'
import { restartNeeds } from './config/restart.ts'
import { configSecretsOf } from './config/secrets.ts'
import { secretsOf } from './config/snapshot.ts'
import type { ConfigSource } from './config/watch.ts'
import { systemClock } from './core/clock.ts'
import type { Gateway, GatewayDeps } from './gateway.ts'
import { type Levels, levelsOf } from './log-levels.ts'
import type { LogFiles } from './telemetry/log-files.ts'
import type { Logger } from './telemetry/logger.ts'
import { WORKER_COMMAND } from './workers/child.ts'
import type { WorkersDeps } from './workers/primary.ts'

// Exit codes of sysexits.h, which service managers know.
const EXIT = { ok: 0, failed: 1, usage: 64, config: CONFIG_EXIT_CODE, interrupted: 130 } as const

/** How long after the start what was compiled is kept for the next one, in milliseconds: when the first calls are over. */
const KEEP_COMPILED_AFTER_MS = 15_000

// Before the service is imported, which is nearly all of the code: the next start need not compile it again. In the user's own
// folder, because whoever can write there decides what runs. Coverage of code that was not compiled here would be less exact.
if (process.env['NODE_V8_COVERAGE'] === undefined) {
  enableCompileCache(join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'exai'))
}

const cwd = process.cwd()
const readFile = (path: string): string => readFileSync(path, 'utf8')
const readEnv = (): Environment => readDotEnv({ env: process.env, readFile, cwd })

/** Commands with arguments of their own; loaded when they are asked for. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  chat: async () => (await import('./cli/chat.ts')).createChatCommand(process),
  keys: async () => (await import('./cli/keys.ts')).keysCommand,
  mcp: async () => (await import('./cli/mcp.ts')).createMcpCommand(manifest.version, process.stdin),
  status: async () => (await import('./cli/status.ts')).statusCommand,
  token: async () => (await import('./cli/token.ts')).tokenCommand,
  usage: async () => (await import('./cli/usage-command.ts')).usageCommand,
}

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number | undefined> {
  const [name = '', ...rest] = args
  if (name === WORKER_COMMAND) return (await import('./workers/worker.ts')).runWorker(manifest.version)
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load !== undefined) return run(await load(), rest)
  const command = commandOf(args)
  if (command === undefined) return EXIT.usage
  if (command === 'help') return print(usage())
  if (command === 'version') return print(`${manifest.version}\n`)
  const setup = await setUp()
  if (setup === undefined) return EXIT.config
  if (command === 'serve') return serve(setup)
  const { ready, line } = await askHealth(setup.config.listen)
  print(`${line}\n`)
  return ready ? EXIT.ok : EXIT.failed
}

async function run(command: Command, args: readonly string[]): Promise<number> {
  const setup = await setUp()
  if (setup === undefined) return EXIT.config
  return command(args, { config: setup.config, clock: systemClock, print, complain })
}

function commandOf(args: string[]): 'help' | 'version' | 'serve' | 'health' | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } },
    })
    if (values.help) return 'help'
    if (values.version) return 'version'
    const [name = 'serve', ...rest] = positionals
    if ((name === 'serve' || name === 'health') && rest.length === 0) return name
    complain(
      `exai: unknown command ${JSON.stringify(positionals.join(' '))}; exai --help shows what there is`,
    )
  } catch (error) {
    complain(`exai: ${(error as Error).message}`)
  }
  return undefined
}

/** What a start goes by. */
interface Setup {
  readonly config: Config
  /** Variables and `.env` together, as they were read. */
  readonly env: Environment
}

async function setUp(): Promise<Setup | undefined> {
  try {
    const env = readEnv()
    return { config: await loadConfig({ env, readFile, cwd }), env }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    complain(['exai cannot start:', ...error.problems.map(problem => `  ${problem}`)].join('\n'))
    return undefined
  }
}

async function serve({ config, env }: Setup): Promise<number | undefined> {
  const files = await logFilesOf(config)
  if (files === 'none') return EXIT.config
  const [{ createLogger }, start] = await Promise.all([import('./telemetry/logger.ts'), starterOf(config)])
  const log = createLogger({
    level: config.snapshot.logLevel ?? config.logging.level,
    version: manifest.version,
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
      version: manifest.version,
      source,
      files,
      onLogLost: files?.onLost,
      announce: line => void print(`${line}\n`),
      entry: import.meta.filename,
      onLevel: levels.onSet,
    })
    // Before anybody is told that it is there.
    stopOnSignals(gateway, log, files)
    rereadOnSignal(gateway, { config, env }, { log, levels, files })
    const scheme = config.listen.tls === undefined ? 'http' : 'https'
    const host = gateway.at.address.includes(':') ? `[${gateway.at.address}]` : gateway.at.address
    log.info('listening', { url: `${scheme}://${host}:${gateway.at.port}`, node: process.version })
    setTimeout(flushCompileCache, KEEP_COMPILED_AFTER_MS).unref()
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
  if (workers === 1) return (await import('./gateway.ts')).startGateway
  return (await import('./workers/primary.ts')).startWorkers
}

/** The config file; what it brings is kept out of the log from the moment it is read, and told when it is odd. */
function sourceOf({ config, env }: Setup, log: Logger, levels: Levels): ConfigSource | undefined {
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
async function logFilesOf({ logging: { files } }: Config): Promise<LogFiles | undefined | 'none'> {
  if (files === undefined) return undefined
  const { openLogFiles } = await import('./telemetry/log-files.ts')
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
      result => {
        log.info('stopped', { ...result })
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
function rereadOnSignal(gateway: Gateway, { config, env }: Setup, { log, levels, files }: Logging): void {
  // A terminal sends it when it is closed, and then the process shall end as before.
  if (process.stdout.isTTY) return
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

function print(text: string): number {
  process.stdout.write(text)
  return EXIT.ok
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}
