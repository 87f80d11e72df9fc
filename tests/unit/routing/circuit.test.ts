// Circuits: when they open, how they close again, what an operator can do, and what they tell about themselves.
import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { broken, createRig, holdTime, overload, settled } from './circuit-rig.ts'

describe('a closed circuit', () => {
  test('does not exist before its first outcome, and lets calls pass', async () => {
    const { circuits, admit, isRefused } = createRig()
    const permit = admit()
    permit.failed(new GatewayError('MODEL_NOT_FOUND', 'double does not know the model'))
    await settled()
    expect(circuits.states()).toEqual([])
    expect(isRefused()).toBe(false)
  })

  test('stays closed while fewer than ten calls have ended, even when all failed', async () => {
    const { fail, state } = createRig()
    await fail(9)
    expect(state()).toMatchObject({ state: 'closed', callCount: 9, failureRatio: 1, reason: '' })
  })

  test('opens when half of at least ten calls failed', async () => {
    const { succeed, fail, state } = createRig()
    await succeed(6)
    await fail(5)
    expect(state()).toMatchObject({ state: 'closed', callCount: 11, failureRatio: 5 / 11 })
    await fail()
    expect(state()).toMatchObject({ state: 'open', reason: '6 of 12 calls failed' })
  })

  test('looks at the last twenty calls only', async () => {
    const { succeed, fail, state } = createRig()
    await succeed(100)
    expect(state()).toMatchObject({ callCount: 20, failureRatio: 0 })
    await fail(9)
    expect(state()).toMatchObject({ state: 'closed', callCount: 20, failureRatio: 9 / 20 })
    await fail()
    expect(state()).toMatchObject({ state: 'open', reason: '10 of 20 calls failed' })
  })

  test('does not open for failures that are nobody’s or a key’s', async () => {
    const { admit, state, circuits } = createRig()
    for (let call = 0; call < 50; call += 1) {
      admit().failed(new GatewayError('UPSTREAM_LIMITED', 'double limits our rate', { against: 'key' }))
      admit().failed(new GatewayError('INVALID_REQUEST', 'double refuses the request'))
      admit().failed(new GatewayError('DEADLINE_EXCEEDED', 'the deadline passed'))
      admit().release()
    }
    await settled()
    expect(circuits.states()).toEqual([])
    expect(state().callCount).toBe(0)
  })

  test('counts an answer that breaks after it began as one good and one bad outcome', async () => {
    const { admit, state } = createRig()
    const permit = admit()
    permit.succeeded()
    permit.failed(broken)
    await settled()
    expect(state()).toMatchObject({ callCount: 2, failureRatio: 0.5 })
  })

  test('hears each permit once', async () => {
    const { admit, state } = createRig()
    const permit = admit()
    permit.failed(overload)
    permit.failed(overload)
    permit.succeeded()
    permit.release()
    await settled()
    expect(state()).toMatchObject({ callCount: 1, failureRatio: 1 })
  })
})

describe('an open circuit', () => {
  test('admits nobody and says why and until when', async () => {
    holdTime()
    const { circuits, open, state, isRefused } = createRig()
    await open()
    vi.advanceTimersByTime(10_000)
    expect(circuits.admit('double', 'm')).toBeUndefined()
    expect(isRefused()).toBe(true)
    expect(circuits.refusal('double', 'm')).toEqual({
      message: 'its circuit is open: 10 of 10 calls failed',
      retryAfterMs: 20_000,
    })
    const { sinceMs = 0, probeAtMs } = state()
    expect(probeAtMs).toBe(sinceMs + 30_000)
  })

  test('leaves other models of the same provider alone', async () => {
    const { circuits, open } = createRig()
    await open()
    expect(circuits.admit('double', 'other')).toBeDefined()
    expect(circuits.admit('elsewhere', 'm')).toBeDefined()
  })

  test('lets one call through after its time, whose success closes it', async () => {
    holdTime()
    const { circuits, halfOpen, admit, state, events } = createRig()
    await halfOpen()
    expect(state()).toMatchObject({ state: 'half_open', reason: 'it was open for 30 s', callCount: 0 })
    const probe = admit()
    expect(circuits.admit('double', 'm')).toBeUndefined()
    expect(circuits.refusal('double', 'm')).toEqual({
      message: 'its circuit is half-open and its probe runs',
      retryAfterMs: 1_000,
    })
    probe.succeeded()
    await settled()
    expect(state()).toMatchObject({ state: 'closed', reason: 'the probe succeeded', callCount: 0 })
    expect(events.map(event => event.type === 'circuit.changed' && [event.from, event.to])).toEqual([
      ['closed', 'open'],
      ['open', 'half_open'],
      ['half_open', 'closed'],
    ])
  })

  test('opens again for its whole time when the probe fails', async () => {
    holdTime()
    const { circuits, halfOpen, fail, state, admit } = createRig()
    await halfOpen()
    await fail()
    expect(state()).toMatchObject({ state: 'open', reason: 'the probe failed' })
    await vi.advanceTimersByTimeAsync(29_999)
    expect(circuits.admit('double', 'm')).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(admit()).toBeDefined()
  })

  test('counts the break of the very answer that closed it', async () => {
    holdTime()
    const { halfOpen, admit, state } = createRig()
    await halfOpen()
    const probe = admit()
    probe.succeeded()
    probe.failed(broken)
    await settled()
    expect(state()).toMatchObject({ state: 'closed', callCount: 1, failureRatio: 1 })
  })

  test('tells each change to whoever listens, with its reason', async () => {
    const { open, events } = createRig()
    await open()
    expect(events).toEqual([
      {
        type: 'circuit.changed',
        provider: 'double',
        model: 'm',
        from: 'closed',
        to: 'open',
        reason: '10 of 10 calls failed',
      },
    ])
  })
})

