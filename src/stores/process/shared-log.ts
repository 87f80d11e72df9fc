// One log in memory: entries with numbers, those who wait for the next one, and how much of it is kept.
import type { LogPage } from '../../core/shared.ts'

/** A log in memory. */
export interface ProcessLog {
  /** Bytes of the entries that are kept, each with what it takes beside its bytes. */
  sizeBytes(): number
  /** Number of the last entry ever added. */
  last(): number
  append(entries: readonly Uint8Array[]): void
  trim(through: number): void
  page(after: number, max: number): LogPage
  /** Resolves at the next entry or at the end; throws the signal's reason when it aborts first. */
  changed(signal: AbortSignal): Promise<void>
  /** Wakes everybody who waits: there will be no more. */
  end(): void
}

/** What an entry takes beside its bytes, in bytes, roughly. */
export const ENTRY_BYTES = 200

const NOTHING = new Uint8Array()

/** Makes an empty log. */
export function createProcessLog(): ProcessLog {
  let entries: Uint8Array[] = []
  // Entries before this place are forgotten; the array is cut only when half of it is.
  let head = 0
  let added = 0
  let sizeBytes = 0
  const waiting = new Set<() => void>()

  function wake(): void {
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  const kept = (): number => entries.length - head

  return {
    sizeBytes: () => sizeBytes,
    last: () => added,
    append(more) {
      for (const entry of more) {
        // A copy, because a Buffer may be a view of a pool: nothing of that may be kept, or change here.
        entries.push(new Uint8Array(entry))
        sizeBytes += entry.byteLength + ENTRY_BYTES
      }
      added += more.length
      if (more.length > 0) wake()
    },
    trim(through) {
      const count = Math.min(kept(), through - (added - kept()))
      for (let index = head; index < head + count; index += 1) {
        sizeBytes -= (entries[index]?.byteLength ?? 0) + ENTRY_BYTES
        entries[index] = NOTHING
      }
      head += Math.max(0, count)
      if (head * 2 < entries.length) return
      entries = entries.slice(head)
      head = 0
    },
    page(after, max) {
      const forgotten = added - kept()
      const from = Math.min(Math.max(after, forgotten), added)
      const at = head + from - forgotten
      return { entries: entries.slice(at, at + max), first: from + 1 }
    },
    changed(signal) {
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          waiting.delete(wakeUp)
          reject(signal.reason)
        }
        const wakeUp = (): void => {
          signal.removeEventListener('abort', stop)
          resolve()
        }
        if (signal.aborted) return stop()
        waiting.add(wakeUp)
        signal.addEventListener('abort', stop, { once: true })
      })
    },
    end() {
      entries = []
      head = 0
      sizeBytes = 0
      wake()
    },
  }
}
