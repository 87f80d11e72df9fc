// Circuits on a clock that a test moves, and words for what happens to their calls.
import { onTestFinished, vi } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import { type CircuitsDeps, createCircuits } from '../../../src/routing/circuit.ts'
import type { CircuitState } from '../../../src/routing/circuit-life.ts'
import type { Permit } from '../../../src/routing/circuit-permit.ts'

/** The failure of an overloaded provider. */
export const overload = new GatewayError('UPSTREAM_UNAVAILABLE', 'double is overloaded', {
  against: 'provider',
})

/** An answer that broke off. */
export const broken = new GatewayError('UPSTREAM_BROKEN', 'double broke off its answer')

/** Lets everything happen that waits for nothing but its turn. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** Takes the time into the test's hands until it ends; what waits only for its turn still gets it. */
export function holdTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
}

/** The circuits of a test, seen through one model of one provider. */
export function createRig(options: Partial<CircuitsDeps> = {}) {
  const events: GatewayEvent[] = []
  const circuits = createCircuits({
    clock: systemClock,
    onChange: event => void events.push(event),
    ...options,
  })
  onTestFinished(circuits.close)

  function admit(): Permit {
    const permit = circuits.admit('double', 'm')
    if (permit === undefined) throw new Error('a call was refused that should have been admitted')
    return permit
  }

  async function fail(times = 1): Promise<void> {
    for (let done = 0; done < times; done += 1) admit().failed(overload)
    await settled()
  }

  async function succeed(times = 1): Promise<void> {
    for (let done = 0; done < times; done += 1) admit().succeeded()
    await settled()
  }

  function state(): Partial<CircuitState> {
    const { failureRatio, callCount, ...rest } = circuits.states().find(one => one.model === 'm') ?? {
      failureRatio: 0,
      callCount: 0,
    }
    return { failureRatio, callCount, ...rest }
  }

  return {
    circuits,
    events,
    admit,
    fail,
    succeed,
    state,
    isRefused: () => circuits.refusal('double', 'm') !== undefined,
    /** Opens it by failures, as many as it takes without any success. */
    open: () => fail(10),
    /** Waits until it lets a probe through. */
    async halfOpen(): Promise<void> {
      await fail(10)
      await vi.advanceTimersByTimeAsync(30_000)
      await settled()
    },
  }
}
