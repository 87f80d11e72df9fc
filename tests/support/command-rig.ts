// A command of `exai` in this process: what it prints, what it complains about, and how it ends.
import type { Command } from '../../src/cli/command.ts'
import { loadConfig } from '../../src/config/config.ts'
import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/core/clock.ts'

/** Runs a command with these settings, and no files. */
export async function runHere(
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  clock: Clock = systemClock,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const readFile = (path: string): string => {
    throw new Error(`no file ${path}`)
  }
  const config = await loadConfig({ env, readFile, cwd: '/' })
  let stdout = ''
  let stderr = ''
  const code = await command(args, {
    config,
    clock,
    print: text => {
      stdout += text
    },
    complain: line => {
      stderr += `${line}\n`
    },
  })
  return { code, stdout, stderr }
}
