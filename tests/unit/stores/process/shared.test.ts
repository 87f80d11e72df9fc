// The shared state of a single process: the suite of the port, what is true at once, what is pushed out, and chance.
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createProcessShared,
  NAME_BYTES,
  type ProcessSharedDeps,
} from '../../../../src/stores/process/shared.ts'
import { ENTRY_BYTES } from '../../../../src/stores/process/shared-log.ts'
import { sharedSuite } from '../../../suites/shared.ts'
import { follow } from '../../../suites/shared-log.ts'
import { createHandClock } from '../../../support/hand-clock.ts'
import { createChance } from '../../../support/seeded.ts'

const LONG_MS = 60_000
const bytes = (text: string): Uint8Array => Buffer.from(text)

function setUp(over: Partial<ProcessSharedDeps> = {}) {
  const clock = createHandClock()
  const faults: unknown[] = []
  const shared = createProcessShared({
    clock,
    onFault: fault => void faults.push(fault),
    sweepEveryMs: 5,
    ...over,
  })
  onTestFinished(() => shared.close())
  return { shared, clock, faults }
}

sharedSuite('the shared state in the process', async () => {
  const { shared, clock } = setUp()
  return { shared, other: shared, elapse: async ms => clock.pass(ms), close: shared.close }
})

describe('an effect', () => {
  it('is there for the next call before its promise is awaited', async () => {
    const { shared } = setUp()
    void shared.set('v', bytes('one'), LONG_MS)
    const read = shared.get('v')
    void shared.append('l', [bytes('a')], LONG_MS)
    const page = shared.read('l', 0, 1)
    const won = shared.claim('c', bytes('one'), LONG_MS)
    const lost = shared.claim('c', bytes('two'), LONG_MS)
    expect([await read, (await page)?.first, await won, await lost]).toEqual([
      new Uint8Array(bytes('one')),
      1,
      undefined,
      new Uint8Array(bytes('one')),
    ])
  })

  it('wakes who follows before anything else can happen', async () => {
    const { shared } = setUp()
    void shared.append('l', [bytes('a')], LONG_MS)
    const tail = shared.tail('l', 1, new AbortController().signal)
    let isAwake = false
    const next = tail.next().then(() => {
      isAwake = true
    })
    await Promise.resolve()
    void shared.append('l', [bytes('b')], LONG_MS)
    // A turn of the event loop would be too late: other work could come in between.
    await new Promise<void>(resolve => process.nextTick(resolve))
    expect(isAwake).toBe(true)
    await next
  })

  it('of a message is heard before publish returns', () => {
    const { shared } = setUp()
    const heard: number[] = []
    shared.subscribe('t', message => heard.push(message.byteLength))
    void shared.publish('t', bytes('four'))
    expect(heard).toEqual([4])
  })

  it('of a listener that throws is told', async () => {
    const { shared, faults } = setUp()
    const fault = new Error('not me')
    shared.subscribe('t', () => {
      throw fault
    })
    await shared.publish('t', bytes('x'))
    expect(faults).toEqual([fault])
  })
})

