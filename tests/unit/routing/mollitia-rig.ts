// A circuit of mollitia as its manual shows it, for the tests that show what we keep away from our circuits.
import { Circuit, SlidingCountBreaker } from 'mollitia'
import { onTestFinished, vi } from 'vitest'

/** A circuit of mollitia as its manual shows it: the call runs inside. */
export function rawCircuit(options: ConstructorParameters<typeof SlidingCountBreaker>[0] = {}) {
  const breaker = new SlidingCountBreaker({
    slidingWindowSize: 10,
    minimumNumberOfCalls: 2,
    openStateDelay: 1_000,
    permittedNumberOfCallsInHalfOpenState: 1,
    ...options,
  })
  const circuit = new Circuit({
    func: (call: () => Promise<unknown>) => call(),
    options: { modules: [breaker] },
  })
  onTestFinished(() => circuit.dispose())
  const run = (call: () => Promise<unknown>): Promise<string> =>
    circuit.execute(call).then(
      () => 'good',
      (error: unknown) => (error instanceof Error ? error.message : 'bad'),
    )
  return { breaker, circuit, run }
}

/** A call that succeeds at once. */
export const good = (): Promise<unknown> => Promise.resolve()
/** A call that fails at once. */
export const bad = (): Promise<unknown> => Promise.reject(new Error('bad'))

/** Counts the timers that are made from now on until the test ends. */
export function watchTimers() {
  const made = vi.spyOn(globalThis, 'setTimeout')
  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  onTestFinished(() => {
    made.mockRestore()
    cleared.mockRestore()
  })
  return {
    made: () => made.mock.calls.length,
    /** How many of them still keep the process alive, if none has gone off. */
    alive: () => {
      const gone = new Set<unknown>(cleared.mock.calls.map(([timer]) => timer))
      return made.mock.results.filter(({ value }) => value.hasRef() && !gone.has(value)).length
    },
  }
}
