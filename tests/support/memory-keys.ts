// API keys in the memory of a test: the port without a store, which counts what it is asked.
import { type AuditEntry, type Keys, type StoredKey, standingOf } from '../../src/core/keys.ts'

/** The port, and what a test sees of it. */
export interface MemoryKeys extends Keys {
  readonly rows: Map<string, StoredKey>
  readonly entries: AuditEntry[]
  /** How often each method was called. */
  readonly counts: Map<string, number>
}

/** Makes an empty store. */
export function createMemoryKeys(now: () => number): MemoryKeys {
  const rows = new Map<string, StoredKey>()
  const entries: AuditEntry[] = []
  const counts = new Map<string, number>()
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)

  return {
    rows,
    entries,
    counts,
    async add(key, entry) {
      count('add')
      rows.set(key.id, key)
      entries.push(entry)
    },
    async byHash(hash) {
      count('byHash')
      return [...rows.values()].find(key => Buffer.from(key.hash).equals(hash))
    },
    async get(id) {
      return rows.get(id)
    },
    async list({ limit, after, tenant, standings }) {
      count('list')
      const fitting = [...rows.values()]
        .filter(key => tenant === undefined || key.tenant === tenant)
        .filter(key => standings.length === 0 || standings.includes(standingOf(key, now())))
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .filter(({ id }) => after === undefined || id < after)
      const items = fitting.slice(0, limit)
      const last = items.at(-1)
      return fitting.length > limit && last !== undefined ? { items, next: last.id } : { items }
    },
    async rotate(id, { hash, secretPrefix, at }, entry) {
      const key = rows.get(id)
      if (key === undefined || standingOf(key, now()) !== 'active') return undefined
      const rotated = { ...key, hash, secretPrefix, rotatedAt: at }
      rows.set(id, rotated)
      entries.push(entry)
      return rotated
    },
    async revoke(id, at, entry) {
      const key = rows.get(id)
      if (key === undefined || key.revokedAt !== undefined) return key
      const revoked = { ...key, revokedAt: at }
      rows.set(id, revoked)
      entries.push(entry)
      return revoked
    },
    async touch(uses) {
      count('touch')
      for (const { id, at } of uses) {
        const key = rows.get(id)
        if (key !== undefined) rows.set(id, { ...key, lastUsedAt: at })
      }
    },
    async audit(entry) {
      entries.push(entry)
    },
  }
}
