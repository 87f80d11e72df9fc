// The drainer by itself: an outbox in memory, a sink that answers as the test says, and pauses that take no time.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OutboxEntry, OutboxTable } from '../../../../src/core/outbox.ts'
import { DELIVERED, type Delivery, type Unavailable } from '../../../../src/stores/supabase/delivery.ts'
import { createDrainer, type Drainer, type DrainerDeps } from '../../../../src/stores/supabase/drainer.ts'
import { createHandClock } from '../../../support/hand-clock.ts'
import { createMemoryOutbox, type MemoryOutbox } from '../../../support/memory-outbox.ts'

type Sent = { readonly table: OutboxTable; readonly ids: readonly string[] }

let outbox: MemoryOutbox
let stop: AbortController
let sent: Sent[]
let running: Drainer | undefined

beforeEach(() => {
  outbox = createMemoryOutbox()
  stop = new AbortController()
  sent = []
})
afterEach(async () => {
  stop.abort()
  await running?.done
})

const AWAY: Unavailable = { type: 'unavailable', because: 'trouble', code: '57P01', message: 'going down' }
const BAD: Delivery = { type: 'refused', code: '23514', message: 'breaks a check' }
const inTime = (): AbortSignal => AbortSignal.timeout(5000)

type Answer = (table: OutboxTable, entries: readonly OutboxEntry[]) => Delivery | Promise<Delivery>

function start(answer: Answer, more: Partial<DrainerDeps> = {}): Drainer {
  running = createDrainer({
    source: outbox,
    sink: {
      fast: ['conversations', 'messages', 'ledger', 'files'],
      slow: ['blobs'],
      async send(table, entries) {
        sent.push({ table, ids: entries.map(({ id }) => id) })
        return answer(table, entries)
      },
    },
    clock: createHandClock(),
    signal: stop.signal,
    random: () => 1,
    ...more,
  })
  return running
}

