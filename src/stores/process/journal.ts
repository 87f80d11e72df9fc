// Keeps the newest settlements in memory: the journal of a service without a store.
import type { Journal, Settlement } from '../../core/settlement.ts'

/** Settlements kept, newest; older ones are forgotten so that memory stays flat. */
export const KEPT_MAX = 256

/** A journal in memory. */
export interface ProcessJournal extends Journal {
  /** The newest settlements, oldest first. */
  recent(): readonly Settlement[]
  /** How many were ever committed. */
  count(): number
}

/** Makes an empty journal that keeps the newest `keptMax` settlements. */
export function createProcessJournal(keptMax = KEPT_MAX): ProcessJournal {
  const kept: Settlement[] = []
  let committed = 0
  return {
    async commit(settlement) {
      kept.push(settlement)
      committed += 1
      if (kept.length > keptMax) kept.shift()
    },
    recent: () => [...kept],
    count: () => committed,
  }
}
