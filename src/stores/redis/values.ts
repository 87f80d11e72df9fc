// Values in Redis, with a copy in this process of what it wrote and read: the copy is what there is while Redis is out.
import type { Clock } from '../../core/clock.ts'
import type { Shared } from '../../core/shared.ts'
import type { Line, Ran, Run } from './line.ts'
import { createRemembered } from './remembered.ts'
import { logKeys, valueKey } from './scripts.ts'

/** What `createValues` needs. */
export interface ValuesDeps {
  readonly line: Pick<Line, 'run' | 'repair'>
  readonly local: Shared
  readonly clock: Clock
  /** Id of this process. */
  readonly process: string
  /** Whether Redis came back empty so recently that what is missing there may still come from another process. */
  readonly isFresh: () => boolean
}

/** Values in Redis. */
export interface Values extends Pick<Shared, 'get' | 'set' | 'claim' | 'swap' | 'remove'> {
  /** Redis may have lost what it held: what this process wrote is to be brought, unless it is there. */
  maybeLost(): void
  /** Brings what is not in Redis. Says whether it could. */
  restore(run: Run): Promise<boolean>
  isBehind(): boolean
  close(): void
}

/** What was written here and is not in Redis: a value, one that only counts if there is none, or its end. */
interface Unwritten {
  readonly type: 'set' | 'claim' | 'remove'
}

/** Values of this process that can be brought again, and those that are not in Redis, at most. */
const OWN_MAX = 100_000
const CHUNK = 200

/** Makes the values. */
export function createValues({ line, local, clock, process, isFresh }: ValuesDeps): Values {
  const nowMs = (): number => clock.monotonic()
  const own = createRemembered<{ readonly expiresAtMs: number }>(nowMs, OWN_MAX)
  const unwritten = new Map<string, Unwritten>()
  // Counts writes: a reading that crosses one is not copied over it.
  let writes = 0

  function wrote(name: string, ttlMs: number): void {
    writes += 1
    own.set(name, { expiresAtMs: nowMs() + ttlMs })
  }
  function owe(name: string, type: Unwritten['type']): void {
    unwritten.delete(name)
    unwritten.set(name, { type })
    const [oldest] = unwritten.keys()
    if (unwritten.size > OWN_MAX && oldest !== undefined) unwritten.delete(oldest)
    line.repair()
  }
  const removal = (name: string): Parameters<Run> => [
    'remove',
    [valueKey(name), ...logKeys(name)],
    [process, name],
  ]

  /** Brings one name. */
  async function bringOne(run: Run, name: string, what: Unwritten): Promise<boolean> {
    const leftMs = (own.get(name)?.expiresAtMs ?? 0) - nowMs()
    const value = await local.get(name)
    let ran: Ran = { value: undefined }
    if (what.type === 'remove') ran = await run(...removal(name))
    else if (value !== undefined && leftMs > 0) {
      ran = await run(what.type, [valueKey(name)], [value, millis(leftMs)])
      const before = typeof ran === 'string' || what.type === 'set' ? undefined : foundIn(ran.value)
      // Somebody else was first: theirs counts from now on.
      if (before !== undefined && unwritten.get(name) === what) {
        own.delete(name)
        void local.set(name, before.value, before.leftMs)
      }
    }
    if (typeof ran === 'string') return false
    if (unwritten.get(name) === what) unwritten.delete(name)
    return true
  }

  async function claimHere(name: string, value: Uint8Array, ttlMs: number): Promise<Uint8Array | undefined> {
    const claimed = local.claim(name, value, ttlMs)
    const before = await claimed
    if (before !== undefined) return before
    wrote(name, ttlMs)
    owe(name, unwritten.get(name)?.type === 'remove' ? 'set' : 'claim')
    return undefined
  }

  async function swapHere(
    name: string,
    expected: Uint8Array,
    value: Uint8Array | undefined,
    ttlMs: number,
  ): Promise<boolean> {
    const isDone = await local.swap(name, expected, value, ttlMs)
    if (!isDone) return false
    wrote(name, ttlMs)
    owe(name, value === undefined ? 'remove' : 'set')
    return true
  }

  return {
    async get(name) {
      if (unwritten.has(name)) return local.get(name)
      const before = writes
      const ran = await line.run('get', [valueKey(name)], [])
      if (typeof ran === 'string') return local.get(name)
      const found = foundIn(ran.value)
      if (found === undefined && isFresh()) return local.get(name)
      if (before === writes) {
        if (found !== undefined) void local.set(name, found.value, found.leftMs)
        else void local.remove(name)
      }
      return found?.value
    },
    async set(name, value, ttlMs) {
      void local.set(name, value, ttlMs)
      wrote(name, ttlMs)
      if (unwritten.has(name)) return owe(name, 'set')
      const ran = await line.run('set', [valueKey(name)], [value, millis(ttlMs)])
      if (typeof ran === 'string') owe(name, 'set')
    },
    async claim(name, value, ttlMs) {
      if (unwritten.has(name)) return claimHere(name, value, ttlMs)
      const ran = await line.run('claim', [valueKey(name)], [value, millis(ttlMs)])
      if (typeof ran === 'string') return claimHere(name, value, ttlMs)
      const before = foundIn(ran.value)
      if (before === undefined) {
        void local.set(name, value, ttlMs)
        wrote(name, ttlMs)
      } else void local.set(name, before.value, before.leftMs)
      return before?.value
    },
    async swap(name, expected, value, ttlMs) {
      if (unwritten.has(name)) return swapHere(name, expected, value, ttlMs)
      const args = [expected, value === undefined ? 0 : 1, value ?? '', millis(ttlMs)]
      const ran = await line.run('swap', [valueKey(name)], args)
      if (typeof ran === 'string') return swapHere(name, expected, value, ttlMs)
      const isDone = ran.value === 1
      writes += 1
      if (isDone && value !== undefined) {
        void local.set(name, value, ttlMs)
        wrote(name, ttlMs)
      } else {
        // What is here is either gone or not what it is there.
        void local.remove(name)
        own.delete(name)
      }
      return isDone
    },
    async remove(name) {
      void local.remove(name)
      writes += 1
      own.delete(name)
      if (unwritten.has(name)) return owe(name, 'remove')
      const ran = await line.run(...removal(name))
      if (typeof ran === 'string') owe(name, 'remove')
    },
    maybeLost() {
      for (const name of own.names()) if (!unwritten.has(name)) unwritten.set(name, { type: 'claim' })
    },
    async restore(run) {
      while (unwritten.size > 0) {
        const chunk = [...unwritten.entries().take(CHUNK)]
        const brought = await Promise.all(chunk.map(([name, what]) => bringOne(run, name, what)))
        if (brought.includes(false)) return false
      }
      return true
    },
    isBehind: () => unwritten.size > 0,
    close() {
      own.clear()
      unwritten.clear()
    },
  }
}

/** A life as Redis takes it: whole milliseconds, at least one. */
export function millis(ms: number): number {
  return Math.max(1, Math.ceil(ms))
}

function foundIn(answer: unknown): { readonly value: Uint8Array; readonly leftMs: number } | undefined {
  if (!Array.isArray(answer)) return undefined
  const [value, leftMs]: readonly unknown[] = answer
  return Buffer.isBuffer(value) ? { value, leftMs: Math.max(1, Number(leftMs)) } : undefined
}
