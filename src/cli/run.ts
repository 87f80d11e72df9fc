// The command line: what its arguments ask for, with the settings that hold here.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadConfig } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { readDotEnv } from '../config/dot-env.ts'
import type { Environment } from '../config/environment.ts'
import { systemClock } from '../core/clock.ts'
import { WORKER_COMMAND } from '../workers/child.ts'
import { type Command, COMMAND_EXIT as EXIT } from './command.ts'
import { askHealth } from './health.ts'
import type { ServeSetup } from './serve.ts'
import { usage } from './usage.ts'

/** Where the command line runs. */
export interface CommandLine {
  /** The variables of the process. */
  readonly env: Environment
  readonly version: string
  /** Path of the file that was started: workers start by it, too. */
  readonly entry: string
}

/** Does what the arguments ask for; gives the exit code, or undefined when a service runs. */
export async function runCommandLine(
  args: readonly string[],
  line: CommandLine,
): Promise<number | undefined> {
  const { version } = line
  const [name = '', ...rest] = args
  if (name === WORKER_COMMAND) return (await import('../workers/worker.ts')).runWorker(version)
  const commands = commandsOf(version)
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load !== undefined) return run(await load(), rest, line)
  const command = commandOf(args)
  if (command === undefined) return EXIT.usage
  if (command === 'help') return print(usage())
  if (command === 'version') return print(`${version}\n`)
  const setup = await setUp(line)
  if (setup === undefined) return EXIT.config
  if (command === 'serve') return (await import('./serve.ts')).serve(setup)
  const { ready, line: answer } = await askHealth(setup.config.listen)
  print(`${answer}\n`)
  return ready ? EXIT.ok : EXIT.failed
}

/** Commands with arguments of their own; loaded when they are asked for. */
function commandsOf(version: string): Readonly<Record<string, () => Promise<Command>>> {
  return {
    chat: async () => (await import('./chat.ts')).createChatCommand(process),
    keys: async () => (await import('./keys.ts')).keysCommand,
    mcp: async () => (await import('./mcp.ts')).createMcpCommand(version, process.stdin),
    status: async () => (await import('./status.ts')).statusCommand,
    token: async () => (await import('./token.ts')).tokenCommand,
    usage: async () => (await import('./usage-command.ts')).usageCommand,
  }
}

async function run(command: Command, args: readonly string[], line: CommandLine): Promise<number> {
  const setup = await setUp(line)
  if (setup === undefined) return EXIT.config
  return command(args, { config: setup.config, clock: systemClock, print, complain })
}

function commandOf(args: readonly string[]): 'help' | 'version' | 'serve' | 'health' | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
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

async function setUp({ env: variables, version, entry }: CommandLine): Promise<ServeSetup | undefined> {
  const cwd = process.cwd()
  const readFile = (path: string): string => readFileSync(path, 'utf8')
  const readEnv = (): Environment => readDotEnv({ env: variables, readFile, cwd })
  try {
    const env = readEnv()
    const config = await loadConfig({ env, readFile, cwd })
    return { config, env, cwd, readFile, readEnv, version, entry, print, complain }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    complain(['exai cannot start:', ...error.problems.map(problem => `  ${problem}`)].join('\n'))
    return undefined
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return EXIT.ok
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}
