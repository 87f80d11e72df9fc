// Calls that wait for a key, because every key that could be used has as many calls running as it may.
import type { GatewayError } from '../core/errors.ts'
import { createTurns, type Waiting, type WaitRules } from '../core/turns.ts'
import type { Fullness, KeyRoom } from './key-room.ts'

/** Who waits, and how long at most. */
export type KeyWait = Waiting & WaitRules

/** What the queue of a pool is made from. */
export interface KeyQueueDeps<Lease> {
  /** Takes a key, of a preferred account if it can, or throws why there is none now. */
  readonly acquire: (modelId: string, preferred?: readonly string[]) => Lease
  /** Gives back a key with which nobody was asked. */
  readonly giveBack: (lease: Lease) => void
  /** Why every key that could be used has no room; undefined when one has, or when none could be used at all. */
  readonly fullBy: (modelId: string) => Fullness | undefined
  /** What `acquire` would throw now. */
  readonly fault: (modelId: string) => GatewayError
  /** The rooms of the keys: whenever a call leaves one of them, somebody may go on. */
  readonly rooms: readonly KeyRoom[]
}

/** The queue of a pool. */
export interface KeyQueue<Lease> {
  /**
   * Takes a key; at once when there is room, or when waiting is not allowed or would not help, and then it throws what
   * `acquire` throws. Rejects with OVERLOADED or UPSTREAM_LIMITED after too long a wait, or with the signal's reason.
   */
  take(modelId: string, wait: KeyWait | undefined, preferred?: readonly string[]): Lease | Promise<Lease>
  /** How many wait. */
  waiting(): number
}

interface Wish {
  readonly modelId: string
  readonly preferred: readonly string[] | undefined
}

/** Makes an empty queue. */
export function createKeyQueue<Lease>(deps: KeyQueueDeps<Lease>): KeyQueue<Lease> {
  const { acquire, fullBy } = deps
  const turns = createTurns<Wish, Lease>({
    // A key that went out meanwhile is no reason to wait on: `acquire` throws that.
    take: ({ modelId, preferred }) =>
      fullBy(modelId) === undefined ? acquire(modelId, preferred) : undefined,
    giveBack: deps.giveBack,
    refusal: (_, { modelId }) => deps.fault(modelId),
  })
  let watches: readonly (() => void)[] = []

  async function stand(wish: Wish, wait: KeyWait): Promise<Lease> {
    // Rooms outlive pools: they are watched only while somebody waits.
    if (watches.length === 0) watches = deps.rooms.map(room => room.watch(turns.serve))
    try {
      return await turns.wait(wish, wait, wait)
    } finally {
      if (turns.waiting() === 0) {
        for (const unwatch of watches) unwatch()
        watches = []
      }
    }
  }

  return {
    take(modelId, wait, preferred) {
      // A key may have come back by the time alone: those who wait go first.
      if (turns.waiting() > 0) turns.serve()
      if (wait === undefined || fullBy(modelId) === undefined) return acquire(modelId, preferred)
      return stand({ modelId, preferred }, wait)
    },
    waiting: turns.waiting,
  }
}
