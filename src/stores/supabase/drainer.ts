// Empties the outbox into the project for as long as the service runs: nothing is lost, nothing blocks, trouble slows it down.
import { setTimeout as sleep } from 'node:timers/promises'
import type { OutboxEntry } from '../../core/outbox.ts'
import { type CarrierDeps, carryAll, createCarrier } from './carrier.ts'
import type { Unavailable } from './delivery.ts'
import { backoffMs, DRAINER_LIMITS, type DrainerLimits } from './drainer-events.ts'
import { createSlowLane } from './slow-lane.ts'
import { planWindow } from './window.ts'

/** What a drainer is made from; the signal ends it, and what is then on its way is aborted and sent again another time. */
export interface DrainerDeps extends CarrierDeps {
  readonly limits?: Partial<DrainerLimits>
  /** From 0 to 1, for the back-off. */
  readonly random?: () => number
  /** Waits so many milliseconds, or rejects when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A running drainer. */
export interface Drainer {
  /** Says that something waits now: it ends a sleep, never a back-off. */
  wake(): void
  /** Resolves with true when nothing waits any more; with false when the signal aborts before, or the drainer has ended. */
  empty(signal: AbortSignal): Promise<boolean>
  /** Resolves when it has ended and nothing is on its way. Never rejects. */
  readonly done: Promise<void>
}

/** Slow entries that are read over at most to find others behind them. */
const SLOW_AHEAD_MAX = 10_000

type Round = 'nothing' | 'sent' | 'only_slow' | Unavailable

/** Starts a drainer. There must be one only for an outbox. */
export function createDrainer(deps: DrainerDeps): Drainer {
  const { source, sink, clock, signal, events = {}, random = Math.random } = deps
  const limits = { ...DRAINER_LIMITS, ...deps.limits }
  const wait = deps.wait ?? ((ms, until) => sleep(ms, undefined, { signal: until, ref: false }))
  const waiters = new Set<() => void>()
  let nap = new AbortController()
  let failures = 0
  let slowFailures = 0
  let slowAhead = 0

  const carry = createCarrier(deps)
  const slowLane = createSlowLane({
    carry,
    clock,
    parallel: limits.slowParallel,
    onTrouble(trouble) {
      const waitMs = backoffMs(trouble, slowFailures, random(), limits)
      slowFailures += 1
      if (!signal.aborted) events.troubled?.(trouble, waitMs)
      return waitMs
    },
    onThrough() {
      slowFailures = 0
      nap.abort()
    },
  })

  async function read(): Promise<readonly OutboxEntry[]> {
    const entries = await source.peek(
      limits.rowsMax * limits.parallel + slowAhead,
      limits.bytesMax * limits.parallel,
    )
    const slow = entries.filter(({ table }) => sink.slow.includes(table))
    slowAhead = Math.min(slow.length, SLOW_AHEAD_MAX)
    slowLane.offer(slow)
    return entries
  }

  async function round(): Promise<Round> {
    try {
      const entries = await read()
      if (entries.length === 0) return 'nothing'
      const phases = planWindow(entries, sink.fast, limits)
      if (phases.length === 0) return 'only_slow'
      for (const phase of phases) {
        const trouble = await carryAll(carry, phase, limits.parallel)
        if (trouble !== undefined) return trouble
      }
      return 'sent'
    } catch (error) {
      // The outbox failed, or everything ends.
      return { type: 'unavailable', because: 'trouble', code: 'outbox', message: String(error) }
    }
  }

  async function pause(ms: number, until: AbortSignal): Promise<void> {
    try {
      await wait(ms, until)
    } catch {
      // Woken, or ended: the loop sees which.
    }
  }

  async function step(): Promise<void> {
    // Who asks within the round may have written what it no longer sees.
    const asked = [...waiters]
    const outcome = await round()
    await tellBacklog()
    if (signal.aborted || outcome === 'sent') {
      recover()
    } else if (outcome === 'nothing' || outcome === 'only_slow') {
      recover()
      if (outcome === 'nothing') for (const resolve of asked) resolve()
      await pause(limits.pollMs, AbortSignal.any([signal, nap.signal]))
      if (nap.signal.aborted) nap = new AbortController()
    } else {
      const waitMs = backoffMs(outcome, failures, random(), limits)
      failures += 1
      events.troubled?.(outcome, waitMs)
      await pause(waitMs, signal)
    }
  }

  function recover(): void {
    if (failures > 0 && !signal.aborted) events.recovered?.()
    failures = 0
  }

  async function tellBacklog(): Promise<void> {
    if (events.backlog === undefined || signal.aborted) return
    try {
      events.backlog(await source.size())
    } catch {
      // The next round meets the same trouble and tells of it.
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) await step()
    await slowLane.idle()
  }

  return {
    wake: () => nap.abort(),
    empty(until) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const ends = AbortSignal.any([until, signal])
      const yes = (): void => resolve(true)
      const no = (): void => resolve(false)
      waiters.add(yes)
      ends.addEventListener('abort', no, { once: true })
      if (ends.aborted) no()
      nap.abort()
      return promise.finally(() => {
        waiters.delete(yes)
        ends.removeEventListener('abort', no)
      })
    },
    done: run(),
  }
}