describe('what does not fit', () => {
  it('pushes out what expires first, by number', async () => {
    const { shared } = setUp({ namesMax: 3 })
    await shared.set('late', bytes('x'), 3_000)
    await shared.set('soon', bytes('x'), 1_000)
    await shared.append('later', [bytes('x')], 2_000)
    await shared.set('new', bytes('x'), 4_000)
    expect(await shared.get('soon')).toBeUndefined()
    await shared.set('newer', bytes('x'), 4_000)
    expect(await shared.read('later', 0, 1)).toBeUndefined()
    expect([await shared.get('late'), await shared.get('new')]).not.toContain(undefined)
  })

  it('pushes out what expires first, by bytes', async () => {
    const each = NAME_BYTES + 2 + 1000
    const { shared } = setUp({ bytesMax: 3 * each })
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries())
      await shared.set(name, new Uint8Array(1000), 1_000 + index)
    const there = await Promise.all(['a', 'b', 'c', 'd'].map(name => shared.get(name)))
    expect(there.map(value => value !== undefined)).toEqual([false, true, true, true])
  })

  it('counts the entries of a log and gives their room back when they are forgotten', async () => {
    const each = 100 + ENTRY_BYTES
    const { shared } = setUp({ bytesMax: 2 * (NAME_BYTES + 2) + 10 * each })
    await shared.append('l', Array(9).fill(new Uint8Array(100)), 1_000)
    await shared.trim('l', 5)
    await shared.set('v', new Uint8Array(5 * each), 2_000)
    expect((await shared.read('l', 0, 99))?.entries).toHaveLength(4)
    await shared.append('l', Array(2).fill(new Uint8Array(100)), 1_000)
    expect([await shared.read('l', 0, 1), await shared.get('v')]).toEqual([undefined, expect.anything()])
  })

  it('spares what was put off, and takes what was brought forward', async () => {
    const { shared } = setUp({ namesMax: 2 })
    await shared.append('a', [bytes('x')], 1_000)
    await shared.append('b', [bytes('x')], 2_000)
    await shared.append('a', [], 3_000)
    await shared.set('c', bytes('x'), 9_000)
    expect([await shared.read('a', 0, 1), await shared.read('b', 0, 1)]).toEqual([
      expect.anything(),
      undefined,
    ])
    await shared.append('a', [], 50_000)
    await shared.append('a', [], 500)
    await shared.set('d', bytes('x'), 9_000)
    expect(await shared.read('a', 0, 1)).toBeUndefined()
  })

  it('never pushes out a counter while there is anything else', async () => {
    const { shared } = setUp({ namesMax: 2 })
    await shared.reserve([{ counter: 'n', amount: 1, max: 1, ttlMs: 10 }])
    for (let index = 0; index < 5; index += 1) await shared.set(`v${index}`, bytes('x'), LONG_MS)
    expect(await shared.reserve([{ counter: 'n', amount: 1, max: 1, ttlMs: 10 }])).toMatchObject({
      ok: false,
    })
    await shared.reserve([
      { counter: 'o', amount: 1, max: 1, ttlMs: 20 },
      { counter: 'p', amount: 1, max: 1, ttlMs: 30 },
    ])
    expect(await shared.reserve([{ counter: 'n', amount: 1, max: 1, ttlMs: 10 }])).toMatchObject({ ok: true })
  })

  it('does not come in, and pushes out nothing, when it could never fit', async () => {
    const { shared } = setUp({ bytesMax: 5_000 })
    await shared.set('small', bytes('x'), 10)
    await shared.set('huge', new Uint8Array(5_001), LONG_MS)
    expect([await shared.get('huge'), await shared.get('small')]).toEqual([undefined, expect.anything()])
  })
})

describe('what has expired', () => {
  it('ends who follows it soon, although nobody asks for it', async () => {
    const { shared, clock } = setUp()
    await shared.append('l', [bytes('a')], 1_000)
    const followed = follow(shared, 'l', 0, 9)
    await Promise.resolve()
    clock.pass(1_001)
    expect(await followed).toEqual([[1, 'a']])
  })

  it('makes room before anything that has not', async () => {
    const { shared, clock } = setUp({ namesMax: 2, sweepEveryMs: LONG_MS })
    await shared.set('old', bytes('x'), 10)
    await shared.set('new', bytes('x'), 1_000)
    clock.pass(11)
    await shared.set('newer', bytes('x'), 20)
    expect(await shared.get('new')).toBeDefined()
  })
})

