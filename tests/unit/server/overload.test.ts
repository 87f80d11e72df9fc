// Which calls are refused when there is too much to do, on a loop, a store and a heap that are moved by hand.
import { describe, expect, it } from 'vitest'
import { createOverload, type OverloadCause } from '../../../src/server/overload.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const DELAY_MS = 1_000
const CALL = { method: 'exai.v1.ChatService/Complete', isWatch: false, isCounted: true }

/** A process whose time passes by hand, busy or idle. */
function setUp({ delayMs = DELAY_MS } = {}) {
  const clock = createHandClock()
  const sheds: OverloadCause[] = []
  let idleMs = 0
  let turn = 0
  let waiting = 0
  let heap = 0
  const { refusal } = createOverload({
    clock,
    delayMs,
    onShed: cause => void sheds.push(cause),
    storeWaiting: () => waiting,
    loop: { idleMs: () => idleMs, turn: () => turn },
    heapShare: () => heap,
  })
  const busy = (ms: number): void => clock.pass(ms)
  return {
    sheds,
    busy,
    idle(ms: number) {
      idleMs += ms
      clock.pass(ms)
    },
    nextTurn() {
      turn += 1
    },
    store(count: number) {
      waiting = count
    },
    heap(share: number) {
      heap = share
    },
    ask: (asked: Partial<typeof CALL> = {}) => refusal({ ...CALL, ...asked }),
    /** Turns of so many milliseconds, one right behind the other, in which calls come until shortly before their end. */
    turns(count: number, ms: number) {
      for (let done = 0; done < count; done += 1) {
        turn += 1
        refusal(CALL)
        busy(ms - 1)
        refusal(CALL)
        busy(1)
      }
    },
  }
}

describe('a busy event loop', () => {
  it('lets a burst in for as long as OVERLOAD_DELAY, and refuses the rest of it', () => {
    const { ask, busy, nextTurn, sheds } = setUp()
    expect(ask()).toBeUndefined()
    busy(DELAY_MS)
    expect(ask()).toBeUndefined()
    busy(1)
    expect(ask()).toMatchObject({ reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED', origin: 'gateway' })
    expect(sheds).toEqual(['event_loop'])
    nextTurn()
    expect(ask()).toBeUndefined()
  })

  it('lets a second long turn take a quarter of it', () => {
    const { ask, busy, nextTurn, turns } = setUp()
    turns(1, 100)
    nextTurn()
    expect(ask()).toBeUndefined()
    busy(DELAY_MS / 4)
    expect(ask()).toBeUndefined()
    busy(1)
    expect(ask()).toMatchObject({ reason: 'OVERLOADED' })
  })

  it('with long turns alone for a quarter of it refuses what has waited for a hundredth', () => {
    const { ask, busy, nextTurn, turns } = setUp()
    turns(10, 30)
    nextTurn()
    expect(ask()).toBeUndefined()
    busy(DELAY_MS / 100)
    expect(ask()).toBeUndefined()
    busy(1)
    expect(ask()).toMatchObject({ reason: 'OVERLOADED' })
  })

  it('that is busy all the time refuses nobody as long as its turns are short', () => {
    const { sheds, turns } = setUp()
    turns(1_000, 20)
    expect(sheds).toEqual([])
  })

  it('believes no long turn that short ones follow, such as one with a collection of garbage', () => {
    const { sheds, turns } = setUp()
    for (let times = 0; times < 20; times += 1) {
      turns(1, 80)
      turns(10, 10)
    }
    expect(sheds).toEqual([])
  })

  it('does not take for work what it has waited for', () => {
    const { idle, sheds, turns } = setUp()
    for (let times = 0; times < 20; times += 1) {
      turns(1, 30)
      idle(30)
    }
    expect(sheds).toEqual([])
  })

  it('takes bursts again after a quarter of it with short turns, and not before', () => {
    const { ask, busy, idle, nextTurn, turns } = setUp()
    const waitsFor = (ms: number) => {
      nextTurn()
      ask()
      busy(ms)
      return ask()
    }
    turns(20, 30)
    for (let times = 0; times < 4; times += 1) {
      turns(1, 10)
      idle(50)
    }
    expect(waitsFor(15)).toMatchObject({ reason: 'OVERLOADED' })
    for (let times = 0; times < 6; times += 1) {
      turns(1, 10)
      idle(50)
    }
    expect(waitsFor(DELAY_MS)).toBeUndefined()
  })

  it('tells callers to come again at different times', () => {
    const { ask, busy } = setUp()
    ask()
    busy(DELAY_MS + 1)
    const delays = [ask(), ask(), ask()].map(error => error?.details.retryDelayMs)
    expect(delays.toSorted()).toEqual([1_000, 2_000, 3_000])
  })

  it('refuses nobody who asks how things are, ends something or reads what is done', () => {
    const { ask, busy } = setUp()
    ask()
    busy(DELAY_MS * 2)
    for (const method of [
      'exai.v1.MonitoringService/GetStatus',
      'exai.v1.AccessService/RevokeKey',
      'exai.v1.ChatService/CancelStream',
      'exai.v1.ChatService/ResumeStream',
      'grpc.health.v1.Health/Check',
    ])
      expect(ask({ method })).toBeUndefined()
    expect(ask({ isWatch: true })).toBeUndefined()
    expect(ask({ isCounted: false })).toBeUndefined()
    expect(ask({ method: 'exai.v1.ChatService/StreamComplete' })).toBeDefined()
    expect(ask({ method: 'exai.v1.FilesService/UploadFile' })).toBeDefined()
  })

  it('refuses nobody when OVERLOAD_DELAY is 0', () => {
    const { ask, busy, heap, store, turns } = setUp({ delayMs: 0 })
    turns(100, 100)
    store(100_000)
    heap(1)
    busy(10_000)
    expect(ask()).toBeUndefined()
  })
})

it('a store that is behind takes no new calls until half of what waits is written', () => {
  const { ask, sheds, store } = setUp()
  store(2_047)
  expect(ask()).toBeUndefined()
  store(2_048)
  expect(ask()).toMatchObject({ reason: 'OVERLOADED' })
  store(1_024)
  expect(ask()).toMatchObject({ reason: 'OVERLOADED' })
  store(1_023)
  expect(ask()).toBeUndefined()
  store(1_024)
  expect(ask()).toBeUndefined()
  expect(sheds).toEqual(['store', 'store'])
})

it('a heap that is nearly full takes no new calls until there is room, and is looked at once a second', () => {
  const { ask, busy, heap, nextTurn, sheds } = setUp()
  heap(0.9)
  expect(ask()).toMatchObject({ reason: 'OVERLOADED' })
  heap(0.1)
  busy(999)
  nextTurn()
  expect(ask()).toBeDefined()
  busy(1)
  nextTurn()
  expect(ask()).toBeUndefined()
  expect(sheds).toEqual(['memory', 'memory'])
})
