// Runs the project's tools by their full path, with the project's own Node first in PATH, and times what runs.
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'

/** The repository's root folder. */
export const root = join(import.meta.dirname, '..')

const bin = join(root, 'node_modules/.bin')

/** Where the tools stand: packages without a `bin`, and those of node_modules/.bin. */
export const tools = {
  buf: join(root, 'node_modules/@bufbuild/buf-linux-x64/bin/buf'),
  biome: join(root, 'node_modules/@biomejs/cli-linux-x64/biome'),
  tsc: join(bin, 'tsc'),
  vitest: join(bin, 'vitest'),
  git: 'git',
} as const

/** The committed image of the last released contract, which `buf breaking` compares with. */
export const contractImage = 'proto/exai-v1.binpb'

/** What went wrong, in one line for the person at the terminal. */
export class StepError extends Error {
  override readonly name = 'StepError'
}

/** A tool, its arguments, and what to do when it fails. */
export type Command = {
  readonly tool: keyof typeof tools
  readonly args: readonly string[]
  /** Ends the sentence "… failed: ". */
  readonly remedy: string
}

/**
 * Runs a tool in the repository's root with the terminal as its output.
 * @throws StepError when it can't be started or answers anything but 0.
 */
export function run({ tool, args, remedy }: Command): void {
  const { error, status, signal } = spawnSync(tools[tool], args, {
    cwd: root,
    env: environment(),
    stdio: 'inherit',
  })
  if (error !== undefined) throw new StepError(`${tool} could not be started (${error.message}): run npm ci`)
  if (status !== 0) throw new StepError(`${tool} ended with ${status ?? signal}: ${remedy}`)
}

/**
 * Runs a tool in the repository's root and returns what it printed on stdout, without the last line's end.
 * @throws StepError when it can't be started or answers anything but 0.
 */
export function read(command: Command): string {
  return readBytes(command).toString('utf8').trimEnd()
}

/**
 * Runs a tool in the repository's root and returns the bytes that it wrote to stdout, 64 MiB at most.
 * @throws StepError when it can't be started or answers anything but 0.
 */
export function readBytes({ tool, args, remedy }: Command): Buffer {
  const { error, status, stdout } = spawnSync(tools[tool], args, {
    cwd: root,
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error !== undefined || status !== 0) throw new StepError(`${tool} ${args.join(' ')} failed: ${remedy}`)
  return stdout
}

/** A named part of a longer run. */
export type Step = { readonly name: string; readonly run: () => void }

/** Runs steps in order, prints each with its time in seconds, and stops at the first failure; true when all passed. */
export function runSteps(steps: readonly Step[]): boolean {
  for (const [index, step] of steps.entries()) {
    const title = `[${index + 1}/${steps.length}] ${step.name}`
    console.log(`\n${title}`)
    const startMs = performance.now()
    const failure = failureOf(step)
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    if (failure !== undefined) {
      console.error(`${title}: FAILED after ${seconds} s: ${failure}`)
      return false
    }
    console.log(`${title}: ok in ${seconds} s`)
  }
  return true
}

function failureOf(step: Step): string | undefined {
  try {
    step.run()
    return undefined
  } catch (error) {
    if (error instanceof StepError) return error.message
    throw error
  }
}

// protoc-gen-es and the other tools that are scripts need the project's Node, not the machine's.
// Colour codes are noise in CI's log, and a tool decides about them before it reads its own settings.
function environment(): NodeJS.ProcessEnv {
  const plain = process.env['CI'] === undefined ? {} : { NO_COLOR: '1' }
  return { ...process.env, ...plain, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` }
}
