// The rehearsal notices what it is there for: streams that are cut, repeated or short, calls that fail, processes that cut off.
import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { type StreamEvent, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { readWhole, startLoad } from '../../rolling/load.ts'
import type { Rehearsal } from '../../rolling/rehearsal.ts'
import { problemsOf, sumOf } from '../../rolling/report.ts'

const word = (sequence: number): StreamEvent =>
  create(StreamEventSchema, { sequence, event: { case: 'textDelta', value: { text: 'word ' } } })
const beat = create(StreamEventSchema, { event: { case: 'heartbeat', value: {} } })
const end = (sequence: number): StreamEvent =>
  create(StreamEventSchema, { sequence, event: { case: 'completed', value: {} } })

async function* told(...events: readonly (StreamEvent | Error)[]): AsyncGenerator<StreamEvent> {
  for (const event of events) {
    if (event instanceof Error) throw event
    yield event
  }
}

test('a stream is whole with every event once, in order, and its end', async () => {
  await expect(readWhole(told(word(1), beat, word(2), end(3)), 2)).resolves.toBeUndefined()
})

test.each([
  ['event 2 is 3', [word(1), word(3), end(4)]],
  ['event 2 is 1', [word(1), word(1), end(2)]],
  ['it ended after event 2', [word(1), word(2)]],
  ['it ended after event 2 with 2 of 3 words', [word(1), end(2)]],
  ['cut after event 1: [unknown] gone', [word(1), new Error('gone')]],
] as const)('a stream is cut when %s', async (message, events) => {
  await expect(readWhole(told(...events), message.endsWith('3 words') ? 3 : 2)).rejects.toThrow(message)
})

test('a load counts what was sent and what failed, each with its way', async () => {
  const failing = { name: 'failing', call: () => Promise.reject(new Error('no')) }
  const good = { name: 'good', call: () => Promise.resolve() }
  const load = startLoad(
    { unary: [failing, good], streams: [], resumed: () => 3, close: () => undefined },
    { callsPerSecond: 500, streamsPerSecond: 1, streamSeconds: 1 },
  )
  await new Promise(resolve => setTimeout(resolve, 50))
  const { unary, failures, resumed } = await load.end()
  const [bad, well] = unary
  expect(bad?.sent).toBeGreaterThan(0)
  expect(bad?.failed).toBe(bad?.sent)
  expect(well).toMatchObject({ failed: 0 })
  expect(failures).toHaveLength(bad?.sent ?? 0)
  expect(failures[0]).toMatch(/^failing, begun at .* s, failed at .* s: Error: no$/)
  expect(resumed).toBe(3)
})

test('every failure is a problem, and so is a process that cut calls off, and a way that nobody took', () => {
  const ended = { instance: 'blue-1', code: 0, running: 4, aborted: 0, redisOuts: 0 } as const
  const result: Rehearsal = {
    unary: [
      { name: 'one', sent: 3, failed: 1 },
      { name: 'two', sent: 0, failed: 0 },
    ],
    streams: [{ name: 'three', sent: 2, failed: 0 }],
    resumed: 0,
    failures: ['one failed'],
    seconds: 1,
    upstreamCalls: 5,
    endings: [ended, { ...ended, aborted: 2 }, { ...ended, code: null }],
    said: '',
  }
  expect(problemsOf(result)).toEqual([
    'one failed',
    'two was never asked',
    'blue-1 ended with 0 and cut 2 calls off',
    'blue-1 ended with null and cut 0 calls off',
  ])
  expect(sumOf(result.unary)).toEqual({ sent: 3, failed: 1 })
})
