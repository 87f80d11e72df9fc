// The circuits, one per provider and model: mollitia judges their outcomes, and the calls themselves run elsewhere.
import { BreakerState, SlidingCountBreaker, Circuit as Switch } from 'mollitia'
import type { Clock } from '../core/clock.ts'
import type { CircuitStateName, EventSink } from '../core/gateway-event.ts'
import {
  type Circuit,
  type CircuitAction,
  type CircuitNumbers,
  type CircuitState,
  createCircuit,
  FIRST_GENERATION,
  type Judge,
  TIMER_MS_MAX,
} from './circuit-life.ts'
import { createPermit, type Permit } from './circuit-permit.ts'

/** Every circuit of the process, by name: they survive whatever changes in the configuration. */
export interface Circuits {
  /** Leave to ask a model now; undefined while its circuit is open, or half-open with the probe running. */
  admit(provider: string, model: string): Permit | undefined
  /** Why it would not be admitted now, and after how many milliseconds to ask again; undefined when it would. Takes nothing. */
  refusal(
    provider: string,
    model: string,
  ): { readonly message: string; readonly retryAfterMs: number } | undefined
  /** Those that exist, by provider and model. A model without one has never had an outcome, which is the same as closed. */
  states(): readonly CircuitState[]
  /**
   * Switches one: `open` holds it open, until `reset` or `close` or for `holdMs`, and then it is as if reset; `close` ends an
   * opening, and the next call is the probe; `reset` forgets the window and closes. Outcomes of calls that run are dropped.
   */
  set(
    provider: string,
    model: string,
    action: CircuitAction,
    by: { readonly reason: string; readonly holdMs?: number },
  ): CircuitState
  /** Ends all timers. */
  close(): void
}

/** What the circuits are made of. */
export interface CircuitsDeps {
  readonly clock: Clock
  /** Hears of each change of a state, at once. Must not throw. */
  readonly onChange: EventSink
  /** Default: CIRCUIT_NUMBERS. */
  readonly numbers?: Partial<CircuitNumbers>
  /** How many models of one provider have a circuit of their own. Default: 1,024. */
  readonly modelsMax?: number
}

/** The numbers of every circuit. A probe is over long before its limit: no call has a longer deadline than that. */
export const CIRCUIT_NUMBERS: CircuitNumbers = {
  window: 20,
  callsMin: 10,
  failurePercent: 50,
  openMs: 30_000,
  probeMaxMs: 600_000,
}

// Callers name the models of some providers, and what mollitia has made it keeps for ever.
const MODELS_MAX = 1_024

/** The model that stands for all which came after the last circuit of their provider was given away; they share one. */
export const OTHER_MODELS = '*'

interface OfProvider {
  readonly byModel: Map<string, Circuit>
  others?: Circuit
}

/** Makes the circuits of a process; none exists before an outcome or an operator asks for it. */
export function createCircuits({
  clock,
  onChange,
  numbers: own = {},
  modelsMax = MODELS_MAX,
}: CircuitsDeps): Circuits {
  const numbers = { ...CIRCUIT_NUMBERS, ...own }
  const providers = new Map<string, OfProvider>()

  function find(provider: string, model: string): Circuit | undefined {
    const known = providers.get(provider)
    if (known === undefined) return undefined
    return known.byModel.get(model) ?? (known.byModel.size < modelsMax ? undefined : known.others)
  }

  function of(provider: string, model: string): Circuit {
    const found = find(provider, model)
    if (found !== undefined) return found
    const known: OfProvider = providers.get(provider) ?? { byModel: new Map() }
    providers.set(provider, known)
    const name = known.byModel.size < modelsMax ? model : OTHER_MODELS
    const judge = createJudge(`${provider}/${name}`, numbers)
    const circuit = createCircuit({ provider, model: name, judge, numbers, clock, onChange })
    if (name === model) known.byModel.set(model, circuit)
    else known.others = circuit
    return circuit
  }

  function all(): readonly Circuit[] {
    return [...providers.values()].flatMap(({ byModel, others }) => [
      ...byModel.values(),
      ...(others === undefined ? [] : [others]),
    ])
  }

  return {
    admit(provider, model) {
      const circuit = find(provider, model)
      if (circuit !== undefined) return circuit.admit()
      // A name that never has an outcome, such as one that the provider does not know, takes nobody's place.
      const ticket = { generation: FIRST_GENERATION }
      return createPermit({
        outcome: isGood => of(provider, model).outcome(ticket, isGood),
        over: () => undefined,
      })
    },
    refusal: (provider, model) => find(provider, model)?.refusal(),
    states: () =>
      all()
        .map(circuit => circuit.state())
        .sort((a, b) => compared(a.provider, b.provider) || compared(a.model, b.model)),
    set(provider, model, action, by) {
      const circuit = of(provider, model)
      circuit.set(action, by)
      return circuit.state()
    },
    close() {
      for (const circuit of all()) circuit.close()
    },
  }
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const states: Record<BreakerState, CircuitStateName> = {
  [BreakerState.CLOSED]: 'closed',
  [BreakerState.OPENED]: 'open',
  [BreakerState.HALF_OPENED]: 'half_open',
}

// One of each for the whole process: an outcome must not cost a stack trace.
const failure = new Error('the call failed')
const noStore = new Error('the state is in this process only')

/**
 * A breaker of mollitia as a judge of outcomes that have happened: what it executes is over at once. Time is not its matter:
 * its timer would keep the process alive, and goes off after a close by hand, too.
 */
function createJudge(name: string, { window, callsMin, failurePercent }: CircuitNumbers): Judge {
  const breaker = new SlidingCountBreaker({
    name,
    slidingWindowSize: window,
    minimumNumberOfCalls: callsMin,
    // To mollitia 100 means never. No window but a wholly failed one comes so near to it.
    failureRateThreshold: Math.min(failurePercent, 99.999),
    permittedNumberOfCallsInHalfOpenState: 1,
    openStateDelay: TIMER_MS_MAX,
  })
  // A breaker reads its own state through this hook and writes it back later, over what happened meanwhile. It keeps what
  // it has when there is no store.
  breaker.getState = () => Promise.reject(noStore)
  const outcomes = new Switch({
    name,
    func: (isGood: boolean) => (isGood ? Promise.resolve() : Promise.reject(failure)),
    options: { modules: [breaker] },
  })
  const stopTimer = (): void => breaker.dispose()
  return {
    async outcome(isGood) {
      // A failure comes back as the failure that went in; what it means stands in the state.
      await outcomes.execute(isGood).catch(() => undefined)
      stopTimer()
      return states[breaker.state]
    },
    async become(state) {
      if (state === 'open') await breaker.open()
      else if (state === 'half_open') await breaker.halfOpen()
      else await breaker.close()
      stopTimer()
      // Closing what is closed leaves its window.
      if (state === 'closed') await breaker.clearState()
    },
  }
}
