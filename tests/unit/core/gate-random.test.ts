// A gate under everything at once, by chance that repeats itself: the limit holds, nobody is lost, all counts end at zero.
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createGate } from '../../../src/core/gate.ts'
import { createChance } from '../../support/seeded.ts'

const met = new Set<string>()

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
// A chance that never met a way out would have shown nothing about it.
afterAll(() => expect([...met].sort()).toEqual(['full', 'gone', 'late', 'left']))

const seeds = Array.from({ length: 40 }, (_, seed) => seed + 1)

it.each(seeds)(
  'keeps its counts through entries, exits, aborts, timeouts and new limits (seed %i)',
  async seed => {
    const chance = createChance(seed)
    let limit = 1 + chance.below(4)
    const gate = createGate({ limit, refusal: why => new GatewayError('OVERLOADED', why) })
    const waitMaxMs = 200
    const calls: { ended?: string; readonly leave: AbortController; readonly sinceMs: number }[] = []
    let inside = 0
    let allowed = limit

    function come(): void {
      const call: (typeof calls)[number] = { leave: new AbortController(), sinceMs: Date.now() }
      calls.push(call)
      const who = { tenant: chance.oneOf(['a', 'a', 'a', 'b', 'c']), signal: call.leave.signal }
      gate.wait(who, { waitingMax: 8, waitMaxMs }).then(
        () => {
          inside += 1
          call.ended = 'inside'
          expect(inside).toBeLessThanOrEqual(allowed)
          expect(Date.now() - call.sinceMs).toBeLessThanOrEqual(waitMaxMs)
        },
        error => {
          call.ended = GatewayError.from(error).message
          expect(Date.now() - call.sinceMs).toBeLessThanOrEqual(waitMaxMs)
        },
      )
    }

    function leave(): void {
      const call = calls.find(one => one.ended === 'inside')
      if (call === undefined) return
      call.ended = 'left'
      inside -= 1
      gate.leave()
    }

    for (let step = 0; step < 400; step++) {
      const act = chance.below(10)
      if (act < 4) come()
      else if (act < 7) leave()
      else if (act < 8)
        calls[chance.below(calls.length + 1)]?.leave.abort(new GatewayError('CANCELLED', 'gone'))
      else if (act < 9) await vi.advanceTimersByTimeAsync(chance.below(60))
      else {
        limit = 1 + chance.below(5)
        // A smaller limit throws nobody out: until then as many as were inside may be.
        allowed = Math.max(limit, gate.running())
        gate.resize(limit)
      }
      // Some acts meet before anybody has heard of the ones before.
      if (chance.below(2) === 0) await vi.advanceTimersByTimeAsync(0)
      if (gate.running() <= limit) allowed = limit
      if (gate.waiting() > 0) expect(gate.running()).toBeGreaterThanOrEqual(limit)
    }
    await vi.advanceTimersByTimeAsync(waitMaxMs)
    while (inside > 0) {
      leave()
      await vi.advanceTimersByTimeAsync(0)
    }
    expect({ running: gate.running(), waiting: gate.waiting(), timers: vi.getTimerCount() }).toEqual({
      running: 0,
      waiting: 0,
      timers: 0,
    })
    expect(calls.filter(call => call.ended === undefined)).toEqual([])
    for (const call of calls) if (call.ended !== undefined) met.add(call.ended)
  },
)