describe('a drainer', () => {
  test('sends what waits, those first that others belong to, and then nothing waits', async () => {
    outbox.change('ledger', 'l1', { id: 'l1' })
    outbox.change('messages', 'm1', { id: 'm1' })
    outbox.change('messages', 'm2', { id: 'm2' })
    outbox.change('conversations', 'c1', { id: 'c1' })
    expect(await start(() => DELIVERED).empty(inTime())).toBe(true)
    expect(sent).toEqual([
      { table: 'conversations', ids: ['c1'] },
      { table: 'messages', ids: ['m1', 'm2'] },
      { table: 'ledger', ids: ['l1'] },
    ])
    expect(outbox.waiting()).toEqual([])
  })

  test('does not call an outbox empty for a look that began before it was asked', async () => {
    const look = Promise.withResolvers<void>()
    const peek: MemoryOutbox['peek'] = async (...limits) => {
      const entries = await outbox.peek(...limits)
      return look.promise.then(() => entries)
    }
    const empty = start(() => DELIVERED, { source: { ...outbox, peek } }).empty(inTime())
    outbox.change('messages', 'm1', { id: 'm1' })
    look.resolve()
    expect([await empty, outbox.waiting()]).toEqual([true, []])
  })

  test('sends rows before removals, and removes in the opposite order', async () => {
    outbox.change('conversations', 'c1', undefined)
    outbox.change('files', 'f1', undefined)
    outbox.change('messages', 'm1', { id: 'm1' })
    await start(() => DELIVERED).empty(inTime())
    expect(sent.map(({ ids }) => ids)).toEqual([['m1'], ['f1'], ['c1']])
  })

  test('sends a row that changed several times once, and forgets all of its changes', async () => {
    outbox.change('conversations', 'c1', { id: 'c1', version: 1 })
    outbox.change('conversations', 'c2', { id: 'c2' })
    outbox.change('conversations', 'c1', { id: 'c1', version: 2 })
    await start(() => DELIVERED).empty(inTime())
    expect(sent).toEqual([{ table: 'conversations', ids: ['c2', 'c1'] }])
    expect(outbox.waiting()).toEqual([])
  })

  test('keeps to the rows and bytes of a request, and to the requests at once', async () => {
    for (let index = 0; index < 20; index += 1)
      outbox.change('messages', `m${index}`, { json: 'x'.repeat(100) })
    outbox.change('messages', 'large', { json: 'x'.repeat(5000) })
    let now = 0
    let most = 0
    const slowly = async (): Promise<Delivery> => {
      now += 1
      most = Math.max(most, now)
      await new Promise(resolve => setImmediate(resolve))
      now -= 1
      return DELIVERED
    }
    await start(slowly, { limits: { rowsMax: 4, bytesMax: 250, parallel: 3 } }).empty(inTime())
    expect(most).toBe(3)
    expect(Math.max(...sent.map(({ ids }) => ids.length))).toBe(2)
    expect(sent.flatMap(({ ids }) => ids)).toHaveLength(21)
    expect(sent.at(-1)).toEqual({ table: 'messages', ids: ['large'] })
  })

  test('sets exactly the bad rows aside and delivers all others', async () => {
    for (let index = 0; index < 50; index += 1) outbox.change('messages', `m${index}`, { id: index })
    const bad = new Set(['m7', 'm8', 'm49'])
    const arrived: string[] = []
    const buried: string[] = []
    const drainer = start(
      (_, entries) => {
        if (entries.some(({ id }) => bad.has(id))) return BAD
        arrived.push(...entries.map(({ id }) => id))
        return DELIVERED
      },
      { events: { buried: ({ id }) => buried.push(id) } },
    )
    expect(await drainer.empty(inTime())).toBe(true)
    expect(new Set(arrived).size).toBe(47)
    expect(buried).toEqual(['m7', 'm8', 'm49'])
    expect(outbox.dead()).toEqual([8, 9, 50].map(place => [place, '23514: breaks a check']))
  })

  test('forgets earlier changes of a row that was set aside', async () => {
    outbox.change('conversations', 'c1', { version: 1 })
    outbox.change('conversations', 'c1', { version: 2 })
    expect(await start(() => BAD).empty(inTime())).toBe(true)
    expect(outbox.dead().map(([place]) => place)).toEqual([2])
  })

  test('keeps everything while the other side is away, and waits longer each time, up to the most', async () => {
    outbox.change('messages', 'm1', { id: 'm1' })
    const waits: number[] = []
    const events: string[] = []
    let left = 8
    const drainer = start(() => (left-- > 0 ? AWAY : DELIVERED), {
      async wait(ms, signal) {
        signal.throwIfAborted()
        if (ms !== 500) waits.push(ms)
        await new Promise(resolve => setImmediate(resolve))
      },
      events: {
        troubled: ({ code }) => events.push(code),
        recovered: () => events.push('recovered'),
      },
    })
    expect(await drainer.empty(inTime())).toBe(true)
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000])
    expect(events).toEqual([...Array(8).fill('57P01'), 'recovered'])
    expect(outbox.dead()).toEqual([])
  })

  test('waits any time below that, by chance', async () => {
    outbox.change('messages', 'm1', { id: 'm1' })
    const waits: number[] = []
    let left = 2
    const drainer = start(() => (left-- > 0 ? AWAY : DELIVERED), {
      random: () => 0.25,
      async wait(ms) {
        waits.push(ms)
        await new Promise(resolve => setImmediate(resolve))
      },
    })
    await drainer.empty(inTime())
    expect(waits.slice(0, 2)).toEqual([25, 50])
  })

  test('leaves a server alone that does not take the key', async () => {
    outbox.change('messages', 'm1', { id: 'm1' })
    const { promise, resolve } = Promise.withResolvers<number>()
    start(() => ({ ...AWAY, because: 'credentials', code: '42501' }), {
      random: () => 0,
      wait: async (ms, signal) => {
        resolve(ms)
        await new Promise(ended => signal.addEventListener('abort', ended, { once: true }))
      },
    })
    expect(await promise).toBe(15_000)
    expect(sent).toHaveLength(1)
    expect(outbox.waiting()).toEqual([1])
  })

  test('begins at once when it is woken, and looks by itself otherwise', async () => {
    const drainer = start(() => DELIVERED, { limits: { pollMs: 20 } })
    await drainer.empty(inTime())
    outbox.change('messages', 'm1', { id: 'm1' })
    drainer.wake()
    expect(await drainer.empty(inTime())).toBe(true)
    outbox.change('messages', 'm2', { id: 'm2' })
    await expect.poll(() => outbox.waiting(), { interval: 5 }).toEqual([])
  })

  test('goes on when the outbox itself fails for a time', async () => {
    outbox.change('messages', 'm1', { id: 'm1' })
    outbox.fail(new Error('disk'))
    const codes: string[] = []
    const drainer = start(() => DELIVERED, {
      limits: { backoffMinMs: 1 },
      events: {
        troubled({ code }) {
          codes.push(code)
          outbox.fail(undefined)
        },
      },
    })
    expect(await drainer.empty(inTime())).toBe(true)
    expect(codes).toEqual(['outbox'])
  })

  test('tells how much waits', async () => {
    outbox.change('messages', 'm1', { id: 'm1' })
    const sizes: number[] = []
    await start(() => DELIVERED, { events: { backlog: ({ entries }) => sizes.push(entries) } }).empty(
      inTime(),
    )
    expect(sizes).toContain(0)
  })

  test('ends with its signal, whatever it is doing, and says that something still waits', async () => {
    outbox.change('messages', 'm1', { id: 'm1' })
    const drainer = start(() => AWAY, { limits: { backoffMinMs: 60_000, backoffMaxMs: 60_000 } })
    const empty = drainer.empty(inTime())
    await expect.poll(() => sent.length).toBe(1)
    stop.abort()
    await drainer.done
    expect(await empty).toBe(false)
    expect(outbox.waiting()).toEqual([1])
  })

  test('gives up waiting until it is empty when the one who waits gives up', async () => {
    outbox.change('messages', 'm1', { id: 'm1' })
    expect(await start(() => AWAY).empty(AbortSignal.timeout(20))).toBe(false)
  })
})

