// Watches the embedded store: whether it can be asked, and whether what it is given is kept.
import type { Reason } from '../core/errors.ts'
import { GatewayError } from '../core/errors.ts'
import type { Journal } from '../core/settlement.ts'
import type { ComponentReport } from './state.ts'

/** What is watched. */
export interface StoreWatchDeps {
  readonly journal: Journal
  /** Whether the store can be asked at all. */
  readonly isOpen: () => boolean
  /** Writes something that is of no use to anybody; rejects when that is not kept. Asked only while the store is in trouble. */
  readonly probe: () => Promise<unknown>
  /** Called after each change. */
  readonly onChange: () => void
  /** How often it is looked at, in milliseconds. */
  readonly lookEveryMs?: number
}

/** A store that is watched. */
export interface StoreWatch {
  /** The journal, through which the watch learns what was not kept. */
  readonly journal: Journal
  /** How the store is. */
  report(): ComponentReport
  /** Stops its timer. */
  close(): void
}

const LOOK_EVERY_MS = 1_000

// What says that the next settlement will not be kept either.
const TROUBLES: ReadonlySet<Reason> = new Set(['STORAGE_FULL', 'INTERNAL'])

/** Begins to watch. */
export function watchStore(deps: StoreWatchDeps): StoreWatch {
  const { journal, isOpen, probe, onChange, lookEveryMs = LOOK_EVERY_MS } = deps
  let trouble: string | undefined
  let told = reason()
  let isProbing = false

  function reason(): string {
    return isOpen() ? (trouble ?? '') : 'the store has died and is started again'
  }

  function look(): void {
    const now = reason()
    if (now === told) return
    told = now
    onChange()
  }

  function failed(caught: unknown): void {
    const error = GatewayError.from(caught)
    if (TROUBLES.has(error.reason)) trouble = error.message
    look()
  }

  function kept(): void {
    trouble = undefined
    look()
  }

  /** Without it a service that nobody sends calls to, because it is not ready, would never be ready again. */
  async function tryAgain(): Promise<void> {
    if (isProbing) return
    isProbing = true
    await probe().then(kept, failed)
    isProbing = false
  }

  const timer = setInterval(() => {
    look()
    if (trouble !== undefined && isOpen()) void tryAgain()
  }, lookEveryMs).unref()

  return {
    journal: {
      async commit(settlement) {
        try {
          await journal.commit(settlement)
        } catch (error) {
          failed(error)
          throw error
        }
        if (trouble !== undefined) kept()
      },
    },
    report() {
      const why = reason()
      return { status: why === '' ? 'healthy' : 'unhealthy', reason: why }
    },
    close: () => clearInterval(timer),
  }
}
