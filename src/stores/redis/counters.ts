// Counters in Redis, and this process's share of each: enough to go on while Redis is out, and to count again what it lost.
// When it is in doubt whether something was counted, the counter is too high rather than too low until it expires.
import type { Clock } from '../../core/clock.ts'
import type { Holder, Reservation, Reserved, Settling, Shared } from '../../core/shared.ts'
import { createLeasedCounter } from '../leased-counter.ts'
import { type Behind, createBehind, type OwnCounter } from './counters-behind.ts'
import type { Line, Run } from './line.ts'
import { createRemembered } from './remembered.ts'
import { counterKey } from './scripts.ts'
import { millis } from './values.ts'

/** What `createCounters` needs. */
export interface CountersDeps {
  readonly line: Pick<Line, 'run' | 'repair'>
  readonly clock: Clock
}

/** Counters in Redis. */
export interface Counters extends Pick<Shared, 'reserve' | 'settle' | 'renew' | 'adjust'>, Behind {
  /** Redis has lost everything: each process is to bring its share. */
  lost(): void
  close(): void
}

/** Counters with a share of this process, at most. */
export const SHARES_MAX = 100_000

/** Makes the counters. */
export function createCounters({ line, clock }: CountersDeps): Counters {
  const nowMs = (): number => clock.monotonic()
  const own = createRemembered<OwnCounter>(nowMs, SHARES_MAX)
  const behind = createBehind({ own, nowMs, repair: line.repair })

  function ownOf(counter: string, ttlMs: number): OwnCounter {
    const before = own.get(counter)
    if (before !== undefined) return before
    const made = { share: createLeasedCounter(), others: 0, expiresAtMs: nowMs() + ttlMs }
    own.set(counter, made)
    return made
  }

  /** Takes an amount as ours. Says whose it is: a holder's, or for good. */
  function take(one: OwnCounter, { amount, isForGood }: Reservation, holder: Holder | undefined): boolean {
    if (holder === undefined || isForGood) {
      one.share.take(amount)
      return false
    }
    const untilMs = nowMs() + holder.ttlMs
    one.share.hold(holder.id, amount, untilMs)
    one.expiresAtMs = Math.max(one.expiresAtMs, untilMs)
    return true
  }

  function counted(
    reservations: readonly Reservation[],
    holder: Holder | undefined,
    rest: readonly number[],
  ): Reserved {
    const used = reservations.map((reservation, index) => {
      const [content = 0, all = 0, leftMs = 0] = rest.slice(index * 3)
      // Redis says -2 of a counter that is not there, because nothing was ever taken.
      if (leftMs <= 0) return all
      const one = ownOf(reservation.counter, leftMs)
      one.expiresAtMs = nowMs() + leftMs
      if (reservation.amount > 0) take(one, reservation, holder)
      one.others = Math.max(0, content - one.share.used(nowMs()))
      return all
    })
    return { ok: true, used }
  }

  function hasLease(counter: string, holder: string): boolean {
    return own.get(counter)?.share.lease(holder) !== undefined
  }

  function usedHere(counter: string): number {
    const one = own.get(counter)
    return one === undefined ? 0 : one.others + one.share.used(nowMs())
  }

  /** Counts in this process alone, each reservation by its own policy. */
  function reserveHere(reservations: readonly Reservation[], holder: Holder | undefined): Reserved {
    const taken = new Map<string, number>()
    for (const [index, { counter, beside = [], amount, max, outage }] of reservations.entries()) {
      const names = [counter, ...beside]
      const used = names.reduce((sum, name) => sum + usedHere(name), 0)
      if (outage === 'deny') return { ok: false, index, counter, used, isOutage: true }
      const before = names.reduce((sum, name) => sum + (taken.get(name) ?? 0), 0)
      if (outage !== 'allow' && amount > max - used - before) return { ok: false, index, counter, used }
      taken.set(counter, (taken.get(counter) ?? 0) + amount)
    }
    for (const reservation of reservations) {
      const { counter, amount, ttlMs } = reservation
      if (amount === 0) continue
      const one = ownOf(counter, ttlMs)
      if (take(one, reservation, holder) && holder !== undefined) behind.held(counter, holder.id)
      else behind.owe(counter, amount)
    }
    const used = reservations.map(({ counter, beside = [] }) =>
      beside.reduce((sum, name) => sum + usedHere(name), usedHere(counter)),
    )
    return { ok: true, used }
  }

  async function settle(holder: string, settlings: readonly Settling[]): Promise<void> {
    if (settlings.length === 0) return
    const marks = settlings.map(({ counter, amount }) => {
      const one = own.get(counter)
      const lease = one?.share.giveBack(holder)
      one?.share.take(amount)
      const isKnown = lease !== undefined && !behind.forget(counter, holder)
      return { counter, amount, isKnown, leaseUntilMs: lease?.untilMs ?? 0 }
    })
    const keys = marks.map(({ counter }) => counterKey(counter))
    const args = marks.flatMap(({ amount }) => [amount, 0])
    const ran = await line.run('settle', keys, [holder, 0, ...args])
    if (typeof ran !== 'string') return
    for (const mark of marks) behind.unsettled({ ...mark, holder, isDoubt: ran === 'doubt' })
  }

  return {
    async reserve(reservations, holder) {
      if (reservations.length === 0) return { ok: true, used: [] }
      const keys = reservations.flatMap(({ counter, beside = [] }) => [counter, ...beside].map(counterKey))
      const args = reservations.flatMap(({ amount, max, ttlMs, isForGood, beside = [] }) => [
        ...[amount, max, millis(ttlMs), isForGood ? 1 : 0, beside.length],
      ])
      const who = [holder?.id ?? '', holder === undefined ? 0 : millis(holder.ttlMs)]
      const isNew = holder !== undefined && reservations.every(one => !hasLease(one.counter, holder.id))
      let ran = await line.run('reserve', keys, [...who, 0, ...args])
      // Nobody knows whether it was done: who is new can be asked for once more, and is counted once.
      const isDoubt = ran === 'doubt'
      if (isDoubt && isNew) ran = await line.run('reserve', keys, [...who, 1, ...args])
      const answer = typeof ran === 'string' ? undefined : numbersOf(ran.value)
      if (answer === undefined) {
        const here = reserveHere(reservations, holder)
        // Redis may have taken it all the same.
        if (!here.ok && holder !== undefined && isDoubt)
          for (const { counter } of reservations)
            behind.unsettled({
              counter,
              holder: holder.id,
              amount: 0,
              isDoubt: true,
              isKnown: true,
              leaseUntilMs: 0,
            })
        return here
      }
      const [isDone, ...rest] = answer
      if (isDone === 1) return counted(reservations, holder, rest)
      const [place = 1, used = 0] = rest
      return { ok: false, index: place - 1, counter: reservations[place - 1]?.counter ?? '', used }
    },
    settle,
    async renew(holders, ttlMs) {
      const untilMs = nowMs() + ttlMs
      const all = holders.flatMap(({ id, counters }) =>
        counters.flatMap(counter => {
          const one = own.get(counter)
          if (one === undefined || !one.share.renew(id, untilMs)) return []
          one.expiresAtMs = Math.max(one.expiresAtMs, untilMs)
          const amount = one.share.lease(id)?.amount ?? 0
          return [{ counter, id, amount, leftMs: millis(one.expiresAtMs - nowMs()) }]
        }),
      )
      if (all.length === 0) return
      const keys = all.map(({ counter }) => counterKey(counter))
      const args = all.flatMap(({ id, amount, leftMs }) => [id, amount, leftMs])
      const ran = await line.run('hold', keys, [millis(ttlMs), ...args])
      if (typeof ran === 'string') for (const { counter, id } of all) behind.held(counter, id)
    },
    async adjust(counter, amount) {
      const one = own.get(counter)
      one?.share.take(amount)
      const ran = await line.run('adjust', [counterKey(counter)], [amount, 0])
      if (typeof ran !== 'string' || one === undefined || (ran === 'doubt' && amount < 0)) return
      behind.owe(counter, amount)
    },
    lost: behind.lost,
    restore: (run: Run) => behind.restore(run),
    isBehind: behind.isBehind,
    close() {
      own.clear()
      behind.clear()
    },
  }
}

function numbersOf(answer: unknown): readonly number[] | undefined {
  return Array.isArray(answer) ? answer.map(Number) : undefined
}
