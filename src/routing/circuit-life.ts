// The life of one circuit: it lets calls pass or not, drops what came too late, and has a judge decide over its outcomes.
import type { Clock } from '../core/clock.ts'
import type { CircuitStateName, EventSink } from '../core/gateway-event.ts'
import { createPermit, type Permit } from './circuit-permit.ts'

/** How a circuit is now. */
export interface CircuitState {
  readonly provider: string
  /** The exact id of the model, or `*` for all that have no circuit of their own. */
  readonly model: string
  readonly state: CircuitStateName
  /** When it came into its state, in milliseconds since 1970. */
  readonly sinceMs: number
  /** Why it is in its state, one sentence such as `12 of 20 calls failed`. Empty when nothing ever happened. */
  readonly reason: string
  /** The share of outcomes in the window that are failures, 0 to 1; 0 when it is empty. Each change of state empties it. */
  readonly failureRatio: number
  /** How many outcomes the window holds. */
  readonly callCount: number
  /** When it lets its next probe through, in milliseconds since 1970. Absent unless open by itself. */
  readonly probeAtMs?: number
  /** Whether an operator holds it open. */
  readonly held: boolean
}

/** When a circuit opens, and how it closes again. */
export interface CircuitNumbers {
  /** How many outcomes are looked at. */
  readonly window: number
  /** With fewer outcomes than this it never opens. */
  readonly callsMin: number
  /** The share of failures that opens it, above 0 to 100. */
  readonly failurePercent: number
  /** How long it stays open before a probe, in milliseconds. */
  readonly openMs: number
  /** How long a probe may run without a word before another call takes its place, in milliseconds. */
  readonly probeMaxMs: number
}

/** What an operator can do; `open` holds, `close` lets the next call decide, `reset` forgets everything. */
export type CircuitAction = 'open' | 'close' | 'reset'

/** Who decides over outcomes. Its methods are called one after another and never fail. */
export interface Judge {
  /** Takes an outcome, and says in which state that leaves the circuit. */
  outcome(isGood: boolean): Promise<CircuitStateName>
  /** Puts it into a state with an empty window. */
  become(state: CircuitStateName): Promise<void>
}

/** One outcome's claim to be heard: it is void once the circuit's generation is another one. */
export interface Ticket {
  generation: number
}

/** The generation in which every circuit begins: that of calls which began before there was one. */
export const FIRST_GENERATION = 0

/** The circuit of one model. */
export interface Circuit {
  /** Leave to ask now; undefined when it is open, or half-open with its probe running. */
  admit(): Permit | undefined
  /** Why `admit` would refuse, and after how many milliseconds to ask again; undefined when it would not. */
  refusal(): { readonly message: string; readonly retryAfterMs: number } | undefined
  /** Takes an outcome; it is dropped if the circuit changed since its call began. */
  outcome(ticket: Ticket, isGood: boolean): void
  set(action: CircuitAction, by: { readonly reason: string; readonly holdMs?: number }): void
  state(): CircuitState
  /** Ends its timers. */
  close(): void
}

/** What a circuit is made of. */
export interface CircuitDeps {
  readonly provider: string
  readonly model: string
  readonly judge: Judge
  readonly numbers: CircuitNumbers
  readonly clock: Clock
  readonly onChange: EventSink
}

interface Change {
  readonly to: CircuitStateName
  readonly why: string
  /** Whether an operator holds it. */
  readonly held?: boolean
  /** What follows by itself, and after how many milliseconds. */
  readonly next?: { readonly afterMs: number; readonly then: () => void }
}

// How long a running probe may still take is unknown: this only keeps refused callers from asking at once.
const PROBE_RETRY_MS = 1_000

/** The longest that a timer of Node takes, in milliseconds (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args). */
export const TIMER_MS_MAX = 2 ** 31 - 1