describe.each(Array.from({ length: 8 }, (_, seed) => seed))('with chance of seed %i', seed => {
  it('no reservation takes room that another has, whatever is taken and given back', async () => {
    const { shared, clock } = setUp()
    const chance = createChance(seed)
    // What each counter must hold, and until when: kept by hand beside the store.
    const model = new Map<string, { used: number; untilMs: number }>()
    const heldBy = (counter: string): number => {
      const one = model.get(counter)
      return one === undefined || one.untilMs <= clock.monotonic() ? 0 : one.used
    }
    for (let step = 0; step < 300; step += 1) {
      const asked = Array.from({ length: chance.below(3) + 1 }, () => ({
        counter: chance.oneOf(['a', 'b', 'c']),
        amount: chance.below(4),
        max: 6,
        ttlMs: 50 + chance.below(50),
      }))
      // All are begun before any is awaited.
      const answers = Promise.all([shared.reserve(asked), shared.reserve(asked.slice(0, 1))])
      for (const [index, list] of [asked, asked.slice(0, 1)].entries()) {
        const sums = new Map<string, number>()
        const isFit = list.every(({ counter, amount }) => {
          const sum = (sums.get(counter) ?? heldBy(counter)) + amount
          sums.set(counter, sum)
          return sum <= 6
        })
        expect((await answers)[index]?.ok).toBe(isFit)
        if (!isFit) continue
        for (const { counter, amount, ttlMs } of list) {
          const used = heldBy(counter)
          const isKept = (model.get(counter)?.untilMs ?? 0) > clock.monotonic()
          if (!isKept && amount === 0) continue
          const untilMs = isKept ? (model.get(counter)?.untilMs ?? 0) : clock.monotonic() + ttlMs
          model.set(counter, { used: used + amount, untilMs })
        }
      }
      const counter = chance.oneOf(['a', 'b', 'c'])
      const back = chance.below(4)
      await shared.adjust(counter, -back)
      const one = model.get(counter)
      if (one !== undefined) one.used = Math.max(0, one.used - back)
      clock.pass(chance.below(10))
    }
    for (const counter of ['a', 'b', 'c'])
      expect(await shared.reserve([{ counter, amount: 7, max: 6, ttlMs: 1 }])).toEqual({
        ok: false,
        index: 0,
        counter,
        used: heldBy(counter),
      })
  })

  it('a tail gives every entry once and in order, however appending and reading interleave', async () => {
    const { shared } = setUp()
    const chance = createChance(seed)
    const total = 400
    await shared.append('l', [], LONG_MS)
    const turn = async (): Promise<void> => {
      const hops = chance.below(4)
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      if (chance.below(20) === 0) await new Promise(resolve => setImmediate(resolve))
    }
    async function write(): Promise<void> {
      for (let last = 0; last < total; ) {
        const count = Math.min(chance.below(6), total - last)
        const entries = Array.from({ length: count }, (_, index) => bytes(`${last + index + 1}`))
        last = await shared.append('l', entries, LONG_MS)
        await turn()
      }
      await shared.append('l', [bytes('end')], LONG_MS)
    }
    async function readFrom(after: number): Promise<readonly string[]> {
      const seen: string[] = []
      for await (const { first, entries } of shared.tail('l', after, new AbortController().signal)) {
        expect(first).toBe(after + seen.length + 1)
        for (const entry of entries) seen.push(Buffer.from(entry).toString())
        if (seen.at(-1) === 'end') break
        await turn()
      }
      return seen
    }
    const writing = write()
    const starts: number[] = []
    const reading: Promise<readonly string[]>[] = []
    for (let reader = 0; reader < 6; reader += 1) {
      const there = ((await shared.read('l', Number.MAX_SAFE_INTEGER, 1))?.first ?? 1) - 1
      starts.push(chance.below(there + 1))
      reading.push(readFrom(starts.at(-1) ?? 0))
      await turn()
    }
    await writing
    for (const [reader, seen] of (await Promise.all(reading)).entries()) {
      const after = starts[reader] ?? 0
      const wanted = Array.from({ length: total - after }, (_, index) => `${after + index + 1}`)
      expect(seen).toEqual([...wanted, 'end'])
    }
  })
})
