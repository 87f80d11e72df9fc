// Which calls are refused when there is too much to do, on a loop, a store and a heap that are moved by hand.
import { describe, expect, it } from 'vitest'
import { createOverload, type OverloadCause } from '../../../src/server/overload.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const DELAY_MS = 1_000
const CALL = { method: 'exai.v1.ChatService/Complete', isWatch: false, isCounted: true }

/** A process whose time passes by hand, busy or idle. */
function setUp({ delayMs = DELAY_MS, workedMs = 10_000 } = {}) {
  const clock = createHandClock()
  const sheds: OverloadCause[] = []
  let idleMs = 0
  let cpuMs = workedMs
  let turn = 0
  let waiting = 0
  let heap = 0
  const { refusal } = createOverload({
    clock,
    delayMs,
    onShed: cause => void sheds.push(cause),
    storeWaiting: () => waiting,
    loop: { idleMs: () => idleMs, turn: () => turn, cpuMs: () => cpuMs },
    heapShare: () => heap,
  })
  const busy = (ms: number): void => {
    cpuMs += ms
    clock.pass(ms)
  }
  return {
    sheds,
    busy,
    /** Others have the core. */
    starve: (ms: number) => clock.pass(ms),
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
    /** A turn with a call in each millisecond of work; what becomes of the last one. */
    turn(ms: number) {
      turn += 1
      for (let worked = 0; worked < ms; worked += 1) {
        refusal(CALL)
        busy(1)
      }
      return refusal(CALL)
    },
    /** A turn with so many calls, of which each takes this long when it is let in, and nothing when it is not; how many are. */
    crowd(calls: number, eachMs: number) {
      turn += 1
      let taken = 0
      for (let asked = 0; asked < calls; asked += 1) if (refusal(CALL) === undefined) taken += 1
      busy(taken * eachMs)
      return taken
    },
  }
}

