// `exai chat` as a process of its own: with its input piped in, or on a pseudo-terminal.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { root, searchPath } from './tools.ts'

/** What the command is started with. */
export type ChatPlace = {
  /** Port of the service. */
  readonly port: number
  readonly env?: Readonly<Record<string, string>>
  /** Files in its working folder, by name. */
  readonly files?: Readonly<Record<string, string>>
}

/** A running command. */
export type RunningChat = {
  readonly child: ChildProcessWithoutNullStreams
  /** What it wrote so far. */
  stdout(): string
  stderr(): string
  /** Resolves when this has been written since the last call; rejects at the end and after the time. */
  until(text: string, timeoutMs?: number): Promise<void>
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>
}

const MAIN = join(root, 'src/main.ts')
const WAIT_MS = 15_000

/** Starts the command with pipes. It is killed when the test has ended. */
export function startChat(args: readonly string[], place: ChatPlace): Promise<RunningChat> {
  return start(process.execPath, [MAIN, 'chat', ...args], place)
}

/** Runs the command to its end with this input. */
export async function runChat(args: readonly string[], place: ChatPlace, input = '') {
  const chat = await startChat(args, place)
  chat.child.stdin.on('error', () => {}).end(input)
  const code = await chat.ended
  return { code, stdout: chat.stdout(), stderr: chat.stderr() }
}

/** Starts the command on a terminal of its own; what it writes to both outputs is in `stdout`. */
export function startChatOnTerminal(
  script: string,
  args: readonly string[],
  place: ChatPlace,
): Promise<RunningChat> {
  const words = [process.execPath, MAIN, 'chat', ...args].map(word => `'${word.replaceAll("'", `'\\''`)}'`)
  const env = { TERM: 'xterm-256color', SHELL: '/bin/sh', ...place.env }
  return start(script, ['-qec', `exec ${words.join(' ')}`, '/dev/null'], { ...place, env })
}

async function start(
  program: string,
  args: readonly string[],
  { port, env = {}, files = {} }: ChatPlace,
): Promise<RunningChat> {
  const cwd = await mkdtemp(join(tmpdir(), 'exai-chat-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text)
  const coverage = process.env['NODE_V8_COVERAGE']
  const child = spawn(program, args, {
    cwd,
    env: {
      PATH: searchPath().join(delimiter),
      PORT: String(port),
      ...(coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }),
      ...env,
    },
  })
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
    await rm(cwd, { recursive: true, force: true })
  })
  let stdout = ''
  let stderr = ''
  let read = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const until = (text: string, timeoutMs = WAIT_MS): Promise<void> => {
    const waiting = Promise.withResolvers<void>()
    const look = (): void => {
      const at = stdout.indexOf(text, read)
      if (at < 0) return
      read = at + text.length
      waiting.resolve()
    }
    const fail = (): void =>
      waiting.reject(
        new Error(`no ${JSON.stringify(text)} in ${JSON.stringify(stdout.slice(read) + stderr)}`),
      )
    const timer = setTimeout(fail, timeoutMs)
    child.stdout.on('data', look)
    child.once('close', fail)
    look()
    return waiting.promise.finally(() => {
      clearTimeout(timer)
      child.stdout.off('data', look)
      child.off('close', fail)
    })
  }
  return { child, stdout: () => stdout, stderr: () => stderr, until, ended }
}
