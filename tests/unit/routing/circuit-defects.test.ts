// The known defects of mollitia 0.1.1, a to d: each as it shows there, so that an upgrade is noticed, and as it cannot bite here.
import { BreakerState } from 'mollitia'
import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createRig, holdTime, overload, settled } from './circuit-rig.ts'
import { bad, good, rawCircuit, watchTimers } from './mollitia-rig.ts'

describe('a: half-open for ever', () => {
  test('mollitia never judges when a call of before the opening ends in half-open', async () => {
    const { breaker, run } = rawCircuit({ permittedNumberOfCallsInHalfOpenState: 2 })
    const late = Promise.withResolvers<void>()
    const begun = run(() => late.promise)
    await Promise.all([run(bad), run(bad)])
    await breaker.halfOpen()
    const probe = Promise.withResolvers<void>()
    const probes = [run(() => probe.promise), run(() => probe.promise)]
    await settled()
    late.reject(new Error('late'))
    await begun
    probe.resolve()
    await Promise.all(probes)
    // Two good probes ought to close it; with the late one the window holds three, and is never looked at.
    const after = [await run(good), await run(good)]
    expect([breaker.state, ...after]).toContain('Max allowed requests reached')
  })

  test('cannot happen: what began before the opening is dropped, and the probe decides', async () => {
    holdTime()
    const { halfOpen, admit, state } = createRig()
    const late = [admit(), admit(), admit()]
    await halfOpen()
    late[0]?.failed(overload)
    const probe = admit()
    late[1]?.failed(overload)
    late[2]?.succeeded()
    await settled()
    expect(state()).toMatchObject({ state: 'half_open', callCount: 0 })
    probe.succeeded()
    await settled()
    expect(state().state).toBe('closed')
  })

  test('cannot happen by a probe that hangs: after a time another one takes its place, and only that one counts', async () => {
    holdTime()
    const { circuits, halfOpen, admit, state } = createRig()
    await halfOpen()
    const lost = admit()
    await vi.advanceTimersByTimeAsync(599_999)
    expect(circuits.admit('double', 'm')).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    const probe = admit()
    expect(circuits.admit('double', 'm')).toBeUndefined()
    lost.failed(overload)
    await settled()
    expect(state().state).toBe('half_open')
    expect(circuits.admit('double', 'm')).toBeUndefined()
    probe.succeeded()
    await settled()
    expect(state().state).toBe('closed')
  })

  test('cannot happen by a fault of our own, which gives the permit back', async () => {
    holdTime()
    const { halfOpen, admit, state } = createRig()
    await halfOpen()
    admit().failed(GatewayError.from(new TypeError('thrown before anything was sent')))
    admit().succeeded()
    await settled()
    expect(state().state).toBe('closed')
  })
})

describe('b: a late result closes', () => {
  test('mollitia takes the end of an old call for one of two probes', async () => {
    const { breaker, run } = rawCircuit({ permittedNumberOfCallsInHalfOpenState: 2 })
    const late = Promise.withResolvers<void>()
    const begun = run(() => late.promise)
    await Promise.all([run(bad), run(bad)])
    await breaker.halfOpen()
    late.resolve()
    await begun
    await run(good)
    expect(breaker.state).toBe(BreakerState.CLOSED)
  })

  test('cannot happen: a success of before the opening closes nothing', async () => {
    holdTime()
    const { admit, halfOpen, state, isRefused } = createRig()
    const late = admit()
    await halfOpen()
    late.succeeded()
    await settled()
    expect(state().state).toBe('half_open')
    expect(isRefused()).toBe(false)
  })
})

describe('c: an opening is undone', () => {
  test('mollitia writes "closed" back when a call begins while another one opens it', async () => {
    const found = new Set<string>()
    for (let turns = 0; turns < 8; turns += 1) {
      const { breaker, run } = rawCircuit()
      await run(bad)
      const fault = Promise.withResolvers<void>()
      const failing = run(() => fault.promise)
      await settled()
      fault.reject(new Error('bad'))
      for (let turn = 0; turn < turns; turn += 1) await undefined
      await Promise.all([failing, run(good)])
      found.add(breaker.state)
    }
    expect([...found].sort()).toEqual(['closed', 'opened'])
  })

  test('cannot happen: whatever ends or begins in the microtasks around it, it stays open', async () => {
    for (let turns = 0; turns < 40; turns += 1) {
      const { circuits, fail, admit, state, events } = createRig()
      const beside = [admit(), admit()]
      await fail(9)
      admit().failed(overload)
      for (let turn = 0; turn < turns; turn += 1) await undefined
      beside[0]?.succeeded()
      circuits.admit('double', 'm')?.succeeded()
      beside[1]?.failed(overload)
      await settled()
      expect(state().state, `after ${turns} turns`).toBe('open')
      expect(events.map(event => event.type === 'circuit.changed' && event.to)).toEqual(['open'])
    }
  })
})

describe('d: timers', () => {
  test('mollitia goes half-open after it was closed by hand, and its timer keeps the process alive', async () => {
    const timers = watchTimers()
    const { breaker } = rawCircuit({ openStateDelay: 5 })
    await breaker.open()
    expect(timers.alive()).toBe(1)
    await breaker.close()
    await vi.waitFor(() => expect(breaker.state).toBe(BreakerState.HALF_OPENED), {
      interval: 2,
      timeout: 15_000,
    })
  })

  test('cannot happen: a closed circuit stays closed', async () => {
    holdTime()
    const { circuits, open, state } = createRig()
    await open()
    circuits.set('double', 'm', 'reset', { reason: '' })
    await settled()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(state().state).toBe('closed')
  })

  test('cannot happen: no open circuit keeps the process alive', async () => {
    const timers = watchTimers()
    const { circuits, open, fail, state } = createRig()
    await open()
    circuits.set('double', 'held', 'open', { reason: '', holdMs: 60_000 })
    circuits.set('double', 'm', 'close', { reason: '' })
    await fail()
    expect(state()).toMatchObject({ state: 'open', reason: 'the probe failed' })
    expect(timers.made()).toBeGreaterThanOrEqual(3)
    expect(timers.alive()).toBe(0)
  })
})
