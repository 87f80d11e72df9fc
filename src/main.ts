// The command: reads arguments and environment, starts the service, and ends it on signals.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import { askHealth } from './cli/health.ts'
import { usage } from './cli/usage.ts'
import { type Config, loadConfig } from './config/config.ts'
import { CONFIG_EXIT_CODE, ConfigError } from './config/config-error.ts'
import { readDotEnv } from './config/dot-env.ts'
import { secretsOf } from './config/snapshot.ts'
import { systemClock } from './core/clock.ts'
import { startGateway } from './gateway.ts'
import { createLogger, type Logger } from './telemetry/logger.ts'

// Exit codes of sysexits.h, which service managers know.
const EXIT = { ok: 0, failed: 1, usage: 64, config: CONFIG_EXIT_CODE, interrupted: 130 } as const

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number | undefined> {
  const command = commandOf(args)
  if (command === undefined) return EXIT.usage
  if (command === 'help') return print(usage())
  if (command === 'version') return print(`${manifest.version}\n`)
  const config = await configOf()
  if (config === undefined) return EXIT.config
  if (command === 'serve') return serve(config)
  const { ready, line } = await askHealth(config.listen)
  print(`${line}\n`)
  return ready ? EXIT.ok : EXIT.failed
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

async function configOf(): Promise<Config | undefined> {
  const cwd = process.cwd()
  const readFile = (path: string): string => readFileSync(path, 'utf8')
  try {
    return await loadConfig({ env: readDotEnv({ env: process.env, readFile, cwd }), readFile, cwd })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    complain(['exai cannot start:', ...error.problems.map(problem => `  ${problem}`)].join('\n'))
    return undefined
  }
}

async function serve(config: Config): Promise<number | undefined> {
  const secrets = secretsOf(config.snapshot)
  const log = createLogger({ level: config.logLevel, version: manifest.version, secrets })
  for (const notice of config.notices) log.warn(notice)
  process.on('uncaughtException', err => {
    // The state is unknown after it: a new process is safer than this one.
    log.error('uncaught exception, the process ends', { err })
    process.exit(EXIT.failed)
  })
  try {
    const gateway = await startGateway({ config, log, clock: systemClock, version: manifest.version })
    const scheme = config.listen.tls === undefined ? 'http' : 'https'
    const host = gateway.at.address.includes(':') ? `[${gateway.at.address}]` : gateway.at.address
    log.info('listening', { url: `${scheme}://${host}:${gateway.at.port}`, node: process.version })
    stopOnSignals(gateway, log)
    return undefined
  } catch (err) {
    log.error(startFault(err, config), { err })
    return EXIT.failed
  }
}

function startFault(err: unknown, { listen: { host, port } }: Config): string {
  const code = (err as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') return `port ${port} of ${host} is in use: stop what listens there, or set PORT`
  if (code === 'EACCES') return `port ${port} of ${host} needs more rights: set PORT to 1024 or above`
  return 'the service cannot start'
}

function stopOnSignals(gateway: Awaited<ReturnType<typeof startGateway>>, log: Logger): void {
  let asked = 0
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
        process.exit(EXIT.ok)
      },
      (err: unknown) => {
        log.error('stopping failed', { err })
        process.exit(EXIT.failed)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

function print(text: string): number {
  process.stdout.write(text)
  return EXIT.ok
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}
