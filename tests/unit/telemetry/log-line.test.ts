// Lines that are written in one go: letter for letter what pino makes of the same fields, without secrets, now and later.
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { LogFields } from '../../../src/core/log.ts'
import { createIsoClock, createLineWriter } from '../../../src/telemetry/log-line.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { createScrubber, REDACTED } from '../../../src/telemetry/scrub.ts'

const SECRET = 'hunter2-correct-horse'
const TIME = /"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/

function setUp(secrets: readonly string[] = [SECRET]) {
  const scrubber = createScrubber(secrets)
  const writer = createLineWriter(scrubber)
  const parts = {
    head: Buffer.from('{"level":"info","time":"'),
    bindings: Buffer.from('","service":"exai"'),
    channel: 'app',
    message: 'call',
  }
  const line = (fields: LogFields, more: Partial<typeof parts> = {}): string | undefined => {
    const bytes = writer.line({ ...parts, ...more, fields })
    return bytes === undefined ? undefined : Buffer.from(bytes).toString()
  }
  return { line }
}

/** What pino writes of the copy that the scrubber makes. */
function byPino(fields: LogFields, channel = 'app', secrets: readonly string[] = [SECRET]): string {
  let text = ''
  const log = pino(
    {
      base: { service: 'exai' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    {
      write(line) {
        text += line
      },
    },
  )
  const safe: object = Object(createScrubber(secrets).value(fields))
  log.info({ ...safe, channel }, 'call')
  return text
}

const timeless = (line: string | undefined) => line?.replace(TIME, '"time":""')

const values: readonly unknown[] = [
  'OK',
  '',
  'exai.v1.ChatService/Complete',
  'with "quotes", a \\ and a \n',
  'Grüße 你好 🙂',
  'turned \u202e around, \u2028 and \u009b',
  `key=${SECRET}`,
  'Bearer abcdefghijklmnop',
  'sk-abcdefghijk',
  '\ud800 alone',
  'x'.repeat(5_000),
  0,
  -0,
  1.5,
  1e21,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  false,
  null,
  undefined,
  12_345_678_901_234_567_890n,
]

describe('a line of plain fields', () => {
  test.each(values)('with the value %s is what pino writes', value => {
    const { line } = setUp()
    const fields = { request_id: 'a', one: value, 'two words': value, 'ä"\\': value }
    const expected = timeless(byPino(fields))
    expect(timeless(line(fields))).toBe(expected)
    // Once more, by what is remembered.
    expect(timeless(line(fields))).toBe(expected)
  })

  test('has the channel where the fields have it, or behind them', () => {
    const { line } = setUp()
    const fields = { channel: 'access', code: 'OK' }
    expect(timeless(line(fields, { channel: 'access' }))).toBe(timeless(byPino(fields, 'access')))
    expect(line({ code: 'OK' })).toContain('"code":"OK","channel":"app","msg":"call"}\n')
  })

  test('is written by its own level and with what its logger has in each line', () => {
    const lines: string[] = []
    const log = createLogger({
      level: 'debug',
      version: '9',
      destination: { write: line => void lines.push(line) },
    })
    log.warn('one', { a: 1 })
    log.child({ request_id: 'r"1' }).child({}).debug('two', { a: 2 })
    // What is not plain goes through pino.
    log
      .child({ request_id: 'r"1' })
      .child({})
      .debug('two', { a: [2] })
    expect(lines.map(timeless)).toEqual([
      '{"level":"warn","time":"","service":"exai","version":"9","a":1,"channel":"app","msg":"one"}\n',
      '{"level":"debug","time":"","service":"exai","version":"9","request_id":"r\\"1","a":2,"channel":"app","msg":"two"}\n',
      '{"level":"debug","time":"","service":"exai","version":"9","request_id":"r\\"1","a":[2],"channel":"app","msg":"two"}\n',
    ])
  })
})

test.each([
  ['an object', { one: {} }],
  ['an error', { err: new Error('no') }],
  ['a function', { one: () => 1 }],
  ['a field that opens doors', { api_key: 'abc' }],
  ['a field of what callers said', { content: 'abc' }],
  ['a name with a secret', { [SECRET]: 1 }],
  ['a name that means the prototype', JSON.parse('{"__proto__": 1}')],
  ['too many fields', Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`f${at}`, at]))],
  ['fields that are no plain object', new Map([['a', 1]])],
])('%s is left to the scrubber and pino', (_, fields) => {
  expect(setUp().line(fields as LogFields)).toBeUndefined()
})

test('a secret that becomes known is in no later line, also where its text was clean before', () => {
  const lines: string[] = []
  const log = createLogger({
    level: 'info',
    version: '9',
    destination: { write: line => void lines.push(line) },
  })
  const say = () => log.info('later-known-key', { door: 'later-known-key', 'later-known-key': 1 })
  say()
  log.child({}).hide(['later-known-key'])
  say()
  expect(lines[0]?.match(/later-known-key/g)).toHaveLength(3)
  expect(lines[1]).not.toContain('later-known-key')
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ door: REDACTED, [REDACTED]: 1, msg: REDACTED })
})

test('of a field with many values none is remembered, and all are right', () => {
  const { line } = setUp()
  for (let at = 0; at < 500; at += 1) expect(line({ id: `id-${at}` })).toContain(`"id":"id-${at}",`)
  expect(line({ id: `id-${SECRET}` })).toContain(`"id":"id-${REDACTED}"`)
})

test('the clock tells every instant as Date does', () => {
  const clock = createIsoClock()
  const instants = [0, 1, 9, 10, 99, 100, 999, 1_000, 59_999, 1_795_392_000_123, 1_795_392_000_007.9, 5]
  expect(instants.map(clock)).toEqual(instants.map(at => new Date(at).toISOString()))
})