/** Makes a closed circuit. */
export function createCircuit({ provider, model, judge, numbers, clock, onChange }: CircuitDeps): Circuit {
  let state: CircuitStateName = 'closed'
  let sinceMs = clock.now()
  let reason = ''
  let held = false
  let generation = FIRST_GENERATION
  let probe: { readonly ticket: Ticket; atMs: number } | undefined
  let failures: boolean[] = []
  let nextAtMs: number | undefined
  let timer: NodeJS.Timeout | undefined
  // The judge is asked one thing after another: it mixes up what is asked of it at the same time.
  let judged: Promise<void> = Promise.resolve()
  let unheard = 0

  function become({ to, why, held: isHeld = false, next }: Change): void {
    const from = state
    generation += 1
    probe = undefined
    failures = []
    held = isHeld
    reason = why
    clearTimeout(timer)
    nextAtMs = next === undefined ? undefined : clock.monotonic() + next.afterMs
    if (next !== undefined) wait(next.afterMs, next.then)
    if (to === from) return
    state = to
    sinceMs = clock.now()
    onChange({ type: 'circuit.changed', provider, model, from, to, reason: why })
  }

  function wait(ms: number, then: () => void): void {
    const onTime = (): void => (ms > TIMER_MS_MAX ? wait(ms - TIMER_MS_MAX, then) : then())
    timer = setTimeout(onTime, Math.min(ms, TIMER_MS_MAX))
    // That a provider is out must not keep a process alive.
    timer.unref()
  }

  /** Changes by a word from outside, which the judge hears as soon as it has done with what it was asked before. */
  function change(how: Change): void {
    become(how)
    judged = judged.then(() => judge.become(how.to))
  }

  function openFor(why: string): void {
    const { openMs } = numbers
    const then = (): void => change({ to: 'half_open', why: `it was open for ${openMs / 1000} s` })
    become({ to: 'open', why, next: { afterMs: openMs, then } })
  }

  async function judgeOutcome(ticket: Ticket, isGood: boolean): Promise<void> {
    if (ticket.generation !== generation) return
    failures.push(!isGood)
    if (failures.length > numbers.window) failures.shift()
    const why = reasonOf(isGood)
    const verdict = await judge.outcome(isGood)
    // Somebody changed the circuit meanwhile: the judge is told of that next.
    if (ticket.generation !== generation) return
    settle(ticket)
    if (verdict === state) return
    if (verdict === 'open') openFor(why)
    else become({ to: verdict, why })
    // The answer that closed the circuit can still break, and then counts like any other.
    if (isGood) ticket.generation = generation
  }

  function reasonOf(isGood: boolean): string {
    if (state === 'half_open') return `the probe ${isGood ? 'succeeded' : 'failed'}`
    return `${failures.filter(Boolean).length} of ${failures.length} calls failed`
  }

  function settle(ticket: Ticket): void {
    if (probe?.ticket === ticket) probe = undefined
  }

  /** A probe that never says a word must not keep everybody out for ever. */
  function isProbing(): boolean {
    return probe !== undefined && clock.monotonic() - probe.atMs < numbers.probeMaxMs
  }

  function isAllGood(): boolean {
    return state === 'closed' && failures.length === numbers.window && !failures.includes(true)
  }

  function outcome(ticket: Ticket, isGood: boolean): void {
    if (probe?.ticket === ticket) probe.atMs = clock.monotonic()
    // One more good one in a window of good ones leaves it as it is: the usual case costs nothing.
    if (isGood && unheard === 0 && isAllGood() && ticket.generation === generation) return
    unheard += 1
    judged = judged
      .then(() => judgeOutcome(ticket, isGood))
      .then(() => {
        unheard -= 1
      })
  }

  return {
    admit() {
      if (state === 'open' || (state === 'half_open' && isProbing())) return undefined
      // One probe is one generation, so that a probe which was given up cannot speak for the one after it.
      if (state === 'half_open') generation += 1
      const ticket: Ticket = { generation }
      if (state === 'half_open') probe = { ticket, atMs: clock.monotonic() }
      return createPermit({ outcome: isGood => outcome(ticket, isGood), over: () => settle(ticket) })
    },
    refusal() {
      if (state === 'closed' || (state === 'half_open' && !isProbing())) return undefined
      if (state === 'half_open')
        return { message: 'its circuit is half-open and its probe runs', retryAfterMs: PROBE_RETRY_MS }
      const retryAfterMs = Math.max(0, (nextAtMs ?? clock.monotonic() + numbers.openMs) - clock.monotonic())
      // What an operator wrote is for operators.
      const message = held ? 'an operator holds its circuit open' : `its circuit is open: ${reason}`
      return { message, retryAfterMs }
    },
    outcome,
    set(action, by) {
      const why = by.reason === '' ? 'set by an operator' : `set by an operator: ${by.reason}`
      switch (action) {
        case 'open': {
          const then = (): void => change({ to: 'closed', why: 'the time that an operator set is over' })
          const next = by.holdMs === undefined ? {} : { next: { afterMs: by.holdMs, then } }
          return change({ to: 'open', why, held: true, ...next })
        }
        case 'close':
          return state === 'open' ? change({ to: 'half_open', why }) : undefined
        case 'reset':
          return change({ to: 'closed', why })
        default:
          return action satisfies never
      }
    },
    state() {
      const failed = failures.filter(Boolean).length
      const isWaiting = state === 'open' && !held && nextAtMs !== undefined
      return {
        provider,
        model,
        state,
        sinceMs,
        reason,
        failureRatio: failed === 0 ? 0 : failed / failures.length,
        callCount: failures.length,
        ...(isWaiting ? { probeAtMs: sinceMs + numbers.openMs } : {}),
        held,
      }
    },
    close: () => clearTimeout(timer),
  }
}
