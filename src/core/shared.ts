// The port for state that a second process would need: values that expire, logs that can be followed, counters, messages.
import type { OutagePolicy } from './limits.ts'

/** An amount to be taken from a counter, and the most that the counter may hold afterwards. */
export interface Reservation {
  /** Name of the counter, such as `spend:default:2026-11`. */
  readonly counter: string
  /** Counters whose contents count towards `max` as well, such as those of the time before. Default: none. */
  readonly beside?: readonly string[] | undefined
  /** A whole number from 0 to 2^53 - 1. */
  readonly amount: number
  /** A whole number from 0 to 2^53 - 1. */
  readonly max: number
  /**
   * How long the counter is kept from its first amount on, in milliseconds, above 0; longer while a holder that is alive has
   * something of it.
   */
  readonly ttlMs: number
  /** Taken for good, also where the rest of the question is held: what has happened has happened, whoever dies. */
  readonly isForGood?: true | undefined
  /** What happens where processes count together and cannot now: it fits, it is counted here alone, or it does not fit. Default `share`. */
  readonly outage?: OutagePolicy | undefined
}

/**
 * Whose the amounts of a reservation are until it is settled. A holder that is not heard of for `ttlMs` has died: what it
 * held is given back by itself.
 */
export interface Holder {
  /** Made by whoever reserves, unique. */
  readonly id: string
  /** In milliseconds, above 0. */
  readonly ttlMs: number
}

/** What became of reservations: all of them, or none and the first one that does not fit. */
export type Reserved =
  | {
      readonly ok: true
      /** What each counter holds now, those beside it included, in the order of the reservations. */
      readonly used: readonly number[]
    }
  | {
      readonly ok: false
      /** Place of the reservation in the question. */
      readonly index: number
      readonly counter: string
      /** What it holds now, those beside it included. */
      readonly used: number
      /** Refused because processes cannot count together now, and its policy is `deny`. */
      readonly isOutage?: true
    }

/** The true amount of a counter that a holder had reserved. */
export interface Settling {
  readonly counter: string
  /** What was really taken, instead of what was reserved: a whole number from 0 to 2^53 - 1. It may be more. */
  readonly amount: number
}

/** A piece of a log. */
export interface LogPage {
  /** Entries in order, the first one with the number `first`. */
  readonly entries: readonly Uint8Array[]
  /**
   * Number of the first entry, from 1; when there are none, of the next one to come. It is more than one above the number
   * that was asked after when the entries between are not kept any more.
   */
  readonly first: number
}

/**
 * State that all processes of one service see. Everything in it expires. Names are made by whoever uses them and begin
 * with a word for their purpose and the tenant, such as `recording:default:…`; values, logs and counters do not share
 * names. Bytes that were handed over or given out are not changed by either side. In this process an effect is there for
 * the next call as soon as the method has been called; the promise says that the others see it, too. Rejects with
 * UNAVAILABLE-like faults only where an adapter says so; the one in the process never does, but it is bounded: what does
 * not fit pushes out what would expire first, and counters only when nothing else is left.
 */
export interface Shared {
  /** The value, or undefined when there is none or it has expired. */
  get(name: string): Promise<Uint8Array | undefined>
  /** Sets a value for so many milliseconds, above 0. */
  set(name: string, value: Uint8Array, ttlMs: number): Promise<void>
  /** Sets a value only if there is none. Gives what was there already; undefined when the value is now ours. */
  claim(name: string, value: Uint8Array, ttlMs: number): Promise<Uint8Array | undefined>
  /** Replaces a value, or with undefined removes it, only if it is still the expected one. Says whether it did. */
  swap(name: string, expected: Uint8Array, value: Uint8Array | undefined, ttlMs: number): Promise<boolean>
  /** Removes a value or a log. */
  remove(name: string): Promise<void>

  /**
   * Adds entries to the end of a log, which lives for so many milliseconds from now; without entries it only makes the log,
   * or changes how long it lives. Gives the number of the last entry ever added, 0 when there was none.
   */
  append(log: string, entries: readonly Uint8Array[], ttlMs: number): Promise<number>
  /** Forgets the entries of a log up to a number; those after it keep theirs. */
  trim(log: string, through: number): Promise<void>
  /** Entries after a number, at most `max` of them, at least 1. Undefined when there is no such log. */
  read(log: string, after: number, max: number): Promise<LogPage | undefined>
  /**
   * Follows a log: first what is kept after a number, then what comes, and no page is empty. Entries that this process
   * adds come at once, without waiting for anybody else to see them. Ends when the log is removed or expires, at once when
   * there is none; throws the signal's reason when it aborts.
   */
  tail(log: string, after: number, signal: AbortSignal): AsyncGenerator<LogPage>

  /**
   * Takes all amounts, or none when one does not fit. No two reservations ever see the same room. With a holder the amounts
   * are its own until `settle`; without one they are taken for good. Where nobody else counts, the answer is there at once.
   */
  reserve(reservations: readonly Reservation[], holder?: Holder): Reserved | Promise<Reserved>
  /**
   * Puts the true amounts in the place of those that a holder reserved: all that it holds of these counters is given back,
   * and the amounts are taken for good, also above the counter's max. A holder that has nothing there (any more) takes the
   * amounts all the same; those of a counter that has expired are dropped. Undefined: it is done.
   */
  settle(holder: string, settlings: readonly Settling[]): undefined | Promise<void>
  /**
   * Says that holders are alive; what they hold of these counters is kept for so many milliseconds from now. What has been
   * given back already may come back with it, or not.
   */
  renew(
    holders: readonly { readonly id: string; readonly counters: readonly string[] }[],
    ttlMs: number,
  ): Promise<void>
  /**
   * Adds to a counter, or with a negative amount gives back; it never falls below 0. A counter that is gone stays gone.
   * Undefined: it is done.
   */
  adjust(counter: string, amount: number): undefined | Promise<void>

  /** Tells everybody who listens to a topic, in every process. Nobody listening is no fault. */
  publish(topic: string, message: Uint8Array): Promise<void>
  /** Listens to a topic from now on. Returns the way to stop that. A listener that throws harms nobody else. */
  subscribe(topic: string, listener: (message: Uint8Array) => void): () => void

  /** Ends what follows and listens. */
  close(): Promise<void>
}