const REFUSED = { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED', origin: 'gateway' }
/** So much of a turn may not be seen. */
const UNSEEN_MS = 5

describe('a busy event loop', () => {
  it('lets a burst in until its calls wait for OVERLOAD_DELAY, and refuses the rest of it', () => {
    const { sheds, turn } = setUp()
    expect(turn(DELAY_MS)).toBeUndefined()
    expect(sheds).toEqual([])
    const other = setUp()
    expect(other.turn(DELAY_MS + UNSEEN_MS)).toMatchObject(REFUSED)
    expect(other.sheds[0]).toBe('event_loop')
    expect(other.turn(0)).toBeUndefined()
  })

  it('lets a second long turn take a quarter of it', () => {
    const { turn } = setUp()
    turn(100)
    expect(turn(DELAY_MS / 4)).toBeUndefined()
    turn(100)
    expect(turn(DELAY_MS / 4 + UNSEEN_MS)).toMatchObject(REFUSED)
  })

  it('with long turns alone for an eighth of it takes one call a turn', () => {
    const { crowd, turn } = setUp()
    for (let turns = 0; turns < 6; turns += 1) expect(turn(30)).toBeUndefined()
    expect(crowd(50, 10)).toBe(1)
    expect(crowd(50, 10)).toBe(1)
  })

  it('then takes as many as make a turn of a four hundredth of it, and stays so while calls are refused', () => {
    const { crowd, turn } = setUp()
    for (let turns = 0; turns < 10; turns += 1) turn(30)
    const turnMs = DELAY_MS / 400
    const eachMs = turnMs / 10
    for (let turns = 0; turns < 100; turns += 1) crowd(50, eachMs)
    const taken = Array.from({ length: 2_000 }, () => crowd(50, eachMs))
    expect(Math.min(...taken)).toBeGreaterThanOrEqual(7)
    expect(Math.max(...taken)).toBeLessThanOrEqual(11)
  })

  it('then takes half as many after a turn that was much longer, and soon as many again', () => {
    const { busy, crowd, turn } = setUp()
    for (let turns = 0; turns < 10; turns += 1) turn(30)
    const eachMs = DELAY_MS / 400 / 20
    for (let turns = 0; turns < 200; turns += 1) crowd(80, eachMs)
    const usual = crowd(80, eachMs)
    busy(200)
    expect(crowd(80, eachMs)).toBeLessThanOrEqual(usual / 2 + 1)
    for (let turns = 0; turns < 10; turns += 1) crowd(80, eachMs)
    expect(crowd(80, eachMs)).toBeGreaterThanOrEqual(usual - 5)
  })

  it('then takes one of a hundred in any case, where turns are long from refusing alone', () => {
    const { crowd, turn } = setUp()
    for (let turns = 0; turns < 10; turns += 1) turn(30)
    for (let turns = 0; turns < 50; turns += 1) crowd(1_500, 10)
    expect(crowd(1_500, 10)).toBe(15)
  })

  it('then always takes one, however long it works on it', () => {
    const { crowd, turn } = setUp()
    for (let turns = 0; turns < 10; turns += 1) turn(30)
    for (let turns = 0; turns < 50; turns += 1) expect(crowd(20, 100)).toBe(1)
  })

  it('that is busy all the time refuses nobody as long as its turns are short', () => {
    const { sheds, turn } = setUp()
    for (let turns = 0; turns < 1_000; turns += 1) turn(10)
    expect(sheds).toEqual([])
  })

  it('believes no long turn that short ones follow, such as one with a collection of garbage', () => {
    const { sheds, turn } = setUp()
    for (let times = 0; times < 20; times += 1) {
      turn(80)
      for (let turns = 0; turns < 10; turns += 1) turn(10)
    }
    expect(sheds).toEqual([])
  })

  it('does not take for work what it has waited for', () => {
    const { idle, sheds, turn } = setUp()
    for (let times = 0; times < 20; times += 1) {
      turn(30)
      idle(30)
    }
    expect(sheds).toEqual([])
  })

  it('of a process that is still compiling its code refuses only what waits for all of OVERLOAD_DELAY', () => {
    const { sheds, turn } = setUp({ workedMs: 1_000 })
    for (let turns = 0; turns < 8; turns += 1) turn(300)
    expect(sheds).toEqual([])
    expect(turn(1_000)).toBeUndefined()
    for (let turns = 0; turns < 3; turns += 1) turn(300)
    expect(sheds).not.toEqual([])
  })

  it('refuses nobody because others have the core', () => {
    const { ask, nextTurn, sheds, starve } = setUp()
    for (let times = 0; times < 20; times += 1) {
      nextTurn()
      ask()
      starve(3)
      ask()
      starve(DELAY_MS * 2)
      ask()
    }
    expect(sheds).toEqual([])
  })

  it('takes bursts again after a quarter of it in which it waited, and not before', () => {
    const { crowd, idle, turn } = setUp()
    for (let turns = 0; turns < 20; turns += 1) turn(30)
    for (let times = 0; times < 4; times += 1) {
      crowd(20, 5)
      idle(50)
    }
    expect(crowd(100, 1)).toBeLessThan(100)
    for (let times = 0; times < 6; times += 1) {
      crowd(20, 5)
      idle(50)
    }
    expect(crowd(100, 1)).toBe(100)
  })

  it('takes bursts again after a quarter of it in which it refused less than a twentieth', () => {
    const { crowd, turn } = setUp()
    for (let turns = 0; turns < 20; turns += 1) turn(30)
    for (let turns = 0; turns < 400; turns += 1) crowd(1, 1)
    expect(crowd(100, 1)).toBe(100)
  })

  it('tells callers to come again at different times', () => {
    const { ask, turn } = setUp()
    turn(DELAY_MS + UNSEEN_MS)
    const delays = [ask(), ask(), ask()].map(error => error?.details.retryDelayMs)
    expect(delays.toSorted()).toEqual([1_000, 2_000, 3_000])
  })

  it('refuses nobody who asks how things are, ends something or reads what is done', () => {
    const { ask, turn } = setUp()
    turn(DELAY_MS + UNSEEN_MS)
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
    const { ask, heap, store, turn } = setUp({ delayMs: 0 })
    for (let turns = 0; turns < 100; turns += 1) turn(100)
    store(100_000)
    heap(1)
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
