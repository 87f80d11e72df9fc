// Starts the service as a process of its own in an empty folder, and watches what it logs and how it ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { find, root, searchPath } from './tools.ts'

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>

/** How a process ended: its exit code, or null and the signal that killed it. */
export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A running service. */
export type Service = {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Every line of the log so far. */
  log(): readonly LogLine[]
  /** All that it wrote so far, log and complaints. */
  output(): string
  /** The lines that tell of calls with this request id. */
  calls(requestId: string): readonly LogLine[]
  /** Resolves with the first line, past or future, of which this is true; rejects after the time. */
  line(test: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>
  /** Resolves with the line of the call that has this request id; it may come a moment after the answer. */
  call(requestId: string): Promise<LogLine>
  /** Sends a signal without waiting. */
  signal(signal: NodeJS.Signals): void
  /** Sends SIGTERM, or another signal, and resolves with the exit code. Rejects when a secret of its settings stands in its log. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Resolves when the process is gone. */
  readonly ended: Promise<Ending>
}

/** Where and how a process runs. */
export type Surroundings = {
  /** Its environment besides PATH, HOME and WORKERS (1, see `testWorkers`); nothing else is handed down. */
  readonly env?: Readonly<Record<string, string>>
  /** Files in its working folder, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** False: without the coverage of this run, which takes memory of its own. */
  readonly isCovered?: boolean
}

type Spawned = {
  readonly child: ChildProcess
  readonly env: Readonly<Record<string, string>>
  readonly stdout: () => string
  readonly stderr: () => string
  /** Calls back after each piece of output and at the end. */
  readonly watch: (watcher: () => void) => () => void
  readonly ended: Promise<Ending>
}

// EXAI_TEST_MAIN has every service of a test start by another file, such as dist/bundle/main.js.
const MAIN = join(root, process.env['EXAI_TEST_MAIN'] ?? 'src/main.ts')
const START_MS = 40_000
/** A line comes at once; on a busy machine the process that writes it may have to wait for its turn. */
const LINE_MS = 15_000

/** With how many processes every service of a test serves that does not say so itself: EXAI_TEST_WORKERS, or 1. */
export const testWorkers = (): number => Number(process.env['EXAI_TEST_WORKERS'] ?? 1)

/** Starts the service on a free port, with these settings, and waits until it listens. The caller stops it. */
export async function startService(
  env: Readonly<Record<string, string>> = {},
  surroundings: Omit<Surroundings, 'env'> = {},
): Promise<Service> {
  return listening(await launch(process.execPath, [MAIN], { ...surroundings, env: { PORT: '0', ...env } }))
}

/** Starts the service by another command that ends up in it, in its own process group. The caller stops it. */
export async function startServiceBy(
  command: string,
  args: readonly string[],
  surroundings: Surroundings & { readonly cwd: string },
): Promise<Service> {
  return listening(await launch(command, args, surroundings))
}

/** Runs the command line to its end. */
export async function runCommand(
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const spawned = await launch(process.execPath, [MAIN, ...args], surroundings)
  const { code } = await spawned.ended
  return { code, stdout: spawned.stdout(), stderr: spawned.stderr() }
}

async function launch(
  command: string,
  args: readonly string[],
  { env = {}, files = {}, isCovered = true, cwd }: Surroundings & { readonly cwd?: string },
): Promise<Spawned> {
  const folder = await mkdtemp(join(tmpdir(), 'exai-service-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const coverage = process.env['NODE_V8_COVERAGE']
  const path = find([command], searchPath()) ?? command
  const child = spawn(path, args, {
    cwd: cwd ?? folder,
    env: {
      PATH: searchPath().join(delimiter),
      HOME: process.env['HOME'],
      WORKERS: String(testWorkers()),
      ...(isCovered && coverage !== undefined ? { NODE_V8_COVERAGE: coverage } : {}),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group, so that a signal meant for it alone cannot come from the terminal of the tests.
    detached: true,
  })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  const tell = (): void => {
    for (const watcher of watchers) watcher()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    tell()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    tell()
  })
  const { promise: ended, resolve, reject } = Promise.withResolvers<Ending>()
  child.once('error', reject)
  child.once('close', (code, signal) => {
    rm(folder, { recursive: true, force: true }).then(() => resolve({ code, signal }), reject)
  })
  ended.then(tell, tell)
  return {
    child,
    env,
    stdout: () => stdout,
    stderr: () => stderr,
    watch: watcher => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    ended,
  }
}

async function listening(spawned: Spawned): Promise<Service> {
  const { child, stdout, stderr, ended } = spawned
  const log = (): readonly LogLine[] => linesOf(stdout())
  const line = (test: (line: LogLine) => boolean, timeoutMs = LINE_MS): Promise<LogLine> => {
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>()
    const fail = (why: string): void => reject(new Error(`${why}; it wrote:\n${stdout()}${stderr()}`))
    const look = (): void => {
      const found = log().find(test)
      if (found !== undefined) resolve(found)
      else if (child.exitCode !== null || child.signalCode !== null) fail('the service has ended')
    }
    const unwatch = spawned.watch(look)
    const timer = setTimeout(() => fail(`no such line within ${timeoutMs} ms`), timeoutMs)
    look()
    return promise.finally(() => {
      unwatch()
      clearTimeout(timer)
    })
  }
  const first = await line(({ msg }) => msg === 'listening', START_MS)
  const url = String(first['url'])
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    log,
    output: () => stdout() + stderr(),
    calls: requestId => log().filter(each => each['msg'] === 'call' && each['request_id'] === requestId),
    line,
    call: requestId => line(each => each['msg'] === 'call' && each['request_id'] === requestId),
    signal: signal => void child.kill(signal),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const { code } = await ended
      const leaks = secretsIn(stdout() + stderr(), spawned.env)
      if (leaks.length > 0) throw new Error(`the service wrote what ${leaks.join(', ')} holds into its log`)
      return code
    },
    ended,
  }
}

/** Shorter ones would be found by chance. */
const SECRET_MIN = 8

/** The names of the settings that hold a secret which stands in a text. */
export function secretsIn(text: string, env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env)
    .filter(([name]) => /(?:KEY|KEYS|SECRET|PEPPER)$/.test(name))
    .flatMap(([name, value]) => value.split(',').map(secret => ({ name, secret: secret.trim() })))
    .filter(({ secret }) => secret.length >= SECRET_MIN && text.includes(secret))
    .map(({ name }) => name)
}

/** Only whole lines, and only those that are JSON: npm says things of its own. */
function linesOf(text: string): readonly LogLine[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
}
