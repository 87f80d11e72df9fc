// A limit of calls at once: so many are inside, the others take turns, and every way out is counted.
import type { GatewayError } from './errors.ts'
import { createTurns, type Waiting, type WaitRules } from './turns.ts'

/** What a gate is made from. */
export interface GateDeps {
  /** Most inside at once, a whole number from 1 on; undefined: no limit. */
  readonly limit: number | undefined
  /** The error of somebody who cannot wait (`full`) or waited too long (`late`), while so many may be inside. */
  readonly refusal: (why: 'full' | 'late', limit: number, rules: WaitRules) => GatewayError
}

/** Counts who is inside. Whoever got in must leave exactly once. */
export interface Gate {
  /** Goes in if there is room at once, and says whether it did. Never goes before somebody who waits. */
  enter(): boolean
  /** Goes in as soon as it is one's turn. Throws the refusal, or the signal's reason, and then one is not inside. */
  wait(who: Waiting, rules: WaitRules): Promise<void>
  /** Goes out, and lets the next one in. */
  leave(): void
  /** Changes the limit: a higher one lets in who waits, a lower one throws nobody out. */
  resize(limit: number | undefined): void
  /** How many are inside. */
  running(): number
  /** How many wait. */
  waiting(): number
}

/** Makes a gate with nobody inside. */
export function createGate(deps: GateDeps): Gate {
  let limit = deps.limit ?? Number.POSITIVE_INFINITY
  let running = 0
  const turns = createTurns<void, true>({
    hasRoom: () => running < limit,
    take: () => enter() || undefined,
    giveBack: leave,
    refusal: (why, _, rules) => deps.refusal(why, limit, rules),
  })

  function enter(): boolean {
    // Whoever waits does so because there is no room: what becomes free is theirs at the same moment.
    if (running >= limit) return false
    running += 1
    return true
  }

  function leave(): void {
    running -= 1
    if (turns.waiting() > 0) turns.serve()
  }

  return {
    enter,
    async wait(who, rules) {
      who.signal.throwIfAborted()
      if (!enter()) await turns.wait(undefined, who, rules)
    },
    leave,
    resize(next) {
      limit = next ?? Number.POSITIVE_INFINITY
      turns.serve()
    },
    running: () => running,
    waiting: turns.waiting,
  }
}
