// A limit of bytes that all calls hold in memory together: tenants take turns, and nobody small goes past somebody large for ever.
import { GatewayError } from '../core/errors.ts'
import { createTurns, type Waiting } from '../core/turns.ts'

/** What a gate is made from. */
export interface ByteGateDeps {
  /** Most bytes that are held together. */
  readonly limitBytes: number
  /** Most that wait at once. */
  readonly waitingMax: number
}

/** Counts bytes that are held. */
export interface ByteGate {
  /**
   * Waits until so many bytes may be held, and gives the way to let go of them, which may be called more than once. Throws
   * OVERLOADED for more than the limit and where too many wait, and the signal's reason.
   */
  hold(sizeBytes: number, who: Waiting): Promise<() => void>
  /** How many bytes are held. */
  heldBytes(): number
  /** How many wait. */
  waiting(): number
}

/** The signal of whoever waits ends the wait; a timer needs a number all the same, and this is the longest that it takes. */
const WAIT_MS_MAX = 2 ** 31 - 1

interface Wish {
  readonly sizeBytes: number
}

/** Makes a gate behind which nothing is held. */
export function createByteGate({ limitBytes, waitingMax }: ByteGateDeps): ByteGate {
  let heldBytes = 0
  /** Whoever did not fit at its turn: until it does, what becomes free is kept for it. */
  let next: Wish | undefined
  const rules = { waitingMax, waitMaxMs: WAIT_MS_MAX }
  const turns = createTurns<Wish, Wish>({
    take: wish => (next === undefined || next === wish ? take(wish) : undefined),
    giveBack: letGo,
    refusal: () => overloaded(`${waitingMax} calls wait for memory for their files: try again later`),
  })

  function take(wish: Wish): Wish | undefined {
    const fits = heldBytes + wish.sizeBytes <= limitBytes
    next = fits ? undefined : wish
    if (fits) heldBytes += wish.sizeBytes
    return fits ? wish : undefined
  }

  function letGo({ sizeBytes }: Wish): void {
    heldBytes -= sizeBytes
    turns.serve()
  }

  async function wait(wish: Wish, who: Waiting): Promise<void> {
    const waiting = turns.wait(wish, who, rules)
    // Whoever comes to an empty queue and does not fit is the next one from now on.
    turns.serve()
    try {
      await waiting
    } catch (error) {
      if (next === wish) {
        next = undefined
        turns.serve()
      }
      throw error
    }
  }

  return {
    async hold(sizeBytes, who) {
      who.signal.throwIfAborted()
      if (sizeBytes > limitBytes)
        throw overloaded(`files of a call need ${sizeBytes} bytes of memory, and may have ${limitBytes}`)
      const wish: Wish = { sizeBytes }
      await wait(wish, who)
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        letGo(wish)
      }
    },
    heldBytes: () => heldBytes,
    waiting: turns.waiting,
  }
}

function overloaded(message: string): GatewayError {
  return new GatewayError('OVERLOADED', message, { against: 'nobody' })
}
