// Runs a program in another language to its end; who fails is told of with how it ended and all that it wrote.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** What a program may be given. */
export interface ProgramOptions {
  /** All of its environment. Default: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** What it reads from stdin. Default: nothing. */
  readonly input?: string
}

/** How long one may take, in milliseconds: they take seconds, and more on a busy machine. */
const PROGRAM_MS = 120_000

/** Runs it. Gives what it wrote; rejects with that, and with its exit code or signal, unless it ended with 0. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env = process.env, cwd, input = '' }: ProgramOptions = {},
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const child = spawn(program, args, { env, cwd, timeout: PROGRAM_MS, killSignal: 'SIGKILL' })
  // Who does not read it may have ended before it was written.
  child.stdin.on('error', () => undefined).end(input)
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ])
  if (code === 0) return { stdout, stderr }
  const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`
  throw new Error(`the program ${how}; it wrote ${stdout}\nand said ${stderr}`)
}
