// Keeps two calls from going on from the same answer at once: each would be kept behind the other without having seen it.
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'
import type { Shared } from '../core/shared.ts'

/** What `createGoingOn` needs. */
export interface GoingOnDeps {
  readonly shared: Pick<Shared, 'claim' | 'swap'>
  readonly clock: Clock
}

/** The answer from which a call goes on. */
export interface GoneOnFrom {
  readonly responseId: string
  /** A call that repeats another by its key goes on together with it. Empty: it repeats none. */
  readonly idempotencyKey: string
}

/**
 * Takes an answer for a call, as long as its deadline at most. Gives the way to let go of it, to be called when the call is
 * over; undefined when another call goes on from it just now.
 */
export type GoOn = (call: Call, from: GoneOnFrom) => Promise<(() => void) | undefined>

/** Makes it. */
export function createGoingOn({ shared, clock }: GoingOnDeps): GoOn {
  return async ({ caller: { tenant }, deadlineAtMs }, { responseId, idempotencyKey }) => {
    const name = `going-on ${JSON.stringify([tenant, responseId.slice(0, 64)])}`
    const mine = Buffer.from(idempotencyKey === '' ? `call ${uuidv7(clock.now())}` : `key ${idempotencyKey}`)
    const leftMs = Math.max(1, deadlineAtMs - clock.monotonic())
    const before = await shared.claim(name, mine, leftMs)
    // What cannot be let go of ends with the deadline.
    if (before === undefined) return () => void shared.swap(name, mine, undefined, 1).catch(() => undefined)
    return mine.equals(before) ? () => undefined : undefined
  }
}
