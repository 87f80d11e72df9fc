// The known defects of mollitia 0.1.1, e to l: each as it shows there, so that an upgrade is noticed, and as it cannot bite here.
import * as mollitia from 'mollitia'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import { createEvents } from '../../../src/telemetry/events.ts'
import { createRig, holdTime, overload, settled } from './circuit-rig.ts'
import { bad, good, rawCircuit } from './mollitia-rig.ts'

const { BreakerState, Circuit, SlidingCountBreaker } = mollitia

const silentLog = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }

describe('e: listeners', () => {
  test('mollitia never takes its first listener off, and one that throws fails the call', async () => {
    const { circuit, run } = rawCircuit()
    let heard = 0
    const listener = (): void => {
      heard += 1
      throw new Error('from a listener')
    }
    circuit.on('execute', listener)
    circuit.off('execute', listener)
    expect(await run(good)).toBe('from a listener')
    expect(heard).toBe(1)
  })

  test('cannot bite: changes are told by our own events, where the first listener goes and one that throws harms nobody', async () => {
    const events = createEvents({ log: silentLog })
    const heard: GatewayEvent[] = []
    const stop = events.subscribe(event => heard.push(event))
    events.subscribe(() => {
      throw new Error('from a listener')
    })
    const last: GatewayEvent[] = []
    events.subscribe(event => last.push(event))
    stop()
    const { open, state } = createRig({ onChange: events.emit })
    await open()
    expect([heard.length, last.length, state().state]).toEqual([0, 1, 'open'])
  })
})

