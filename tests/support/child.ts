// A program of others as a child process: it dies with the tests, whatever kills them, and tells what it said when it fails.
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { find, searchPath } from './tools.ts'

/** Where and as whom a program runs. */
export type ChildPlace = {
  readonly cwd?: string
  /** Its whole environment. */
  readonly env?: Readonly<Record<string, string>>
  /** User and group id; only root may give one. */
  readonly userId?: number
}

/** A running program. */
export type Child = {
  readonly pid: number
  /** What it wrote to both outputs so far. */
  output(): string
  /** Whether it has ended. */
  isGone(): boolean
  /** Sends a signal and resolves when the process is gone. */
  stop(signal: NodeJS.Signals): Promise<void>
  /** Resolves with the exit code, or null after a signal. */
  readonly ended: Promise<number | null>
}

/** Starts a program. Rejects when it cannot be started at all. */
export async function startChild(
  program: string,
  args: readonly string[],
  place: ChildPlace = {},
): Promise<Child> {
  const [command, commandArgs] = bound(program, args, place.userId)
  const child = spawn(command, commandArgs, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(place.cwd !== undefined && { cwd: place.cwd }),
    env: place.env ?? {},
    ...(place.userId !== undefined && command === program && { uid: place.userId, gid: place.userId }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = ending(child)
  return {
    pid: await started(child),
    output: () => output,
    isGone: () => child.exitCode !== null || child.signalCode !== null,
    async stop(signal) {
      child.kill(signal)
      await ended
    },
    ended,
  }
}

/** Asks again and again until it is so; rejects when the child has ended or the time is over, with what the child said. */
export async function untilReady(
  child: Child,
  ready: () => Promise<boolean>,
  timeoutMs = 40_000,
): Promise<void> {
  const endsAt = performance.now() + timeoutMs
  while (!(await ready())) {
    if (child.isGone()) throw new Error(`it ended before it was ready:\n${child.output()}`)
    if (performance.now() > endsAt) throw new Error(`it was not ready in ${timeoutMs} ms:\n${child.output()}`)
    await sleep(10)
  }
}

// setpriv (util-linux) has the kernel kill the child when its parent is gone, which no handler of ours could do after kill -9.
function bound(
  program: string,
  args: readonly string[],
  userId: number | undefined,
): [string, readonly string[]] {
  const setpriv = find(['setpriv'], searchPath())
  if (setpriv === undefined) return [program, args]
  const user = userId === undefined ? [] : [`--reuid=${userId}`, `--regid=${userId}`, '--clear-groups']
  return [setpriv, ['--pdeathsig', 'KILL', ...user, program, ...args]]
}

async function started(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.once('spawn', () => resolve(child.pid ?? 0))
  child.once('error', reject)
  return promise
}

function ending(child: ChildProcess): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  child.once('close', code => resolve(code))
  return promise
}
