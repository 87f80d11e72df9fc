// The channels, the sampling and the level of the log, and the marks that no text of it may have.
import { expect, test } from 'vitest'
import type { LogFields } from '../../../src/core/log.ts'
import { shareOf } from '../../../src/telemetry/log-sample.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'

function setUp(sampleRatio = 1) {
  const out: string[] = []
  const filed: (readonly [channel: string, isError: boolean, msg: unknown])[] = []
  const log = createLogger({
    level: 'info',
    version: '1',
    destination: { write: line => void out.push(line) },
    files: { write: (line, channel, isError) => void filed.push([channel, isError, JSON.parse(line).msg]) },
    sampleRatio,
  })
  const lines = (): readonly LogFields[] => out.map(line => JSON.parse(line))
  return { log, lines, filed, out }
}

test('a line says its channel: access and ws by themselves, faults are error, all else is app', () => {
  const { log, lines, filed } = setUp()
  log.info('one')
  log.error('two')
  log.info('three', { channel: 'access' })
  log.error('four', { channel: 'access' })
  log.warn('five', { channel: 'ws' })
  log.child({ of: 'it' }).info('six', { channel: 'made-up' })
  expect(lines().map(({ channel }) => channel)).toEqual(['app', 'error', 'access', 'access', 'ws', 'app'])
  expect(filed).toEqual([
    ['app', false, 'one'],
    ['error', true, 'two'],
    ['access', false, 'three'],
    ['access', true, 'four'],
    ['ws', false, 'five'],
    ['app', false, 'six'],
  ])
})

test('each line has one channel field', () => {
  const { log, out } = setUp()
  log.info('a call', { channel: 'access' })
  expect(out[0]?.match(/"channel"/g)).toHaveLength(1)
})

test('of successful calls only a share is logged, always the same ones, and failures always are', () => {
  const { log, lines } = setUp(0.25)
  const ids = Array.from({ length: 4_000 }, (_, at) => `call_${at}`)
  for (const id of ids) log.info('call', { channel: 'access', code: 'OK', request_id: id })
  const kept = lines().map(line => line['request_id'])
  expect(kept.length).toBeGreaterThan(850)
  expect(kept.length).toBeLessThan(1_150)
  const again = setUp(0.25)
  for (const id of ids) again.log.info('call', { channel: 'access', code: 'OK', request_id: id })
  expect(again.lines().map(line => line['request_id'])).toEqual(kept)
  const failed = setUp(0)
  failed.log.info('call', { channel: 'access', code: 'NOT_FOUND', request_id: 'a' })
  failed.log.info('something else', { code: 'OK', request_id: 'a' })
  failed.log.info('call', { channel: 'access', code: 'OK', request_id: 'a' })
  expect(failed.lines().map(({ code, msg }) => `${msg} ${code}`)).toEqual([
    'call NOT_FOUND',
    'something else OK',
  ])
})

test('ids that count up are spread evenly', () => {
  const tenths = Array.from({ length: 10 }, () => 0)
  for (let at = 0; at < 10_000; at += 1) {
    const tenth = Math.floor(shareOf(`call_0198${at.toString(16).padStart(8, '0')}`) * 10)
    tenths[tenth] = (tenths[tenth] ?? 0) + 1
  }
  expect(Math.min(...tenths)).toBeGreaterThan(850)
  expect(Math.max(...tenths)).toBeLessThan(1_150)
})

test('the level changes while it runs, for all that share it', () => {
  const { log, lines } = setUp()
  const child = log.child({ part: 'store' })
  log.debug('unseen')
  log.setLevel('debug')
  log.debug('seen')
  child.debug('seen, too')
  log.child({}).debug('seen as well')
  child.setLevel('error')
  log.info('unseen again')
  expect(lines().map(({ msg }) => msg)).toEqual(['seen', 'seen, too', 'seen as well'])
})

test.each([
  ['a C1 control', '\u009b31m'],
  ['the delete sign', '\u007f'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['a mark from right to left', '\u202e'],
  ['an isolate', '\u2066'],
  ['an Arabic letter mark', '\u061c'],
  ['a space without width', '\u200b'],
  ['a byte order mark', '\ufeff'],
])('%s stands in no line as itself, wherever it was', (_, mark) => {
  const { log, out, lines } = setUp()
  log.error(`before${mark}after`, {
    fact: `a${mark}b`,
    [`name${mark}`]: 1,
    list: [`x${mark}`],
    err: new Error(`failed${mark}here`),
  })
  expect(out.join('')).not.toContain(mark)
  const hex = mark.charCodeAt(0).toString(16).padStart(4, '0')
  expect(lines()[0]?.['msg']).toBe(`before\\u${hex}${mark.slice(1)}after`)
})