describe('f: a call never settles', () => {
  test('mollitia leaves a call hanging when the callback of a fallback throws', async () => {
    const fallback = new mollitia.Fallback({
      callback: () => {
        throw new Error('from the callback')
      },
    })
    const circuit = new Circuit({ func: bad, options: { modules: [fallback] } })
    onTestFinished(() => circuit.dispose())
    const swallowed = vi.fn()
    process.once('unhandledRejection', swallowed)
    onTestFinished(() => void process.off('unhandledRejection', swallowed))
    const ended = vi.fn()
    circuit.execute().then(ended, ended)
    await settled()
    await settled()
    expect(ended).not.toHaveBeenCalled()
  })

  test('cannot bite: nothing waits for mollitia, a permit takes its word and returns at once', async () => {
    const { admit, state } = createRig()
    expect([admit().succeeded(), admit().failed(overload), admit().release()]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    await settled()
    expect(state().callCount).toBe(2)
  })
})

describe('g: numbers that do not mean what they say', () => {
  test('mollitia takes 100 percent for never', async () => {
    const { breaker, run } = rawCircuit({ failureRateThreshold: 100 })
    for (let call = 0; call < 20; call += 1) await run(bad)
    expect(breaker.state).toBe(BreakerState.CLOSED)
  })

  test('cannot bite: 100 percent means that all failed, and a window is counted in calls', async () => {
    const { succeed, fail, state } = createRig({ numbers: { failurePercent: 100 } })
    await succeed()
    await fail(19)
    expect(state()).toMatchObject({ state: 'closed', callCount: 20 })
    await fail()
    expect(state()).toMatchObject({ state: 'open', reason: '20 of 20 calls failed' })
  })
})

describe('h: what does not count helps to close', () => {
  test('mollitia closes on a failure that it was told to pass over', async () => {
    const { breaker, run } = rawCircuit({ onError: () => false })
    await breaker.halfOpen()
    await run(bad)
    expect(breaker.state).toBe(BreakerState.CLOSED)
  })

  test('cannot happen: a cancel, or a failure that is nobody’s, gives the permit back and says nothing', async () => {
    holdTime()
    const { circuits, halfOpen, admit, fail, state } = createRig()
    await halfOpen()
    admit().release()
    admit().failed(new GatewayError('CANCELLED', 'the caller left'))
    admit().failed(new GatewayError('CONTEXT_TOO_LONG', 'too long for the model'))
    await settled()
    expect(state()).toMatchObject({ state: 'half_open', callCount: 0 })
    expect(circuits.refusal('double', 'm')).toBeUndefined()
    await fail()
    expect(state().state).toBe('open')
  })
})

describe('i: what is made is kept for ever', () => {
  test('mollitia remembers every circuit and module, also those that were disposed of', () => {
    const before = [mollitia.circuits.length, mollitia.modules.length]
    const { circuit } = rawCircuit()
    circuit.dispose()
    expect([mollitia.circuits.length, mollitia.modules.length]).toEqual(before.map(count => count + 1))
  })

  test('cannot bite: one is made per name and never per call, and the number of names has an end', async () => {
    holdTime()
    const before = [mollitia.circuits.length, mollitia.modules.length]
    const { circuits, halfOpen, succeed } = createRig({ modelsMax: 8 })
    for (let round = 0; round < 5; round += 1) {
      await halfOpen()
      await succeed()
      await succeed(50)
      circuits.set('double', 'm', 'reset', { reason: '' })
    }
    expect(mollitia.circuits.length - (before[0] ?? 0)).toBe(1)
    for (let call = 0; call < 1_000; call += 1) circuits.admit('double', `made-up-${call}`)?.failed(overload)
    await settled()
    const made = [mollitia.circuits.length, mollitia.modules.length].map(
      (count, at) => count - (before[at] ?? 0),
    )
    expect(made).toEqual([9, 9])
  })
})

describe('j: no signal reaches inside', () => {
  test('mollitia lets work run on after its time-out', async () => {
    let ended = false
    const timeout = new mollitia.Timeout({ delay: 1 })
    const work = Promise.withResolvers<void>()
    const circuit = new Circuit({
      func: () =>
        work.promise.then(() => {
          ended = true
        }),
      options: { modules: [timeout] },
    })
    onTestFinished(() => circuit.dispose())
    await expect(circuit.execute()).rejects.toThrow('Timed out')
    work.resolve()
    await settled()
    expect(ended).toBe(true)
  })

  test('cannot bite: calls run outside, so however long one takes only its outcome counts', async () => {
    holdTime()
    const { admit, state } = createRig()
    const permits = Array.from({ length: 20 }, admit)
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(vi.getTimerCount()).toBe(0)
    for (const permit of permits) permit.succeeded()
    await settled()
    expect(state()).toMatchObject({ state: 'closed', callCount: 20, failureRatio: 0 })
  })
})

describe('k: events with wrong facts', () => {
  test('mollitia tells other parameters than the call had when a module is off', async () => {
    const off = new SlidingCountBreaker({ active: false })
    const on = new SlidingCountBreaker({})
    const circuit = new Circuit({ func: good, options: { modules: [on, off] } })
    onTestFinished(() => circuit.dispose())
    const told: unknown[][] = []
    on.on('execute', (_circuit: unknown, _promise: unknown, params: unknown[]) => void told.push(params))
    await circuit.execute('one', 'two')
    expect(told).not.toEqual([['one', 'two']])
  })

  test('cannot bite: an event carries our own facts', async () => {
    const { open, events } = createRig()
    await open()
    expect(events).toEqual([
      expect.objectContaining({ provider: 'double', model: 'm', reason: '10 of 10 calls failed' }),
    ])
  })
})

describe('l: a burst that runs is not limited by the opening', () => {
  test('mollitia runs all thousand calls of a burst whose first ones open it', async () => {
    const { breaker, run } = rawCircuit()
    let ran = 0
    const call = (): Promise<unknown> => {
      ran += 1
      return bad()
    }
    await Promise.all(Array.from({ length: 1_000 }, () => run(call)))
    expect([ran, breaker.state]).toEqual([1_000, BreakerState.OPENED])
  })

  test('cannot bite: after the opening nobody is admitted, the rest of the burst is dropped, and half-open admits one of a thousand', async () => {
    holdTime()
    const { circuits, admit, state, events } = createRig()
    const burst = Array.from({ length: 1_000 }, admit)
    for (const permit of burst.slice(0, 500)) permit.failed(overload)
    await settled()
    expect(circuits.admit('double', 'm')).toBeUndefined()
    await vi.advanceTimersByTimeAsync(30_000)
    const admitted = Array.from({ length: 1_000 }, () => circuits.admit('double', 'm')).filter(Boolean)
    expect(admitted).toHaveLength(1)
    for (const permit of burst.slice(500)) permit.failed(overload)
    await settled()
    expect(state()).toMatchObject({ state: 'half_open', callCount: 0 })
    expect(events).toHaveLength(2)
  })
})