describe('what is slow', () => {
  test('holds nothing else up, and there are never more of it at once than allowed', async () => {
    const gate = Promise.withResolvers<void>()
    for (let index = 0; index < 30; index += 1) outbox.change('blobs', `b${index}`, { key: index })
    for (let index = 0; index < 10; index += 1) outbox.change('messages', `m${index}`, { id: index })
    let now = 0
    let most = 0
    const drainer = start(
      async table => {
        if (table !== 'blobs') return DELIVERED
        now += 1
        most = Math.max(most, now)
        await gate.promise
        now -= 1
        return DELIVERED
      },
      // So few at once that the messages lie behind what one look sees.
      { limits: { rowsMax: 2, parallel: 2, pollMs: 5 } },
    )
    await expect
      .poll(() => sent.filter(({ table }) => table === 'messages').flatMap(({ ids }) => ids).length)
      .toBe(10)
    expect(outbox.waiting()).toHaveLength(30)
    gate.resolve()
    expect(await drainer.empty(inTime())).toBe(true)
    expect(most).toBe(2)
  })

  test('is tried again after trouble of its own, which slows nothing else down', async () => {
    outbox.change('blobs', 'b1', { key: 'b1' })
    let left = 2
    const drainer = start(table => (table === 'blobs' && left-- > 0 ? AWAY : DELIVERED), {
      limits: { pollMs: 1, backoffMinMs: 0 },
    })
    expect(await drainer.empty(inTime())).toBe(true)
    expect(sent).toHaveLength(3)
  })

  test('is waited for when the drainer ends', async () => {
    const gate = Promise.withResolvers<void>()
    outbox.change('blobs', 'b1', { key: 'b1' })
    const drainer = start(async () => {
      await gate.promise
      return AWAY
    })
    await expect.poll(() => sent.length).toBe(1)
    stop.abort()
    const ended = drainer.done.then(() => 'ended')
    expect(await Promise.race([ended, new Promise(resolve => setImmediate(() => resolve('running')))])).toBe(
      'running',
    )
    gate.resolve()
    expect(await ended).toBe('ended')
  })
})
