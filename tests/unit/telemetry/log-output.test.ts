// Standard output of the log: lines of one turn together, urgent ones at once, and none lost when the process ends.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLogOutput } from '../../../src/telemetry/log-output.ts'

function setUp() {
  const writes: string[] = []
  const output = createLogOutput({ write: text => void writes.push(text) })
  return { writes, output }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('lines of one turn are one write, and those of the next another', async () => {
  const { writes, output } = setUp()
  output.write('a\n', false)
  output.write('b\n', false)
  expect(writes).toEqual([])
  await turn()
  expect(writes).toEqual(['a\nb\n'])
  output.write('c\n', false)
  await turn()
  expect(writes).toEqual(['a\nb\n', 'c\n'])
})

test('an urgent line is written at once, behind those that wait', async () => {
  const { writes, output } = setUp()
  output.write('a\n', false)
  output.write('urgent\n', true)
  expect(writes).toEqual(['a\nurgent\n'])
  await turn()
  expect(writes).toHaveLength(1)
})

test('no write is larger than what a pipe takes in one piece, unless a line is', async () => {
  const { writes, output } = setUp()
  for (let at = 0; at < 100; at += 1) output.write(`${String(at).padStart(99, '.')}\n`, false)
  output.write(`${'x'.repeat(10_000)}\n`, false)
  await turn()
  expect(writes.map(write => write.length)).toEqual([4_000, 4_000, 2_000, 10_001])
})

test.each([
  ['exits', 'process.exit(3)'],
  ['fails', 'throw new Error("unexpected")'],
])('a process that %s has written its last line', (_, end) => {
  const logger = JSON.stringify(join(import.meta.dirname, '../../../src/telemetry/logger.ts'))
  const script = `const { createLogger } = await import(${logger})
createLogger({ level: 'info', version: '1' }).info('the last line')
${end}`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(JSON.parse(stdout)).toMatchObject({ level: 'info', msg: 'the last line' })
})
