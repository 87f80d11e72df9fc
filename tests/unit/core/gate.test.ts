// A limit of calls at once: nobody is let in above it, everybody gets their turn, and every way out is counted.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createGate } from '../../../src/core/gate.ts'
import type { WaitRules } from '../../../src/core/turns.ts'

const patient: WaitRules = { waitingMax: 5000, waitMaxMs: 10_000 }

function rig(limit: number | undefined) {
  const gate = createGate({
    limit,
    refusal: (why, most) => new GatewayError('OVERLOADED', `${why} at ${most}`),
  })
  const inside: string[] = []
  const failed: string[] = []
  /** Comes as a call of a tenant, which is noted when it is inside or has failed. */
  const come = (name: string, over: Partial<WaitRules> & { signal?: AbortSignal } = {}): Promise<void> => {
    const { signal = new AbortController().signal, ...rules } = over
    const tenant = name.replace(/\d+$/, '')
    return gate.wait({ tenant, signal }, { ...patient, ...rules }).then(
      () => void inside.push(name),
      error => void failed.push(`${name}: ${GatewayError.from(error).message}`),
    )
  }
  const counts = () => ({ running: gate.running(), waiting: gate.waiting() })
  return { gate, come, inside, failed, counts }
}

const settled = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('a gate', () => {
  it('lets in as many as its limit says, at once', () => {
    const { gate, counts } = rig(2)
    expect([gate.enter(), gate.enter(), gate.enter()]).toEqual([true, true, false])
    expect(counts()).toEqual({ running: 2, waiting: 0 })
    gate.leave()
    expect(gate.enter()).toBe(true)
  })

  it('without a limit lets everybody in, and still counts them', () => {
    const { gate, counts } = rig(undefined)
    for (let one = 0; one < 1000; one++) expect(gate.enter()).toBe(true)
    expect(counts()).toEqual({ running: 1000, waiting: 0 })
  })

  it('lets the one that waited longest in as soon as somebody leaves, and nobody before them', async () => {
    const { gate, come, inside, counts } = rig(1)
    gate.enter()
    void come('a1')
    void come('a2')
    gate.leave()
    expect(gate.enter()).toBe(false)
    await settled()
    expect(inside).toEqual(['a1'])
    gate.leave()
    await settled()
    expect(inside).toEqual(['a1', 'a2'])
    expect(counts()).toEqual({ running: 1, waiting: 0 })
    gate.leave()
    expect(counts()).toEqual({ running: 0, waiting: 0 })
  })

  it('gives tenants turns: one with 1,000 calls waiting delays the single call of another by one call', async () => {
    const { gate, come, inside } = rig(1)
    gate.enter()
    for (let one = 0; one < 1000; one++) void come(`a${one}`)
    void come('b1')
    for (let one = 0; one < 3; one++) {
      gate.leave()
      await settled()
    }
    expect(inside).toEqual(['a0', 'b1', 'a1'])
    for (let one = 0; one < 999; one++) {
      gate.leave()
      await settled()
    }
    expect(inside.filter(name => name.startsWith('a'))).toEqual(
      Array.from({ length: 1000 }, (_, one) => `a${one}`),
    )
  })

  it('refuses whoever comes when the queue is full, and whoever has waited too long', async () => {
    const { gate, come, inside, failed, counts } = rig(1)
    gate.enter()
    void come('a1', { waitingMax: 1, waitMaxMs: 500 })
    await come('b1', { waitingMax: 1 })
    expect(failed).toEqual(['b1: full at 1'])
    await vi.advanceTimersByTimeAsync(499)
    expect(counts()).toEqual({ running: 1, waiting: 1 })
    await vi.advanceTimersByTimeAsync(1)
    expect(failed).toEqual(['b1: full at 1', 'a1: late at 1'])
    gate.leave()
    expect({ inside, ...counts() }).toEqual({ inside: [], running: 0, waiting: 0 })
  })

  it('lets nobody wait where none may', async () => {
    const { gate, come, failed } = rig(1)
    gate.enter()
    await come('a1', { waitingMax: 0 })
    expect(failed).toEqual(['a1: full at 1'])
  })

  it('keeps room in a full queue for a tenant that has less in it: the last one of the longest goes', async () => {
    const { gate, come, inside, failed, counts } = rig(1)
    gate.enter()
    for (const name of ['a1', 'a2', 'a3', 'b1']) void come(name, { waitingMax: 4 })
    void come('c1', { waitingMax: 4 })
    await settled()
    expect(failed).toEqual(['a3: full at 1'])
    // Nobody has two more than a newcomer now.
    await come('b2', { waitingMax: 4 })
    expect(failed).toEqual(['a3: full at 1', 'b2: full at 1'])
    for (let one = 0; one < 4; one++) {
      gate.leave()
      await settled()
    }
    expect(inside).toEqual(['a1', 'b1', 'c1', 'a2'])
    gate.leave()
    expect(counts()).toEqual({ running: 0, waiting: 0 })
  })

  it('lets go of a caller that leaves while it waits, and of one that left before', async () => {
    const { gate, come, failed, counts } = rig(1)
    gate.enter()
    const leaving = new AbortController()
    void come('a1', { signal: leaving.signal })
    leaving.abort(new GatewayError('CANCELLED', 'gone'))
    await settled()
    await come('a2', { signal: leaving.signal })
    expect(failed).toEqual(['a1: gone', 'a2: gone'])
    gate.leave()
    expect(counts()).toEqual({ running: 0, waiting: 0 })
  })

  it('takes the place back from a caller that leaves at the very moment of its turn', async () => {
    const { gate, come, inside, failed, counts } = rig(1)
    gate.enter()
    const leaving = new AbortController()
    void come('a1', { signal: leaving.signal })
    void come('a2')
    gate.leave()
    leaving.abort(new GatewayError('CANCELLED', 'gone'))
    await settled()
    expect({ inside, failed }).toEqual({ inside: ['a2'], failed: ['a1: gone'] })
    gate.leave()
    expect(counts()).toEqual({ running: 0, waiting: 0 })
  })

  it('lets more in when its limit grows, and throws nobody out when it shrinks', async () => {
    const { gate, come, inside, counts } = rig(1)
    gate.enter()
    for (const name of ['a1', 'a2', 'a3']) void come(name)
    gate.resize(3)
    await settled()
    expect(inside).toEqual(['a1', 'a2'])
    gate.resize(1)
    expect(counts()).toEqual({ running: 3, waiting: 1 })
    gate.leave()
    gate.leave()
    await settled()
    expect({ inside, ...counts() }).toEqual({ inside: ['a1', 'a2'], running: 1, waiting: 1 })
    gate.resize(undefined)
    await settled()
    expect(inside).toEqual(['a1', 'a2', 'a3'])
    gate.leave()
    gate.leave()
    expect(counts()).toEqual({ running: 0, waiting: 0 })
  })
})
