// Counters in Redis, and this process's share of each: enough to go on while Redis is out, and to count again what it lost.
// When it is in doubt whether something was counted, the counter is too high rather than too low until it expires.
import type { Clock } from '../../core/clock.ts'
import type { Reservation, Reserved, Shared } from '../../core/shared.ts'
import type { Line, Run } from './line.ts'
import { createRemembered } from './remembered.ts'
import { counterKey } from './scripts.ts'
import { millis } from './values.ts'

/** What `createCounters` needs. */
export interface CountersDeps {
  readonly line: Pick<Line, 'run' | 'repair'>
  readonly local: Shared
  readonly clock: Clock
}

/** Counters in Redis. */
export interface Counters extends Pick<Shared, 'reserve' | 'adjust'> {
  /** Redis has lost everything: each process is to bring its share. */
  lost(): void
  /** Brings what is not counted in Redis. Says whether it could. */
  restore(run: Run): Promise<boolean>
  isBehind(): boolean
  close(): void
}

/** An amount, and the end of its counter on the monotonic clock. */
interface Amount {
  readonly amount: number
  readonly expiresAtMs: number
}

/** Counters with a share of this process, at most. */
const SHARES_MAX = 100_000
const CHUNK = 200

/** Makes the counters. */
export function createCounters({ line, local, clock }: CountersDeps): Counters {
  const nowMs = (): number => clock.monotonic()
  // What this process took and did not give back.
  const shares = createRemembered<Amount>(nowMs, SHARES_MAX)
  // What Redis has not heard of.
  const owed = new Map<string, Amount>()

  function share(counter: string, amount: number, leftMs: number): void {
    const before = shares.get(counter)?.amount ?? 0
    shares.set(counter, { amount: before + amount, expiresAtMs: nowMs() + leftMs })
  }

  function owe(counter: string, amount: number, leftMs: number): void {
    const before = owed.get(counter)
    if (owed.size > SHARES_MAX)
      for (const [name, { expiresAtMs }] of owed) if (expiresAtMs <= nowMs()) owed.delete(name)
    owed.set(counter, {
      amount: (before?.amount ?? 0) + amount,
      expiresAtMs: before?.expiresAtMs ?? nowMs() + leftMs,
    })
    line.repair()
  }

  /** Makes the counter here hold what the one in Redis does. */
  async function learn(counter: string, used: number, leftMs: number): Promise<void> {
    // What never fits changes nothing, and says how much there is.
    const here = await local.reserve([{ counter, amount: 1, max: 0, ttlMs: leftMs }])
    const before = here.ok ? 0 : here.used
    if (before > 0) await local.adjust(counter, used - before)
    else await local.reserve([{ counter, amount: used, max: Number.MAX_SAFE_INTEGER, ttlMs: leftMs }])
  }

  async function reserveHere(reservations: readonly Reservation[]): Promise<Reserved> {
    const answer = await local.reserve(reservations)
    if (!answer.ok) return answer
    for (const { counter, amount, ttlMs } of reservations) {
      if (amount === 0) continue
      const expiresAtMs = shares.get(counter)?.expiresAtMs
      const leftMs = expiresAtMs === undefined ? ttlMs : expiresAtMs - nowMs()
      share(counter, amount, leftMs)
      owe(counter, amount, leftMs)
    }
    return answer
  }

  async function bringOne(run: Run, counter: string, one: Amount): Promise<boolean> {
    owed.delete(counter)
    const leftMs = one.expiresAtMs - nowMs()
    if (leftMs <= 0) return true
    const ran = await run('adjust', [counterKey(counter)], [one.amount, millis(leftMs)])
    if (typeof ran !== 'string') return true
    // In doubt a larger amount is counted again, and one that was given back is not.
    if (ran === 'out' || one.amount > 0) owe(counter, one.amount, leftMs)
    return false
  }

  return {
    async reserve(reservations) {
      if (reservations.length === 0) return { ok: true }
      const keys = reservations.map(({ counter }) => counterKey(counter))
      const args = reservations.flatMap(({ amount, max, ttlMs }) => [amount, max, millis(ttlMs)])
      const ran = await line.run('reserve', keys, args)
      const answer = typeof ran === 'string' ? undefined : numbersOf(ran.value)
      if (answer === undefined) return reserveHere(reservations)
      const [isDone, ...rest] = answer
      if (isDone !== 1) {
        const [place = 1, used = 0] = rest
        return { ok: false, counter: reservations[place - 1]?.counter ?? '', used }
      }
      for (const [index, { counter, amount }] of reservations.entries()) {
        const [used = 0, leftMs = 0] = rest.slice(index * 2)
        // Redis says -2 of a counter that is not there, because nothing was ever taken.
        if (leftMs <= 0) continue
        share(counter, amount, leftMs)
        await learn(counter, used, leftMs)
      }
      return { ok: true }
    },
    async adjust(counter, amount) {
      void local.adjust(counter, amount)
      const before = shares.get(counter)
      if (before !== undefined) shares.set(counter, { ...before, amount: before.amount + amount })
      const ran = await line.run('adjust', [counterKey(counter)], [amount, 0])
      if (typeof ran !== 'string' || before === undefined || (ran === 'doubt' && amount < 0)) return
      owe(counter, amount, before.expiresAtMs - nowMs())
    },
    lost() {
      for (const counter of shares.names()) {
        const one = shares.get(counter)
        // What is owed is part of the share.
        if (one !== undefined) owed.set(counter, one)
      }
    },
    async restore(run) {
      while (owed.size > 0) {
        const chunk = [...owed.entries().take(CHUNK)]
        const brought = await Promise.all(chunk.map(([counter, one]) => bringOne(run, counter, one)))
        if (brought.includes(false)) return false
      }
      return true
    },
    isBehind: () => owed.size > 0,
    close() {
      shares.clear()
      owed.clear()
    },
  }
}

function numbersOf(answer: unknown): readonly number[] | undefined {
  return Array.isArray(answer) ? answer.map(Number) : undefined
}
