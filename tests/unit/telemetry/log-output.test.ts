// Standard output of the log: lines that come close together are one write, urgent ones wait for nothing, and none is lost.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogOutput } from '../../../src/telemetry/log-output.ts'

function setUp() {
  const writes: string[] = []
  const output = createLogOutput({ write: text => void writes.push(text) })
  return { writes, output }
}

const MOST_MS = 20

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('lines that come within some milliseconds are one write, and those after it another', () => {
  const { writes, output } = setUp()
  output.write('a\n', false)
  output.write('b\n', false)
  vi.advanceTimersByTime(MOST_MS - 1)
  expect(writes).toEqual([])
  vi.advanceTimersByTime(1)
  expect(writes).toEqual(['a\nb\n'])
  output.write('c\n', false)
  vi.advanceTimersByTime(MOST_MS)
  expect(writes).toEqual(['a\nb\n', 'c\n'])
})

test('an urgent line is written at once, behind those that wait', () => {
  const { writes, output } = setUp()
  output.write('a\n', false)
  output.write('urgent\n', true)
  expect(writes).toEqual(['a\nurgent\n'])
  vi.advanceTimersByTime(MOST_MS)
  expect(writes).toHaveLength(1)
})

test('no write is larger than what a pipe takes in one piece, unless a line is', () => {
  const { writes, output } = setUp()
  for (let at = 0; at < 100; at += 1) output.write(`${String(at).padStart(99, '.')}\n`, false)
  output.write(`${'x'.repeat(10_000)}\n`, false)
  vi.advanceTimersByTime(MOST_MS)
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
