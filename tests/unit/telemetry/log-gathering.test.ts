// Lines that come close together are one write, urgent ones wait for nothing, and none is lost when the process ends.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createGathering } from '../../../src/telemetry/log-gathering.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'

function setUp() {
  const writes: string[] = []
  const gathering = createGathering({
    write: bytes => void writes.push(bytes.toString()),
    bytesMax: 4_096,
    waitMs: 20,
  })
  const output = { write: (line: string, isUrgent: boolean) => gathering.add(Buffer.from(line), isUrgent) }
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

test('the files of the log get the same pieces, each of one channel, and a fault by itself', () => {
  const wrote: string[] = []
  const filed: (readonly [text: string, channel: string, isError: boolean])[] = []
  const log = createLogger({
    level: 'info',
    version: '1',
    output: { write: text => void wrote.push(text) },
    files: { write: (...piece) => void filed.push(piece) },
  })
  const call = (code: string) => log.info('call', { channel: 'access', code })
  call('OK')
  call('OK')
  log.info('something else')
  call('OK')
  // One that goes through pino.
  call('OK')
  log.info('call', { channel: 'access', list: [1] })
  log.error('a fault', { err: new Error('x') })
  call('OK')
  expect(wrote).toHaveLength(4)
  vi.advanceTimersByTime(MOST_MS)
  expect(filed.map(([text]) => text)).toEqual(wrote)
  expect(
    filed.map(([text, ...about]) => [
      text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).msg),
      ...about,
    ]),
  ).toEqual([
    [['call', 'call'], 'access', false],
    [['something else'], 'app', false],
    [['call', 'call', 'call'], 'access', false],
    [['a fault'], 'error', true],
    [['call'], 'access', false],
  ])
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
