// The channel between two processes: answers, faults, streams, and what becomes of all of it when one end is gone.
import { expect, it, onTestFinished } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import type { Offer } from '../../../../src/stores/workers/channel.ts'
import { createFramer, frameOf } from '../../../../src/stores/workers/frames.ts'
import { until } from '../../../support/scripted-completion.ts'
import { channelPair } from '../../../support/workers-rig.ts'

const never = new AbortController().signal

async function pair(there: Offer, onFault?: (fault: unknown) => void) {
  const ends = await channelPair({ handlers: {} }, there, onFault)
  onTestFinished(() => {
    for (const end of ends) end.close()
  })
  return ends
}

async function* count(to: number, seen: { last: number }) {
  for (let number = 1; number <= to; number += 1) {
    seen.last = number
    yield number
  }
}

it('a question is answered, at once or later, and each gets its own answer', async () => {
  const [here] = await pair({
    handlers: {
      twice: (number: number) => number * 2,
      later: async (number: number) => {
        await new Promise(resolve => setTimeout(resolve, 5))
        return number * 3
      },
    },
  })
  expect(await Promise.all([here.ask('later', 2), here.ask('twice', 2), here.ask('twice', 4)])).toEqual([
    6, 4, 8,
  ])
  expect(here.waiting()).toBe(0)
})

it('what is asked and told is done in that order', async () => {
  const done: number[] = []
  const [here] = await pair({
    handlers: { note: (number: number) => void done.push(number), all: () => [...done] },
  })
  here.tell('note', 1)
  void here.ask('note', 2)
  here.tell('note', 3)
  expect(await here.ask('all', undefined)).toEqual([1, 2, 3])
})

it('bytes, big numbers, absent fields and texts of any script arrive as they were', async () => {
  const [here] = await pair({ handlers: { same: (value: unknown) => value } })
  const value = { bytes: Uint8Array.of(0, 255), big: 2n ** 60n, absent: undefined, text: 'ü🗼', list: [null] }
  expect(await here.ask('same', value)).toEqual(value)
})

it('a fault keeps its reason, its message and when to come back; what is unknown is told to nobody', async () => {
  const [here] = await pair({
    handlers: {
      full() {
        throw new GatewayError('STORAGE_FULL', 'no room', { retryDelayMs: 7 })
      },
      async odd() {
        throw new TypeError('secret detail')
      },
    },
  })
  await expect(here.ask('full', 0)).rejects.toMatchObject({
    reason: 'STORAGE_FULL',
    message: 'no room',
    details: { retryDelayMs: 7 },
  })
  await expect(here.ask('odd', 0)).rejects.toMatchObject({ reason: 'INTERNAL', message: 'internal error' })
  await expect(here.ask('toString', 0)).rejects.toMatchObject({ reason: 'INTERNAL' })
})

it('what goes wrong where nobody waits for an answer is told', async () => {
  const faults: unknown[] = []
  const [here] = await pair({ handlers: {} }, fault => void faults.push(fault))
  here.tell('nothing', 1)
  await until(() => faults.length === 1)
  expect(faults).toMatchObject([{ reason: 'INTERNAL' }])
})

it('a stream gives every page in order, and its end', async () => {
  const seen = { last: 0 }
  const [here] = await pair({ handlers: {}, streams: { count: (to: number) => count(to, seen) } })
  const pages: unknown[] = []
  for await (const page of here.follow('count', 100, never)) pages.push(page)
  expect(pages).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
})

it('a stream runs no further ahead of its reader than a few pages, and stops when that leaves', async () => {
  const seen = { last: 0 }
  const [here] = await pair({ handlers: {}, streams: { count: (to: number) => count(to, seen) } })
  for await (const page of here.follow('count', 10_000, never)) {
    if (page === 3) break
  }
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(seen.last).toBeLessThan(30)
})

it('a stream that fails tells why, and one that is left by its signal throws the reason of that', async () => {
  const [here] = await pair({
    handlers: {},
    streams: {
      async *broken() {
        yield 1
        throw new GatewayError('STREAM_LOST', 'gone')
      },
      async *silent(_: undefined, signal: AbortSignal) {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        yield 0
      },
    },
  })
  const broken = here.follow('broken', undefined, never)
  expect(await broken.next()).toMatchObject({ value: 1 })
  await expect(broken.next()).rejects.toMatchObject({ reason: 'STREAM_LOST' })
  const leaving = new AbortController()
  const waiting = here.follow('silent', undefined, leaving.signal).next()
  const reason = new Error('enough')
  leaving.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

it('when one end is gone, what waits at the other fails at once, and so does what is asked later', async () => {
  const [here, there] = await pair({
    handlers: { never: () => new Promise(() => undefined) },
    streams: {
      async *silent(_: undefined, signal: AbortSignal) {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        yield 0
      },
    },
  })
  const asked = here.ask('never', 0)
  const read = here.follow('silent', undefined, never).next()
  await until(() => here.waiting() === 1)
  there.close()
  await expect(asked).rejects.toMatchObject({ reason: 'INTERNAL' })
  await expect(read).rejects.toMatchObject({ reason: 'INTERNAL' })
  await here.closed
  expect(here.isOpen()).toBe(false)
  await expect(here.ask('never', 0)).rejects.toMatchObject({ reason: 'INTERNAL' })
})

it('frames are found again however their bytes are cut', () => {
  const values = [{ a: 1 }, 'x'.repeat(1_000), new Uint8Array(5), []]
  const bytes = Buffer.concat(values.map(frameOf))
  for (const size of [1, 3, 7, 100, bytes.byteLength]) {
    const found: unknown[] = []
    const framer = createFramer(value => void found.push(value))
    for (let at = 0; at < bytes.byteLength; at += size) framer.add(bytes.subarray(at, at + size))
    expect(found).toEqual(values)
  }
})
