// A program that fails is told of with how it ended and what it wrote: a machine elsewhere shows nothing else.
import { expect, it } from 'vitest'
import { runProgram } from './program.ts'

const run = (code: string, input?: string) =>
  runProgram(process.execPath, ['-e', code], { env: {}, ...(input === undefined ? {} : { input }) })

it('gives what a program wrote that ended well', async () => {
  const code = "process.stdin.pipe(process.stdout); console.error('aside')"
  expect(await run(code, 'said and heard')).toEqual({ stdout: 'said and heard', stderr: 'aside\n' })
})

it.each([
  ['process.exitCode = 3', 'ended with 3'],
  ["process.kill(process.pid, 'SIGABRT')", 'was ended by SIGABRT'],
])('says how a program ended that does %s', async (ending, how) => {
  await expect(run(`console.log('ok chat'); console.error('a fault of its own'); ${ending}`)).rejects.toThrow(
    `the program ${how}; it wrote ok chat\n\nand said a fault of its own`,
  )
})

it('says that a program is not there', async () => {
  await expect(runProgram('no-such-program', [])).rejects.toThrow(/ENOENT/)
})
