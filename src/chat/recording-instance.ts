// Which process runs a recording, and whether that one is still alive: a value that it has to keep refreshing.
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'
import type { Shared } from '../core/shared.ts'

/** What `createInstance` needs. */
export interface InstanceDeps {
  readonly shared: Shared
  readonly clock: Clock
  /** After what time without a sign of life a process is taken for dead, in milliseconds. */
  readonly aliveMs: number
  /** Called with every sign of life. */
  readonly onSign: () => void
  /** Takes what goes wrong with a sign. */
  readonly onFault: (fault: unknown) => void
}

/** This process among those that share their state. */
export interface Instance {
  /** Made for this process; no other one ever has the same. */
  readonly id: string
  /** Shows that it is alive from now until `release`; resolves when others can see it. */
  hold(): Promise<void>
  release(): void
  /** Whether a process with this id shows that it is alive. */
  isAlive(id: string): Promise<boolean>
  /** Shows nothing any more. */
  close(): void
}

// Two signs may get lost before a process counts as dead.
const SIGNS_PER_LIFE = 3

/** Makes the identity of this process. It shows signs of life only while somebody holds it. */
export function createInstance({ shared, clock, aliveMs, onSign, onFault }: InstanceDeps): Instance {
  const id = uuidv7(clock.now())
  const nameOf = (instance: string): string => `alive:${instance}`
  let held = 0
  let signing: NodeJS.Timeout | undefined
  let first: Promise<void> = Promise.resolve()
  const sign = (): Promise<void> => shared.set(nameOf(id), Uint8Array.of(1), aliveMs)
  const stop = (): void => {
    clearInterval(signing)
    signing = undefined
  }
  return {
    id,
    hold() {
      held += 1
      if (signing !== undefined) return first
      signing = setInterval(() => {
        sign().catch(onFault)
        onSign()
      }, aliveMs / SIGNS_PER_LIFE).unref()
      first = sign()
      return first
    },
    release() {
      held -= 1
      if (held === 0) stop()
    },
    isAlive: async instance => (await shared.get(nameOf(instance))) !== undefined,
    close: stop,
  }
}