describe('an operator', () => {
  test('holds a circuit open: no probe passes, however long', async () => {
    holdTime()
    const { circuits, state } = createRig()
    const told = circuits.set('double', 'm', 'open', { reason: 'maintenance' })
    expect(told).toMatchObject({ state: 'open', held: true, reason: 'set by an operator: maintenance' })
    expect(told.probeAtMs).toBeUndefined()
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(state()).toMatchObject({ state: 'open', held: true })
    expect(circuits.refusal('double', 'm')?.message).toBe('an operator holds its circuit open')
  })

  test.each([5_000, 30 * 86_400_000])('holds it open for %i ms, then it is as if reset', async holdMs => {
    holdTime()
    const { circuits, state } = createRig()
    circuits.set('double', 'm', 'open', { reason: '', holdMs })
    await vi.advanceTimersByTimeAsync(holdMs - 1)
    expect(circuits.refusal('double', 'm')?.retryAfterMs).toBeCloseTo(1, 5)
    expect(state()).toMatchObject({ state: 'open', held: true, reason: 'set by an operator' })
    await vi.advanceTimersByTimeAsync(1)
    expect(state()).toMatchObject({
      state: 'closed',
      held: false,
      reason: 'the time that an operator set is over',
    })
  })

  test.each(['held', 'by itself'])('closes one that is open (%s) through a probe', async how => {
    const { circuits, open, admit, succeed, state } = createRig()
    if (how === 'held') circuits.set('double', 'm', 'open', { reason: '' })
    else await open()
    expect(circuits.set('double', 'm', 'close', { reason: 'repaired' })).toMatchObject({
      state: 'half_open',
      held: false,
      reason: 'set by an operator: repaired',
    })
    const probe = admit()
    expect(circuits.admit('double', 'm')).toBeUndefined()
    probe.succeeded()
    await settled()
    expect(state()).toMatchObject({ state: 'closed', reason: 'the probe succeeded' })
    await succeed(3)
    expect(state().callCount).toBe(3)
  })

  test('changes nothing by closing one that is not open', async () => {
    const { circuits, fail, state, events } = createRig()
    await fail(3)
    circuits.set('double', 'm', 'close', { reason: 'x' })
    expect(state()).toMatchObject({ state: 'closed', callCount: 3, reason: '' })
    expect(events).toEqual([])
  })

  test('resets a circuit: it closes at once and has forgotten its window', async () => {
    const { circuits, fail, state } = createRig()
    await fail(9)
    expect(circuits.set('double', 'm', 'reset', { reason: '' })).toMatchObject({
      state: 'closed',
      callCount: 0,
    })
    await fail(9)
    expect(state()).toMatchObject({ state: 'closed', callCount: 9 })
    await fail()
    expect(state().state).toBe('open')
    expect(circuits.set('double', 'm', 'reset', { reason: '' })).toMatchObject({
      state: 'closed',
      callCount: 0,
    })
    await fail(9)
    expect(state().state).toBe('closed')
  })

  test('is obeyed when an outcome is being judged at that very moment', async () => {
    for (let turns = 0; turns < 30; turns += 1) {
      const { circuits, fail, admit, state, succeed } = createRig()
      await fail(9)
      admit().failed(overload)
      for (let turn = 0; turn < turns; turn += 1) await undefined
      circuits.set('double', 'm', 'open', { reason: '' })
      circuits.set('double', 'm', 'close', { reason: '' })
      await settled()
      expect(state().state, `after ${turns} turns`).toBe('half_open')
      await succeed()
      expect(state(), `after ${turns} turns`).toMatchObject({
        state: 'closed',
        reason: 'the probe succeeded',
      })
    }
  })
})

describe('the circuits', () => {
  test('are bounded: the models of a provider that come too late share one', async () => {
    const { circuits } = createRig({ modelsMax: 2, numbers: { callsMin: 1, window: 1 } })
    for (const model of ['a', 'b', 'c', 'd']) circuits.admit('double', model)?.succeeded()
    circuits.admit('elsewhere', 'a')?.succeeded()
    await settled()
    expect(circuits.states().map(({ provider, model }) => `${provider}/${model}`)).toEqual([
      'double/*',
      'double/a',
      'double/b',
      'elsewhere/a',
    ])
    circuits.admit('double', 'e')?.failed(overload)
    await settled()
    expect(circuits.refusal('double', 'f')?.message).toBe('its circuit is open: 1 of 1 calls failed')
    expect(circuits.refusal('double', 'a')).toBeUndefined()
  })

  test('measure waits on the clock that never goes back', async () => {
    const clock = createHandClock()
    const { circuits, open, state } = createRig({ clock })
    await open()
    clock.pass(12_000)
    expect(circuits.refusal('double', 'm')?.retryAfterMs).toBe(18_000)
    expect(state().sinceMs).toBe(Date.parse('2026-11-22T17:00:00Z'))
  })

  test('leave no timer behind when they are closed', async () => {
    holdTime()
    const { circuits, open } = createRig()
    await open()
    circuits.set('double', 'held', 'open', { reason: '', holdMs: 1_000 })
    expect(vi.getTimerCount()).toBe(2)
    circuits.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})
