// Credentials that were found good, by their hash: checking one costs more than a whole small call.
import { hash } from 'node:crypto'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'

/** Callers by credential. */
export interface Remembered {
  /** Who the credential is, as long as that may be remembered. */
  get(name: string): Caller | undefined
  /** Counts what was forgotten; to be asked for before a credential is checked. */
  epoch(): number
  /**
   * Remembers until an instant (milliseconds since the Unix epoch), unless something was forgotten since the epoch: what
   * was read before a key was revoked must not be remembered after it.
   */
  put(name: string, caller: Caller, untilMs: number, epoch: number): void
  /** Forgets the credential of a key. */
  forgetKey(id: string): void
  /** Forgets everything. */
  clear(): void
  /** How many are remembered. */
  size(): number
}

/** The name under which a credential is remembered; the credential itself is not kept. */
export function nameOf(credential: string): string {
  return hash('sha256', credential, 'base64')
}

/** Remembers at most so many; those that were not used for longest go first. */
export function createRemembered(clock: Clock, sizeMax: number): Remembered {
  // In the order of their last use.
  const entries = new Map<string, { readonly caller: Caller; readonly untilMs: number }>()
  const names = new Map<string, string>()
  // The last one used: it is in its place already.
  let newest: string | undefined
  let epoch = 0

  function drop(name: string): void {
    const id = entries.get(name)?.caller.key?.id
    entries.delete(name)
    if (id !== undefined && names.get(id) === name) names.delete(id)
  }

  return {
    get(name) {
      const entry = entries.get(name)
      if (entry === undefined) return undefined
      if (clock.now() >= entry.untilMs) {
        drop(name)
        return undefined
      }
      if (name !== newest) {
        entries.delete(name)
        entries.set(name, entry)
        newest = name
      }
      return entry.caller
    },
    epoch: () => epoch,
    put(name, caller, untilMs, before) {
      if (before !== epoch || untilMs <= clock.now()) return
      drop(name)
      if (caller.key !== undefined) {
        // A key has one secret: another one that is still remembered was its secret before, and nobody told us.
        const other = names.get(caller.key.id)
        if (other !== undefined) drop(other)
        names.set(caller.key.id, name)
      }
      entries.set(name, { caller, untilMs })
      newest = name
      if (entries.size <= sizeMax) return
      const [oldest] = entries.keys()
      if (oldest !== undefined) drop(oldest)
    },
    forgetKey(id) {
      epoch += 1
      const name = names.get(id)
      if (name !== undefined) drop(name)
    },
    clear() {
      epoch += 1
      entries.clear()
      names.clear()
    },
    size: () => entries.size,
  }
}
