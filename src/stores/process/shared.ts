// State that a second process would need, kept in this one: the adapter of a service that is a single process.
import type { Clock } from '../../core/clock.ts'
import type { Shared } from '../../core/shared.ts'
import { createExpiry, type Expiring } from './expiry.ts'
import { type CountedThing, createProcessCounters } from './shared-counters.ts'
import { createProcessLog, type ProcessLog } from './shared-log.ts'
import { createProcessTopics } from './shared-topics.ts'

/** Values, logs and counters together, at most. */
export const NAMES_MAX = 250_000
/** Bytes that all of them may take together, names included. */
export const BYTES_MAX = 256 * 1024 * 1024
/** What a name takes beside its characters and its bytes, in bytes, roughly. */
export const NAME_BYTES = 300

const SWEEP_EVERY_MS = 1_000
const TAIL_ENTRIES_MAX = 256

/** What `createProcessShared` needs. */
export interface ProcessSharedDeps {
  readonly clock: Clock
  /** Takes what a listener throws. */
  readonly onFault: (fault: unknown) => void
  readonly namesMax?: number
  readonly bytesMax?: number
  /** How often what has expired is thrown out, in milliseconds; that it expired is true at once. */
  readonly sweepEveryMs?: number
}

interface Thing extends Expiring {
  readonly name: string
  sizeBytes: number
}
interface Value extends Thing {
  readonly type: 'value'
  bytes: Uint8Array
}
interface Log extends Thing {
  readonly type: 'log'
  readonly log: ProcessLog
}
type Counter = CountedThing

/** Makes an empty store. Its sweep does not keep the process alive, and does not run while there is nothing to sweep. */
export function createProcessShared({
  clock,
  onFault,
  namesMax = NAMES_MAX,
  bytesMax = BYTES_MAX,
  sweepEveryMs = SWEEP_EVERY_MS,
}: ProcessSharedDeps): Shared {
  const kept = new Map<string, Value | Log>()
  const counters = new Map<string, Counter>()
  const keptByExpiry = createExpiry<Value | Log>()
  const countersByExpiry = createExpiry<Counter>()
  const topics = createProcessTopics(onFault)
  let sizeBytes = 0
  let sweeping: NodeJS.Timeout | undefined

  const isOver = (thing: Thing): boolean => thing.expiresAtMs <= clock.monotonic()

  function drop(thing: Value | Log | Counter): void {
    if (thing.isGone) return
    thing.isGone = true
    sizeBytes -= thing.sizeBytes
    if (thing.type === 'counter') counters.delete(thing.name)
    else kept.delete(thing.name)
    if (thing.type === 'log') thing.log.end()
  }

  function alive<T extends Value | Log | Counter>(thing: T | undefined): T | undefined {
    if (thing === undefined || !isOver(thing)) return thing
    drop(thing)
    return undefined
  }

  function keptValue(name: string): Value | undefined {
    const thing = alive(kept.get(name))
    return thing?.type === 'value' ? thing : undefined
  }

  function keptLog(name: string): Log | undefined {
    const thing = alive(kept.get(name))
    return thing?.type === 'log' ? thing : undefined
  }

  function sweep(): void {
    for (const order of [keptByExpiry, countersByExpiry]) {
      for (let first = order.first(); first !== undefined && isOver(first); first = order.first()) drop(first)
    }
    if (kept.size + counters.size > 0) return
    clearInterval(sweeping)
    sweeping = undefined
  }

  function resize(thing: Value | Log | Counter, bytes: number): void {
    const now = NAME_BYTES + 2 * thing.name.length + bytes
    sizeBytes += now - thing.sizeBytes
    thing.sizeBytes = now
  }

  /** Pushes out what expires first until everything fits; what could never fit goes itself, and nothing for its sake. */
  function makeRoom(thing: Value | Log | Counter): void {
    sweeping ??= setInterval(sweep, sweepEveryMs).unref()
    if (thing.sizeBytes > bytesMax) drop(thing)
    while (sizeBytes > bytesMax || kept.size + counters.size > namesMax) {
      const first = keptByExpiry.first() ?? countersByExpiry.first()
      if (first === undefined) return
      drop(first)
    }
  }

  function put(name: string, value: Uint8Array, ttlMs: number): void {
    const before = kept.get(name)
    if (before !== undefined) drop(before)
    const expiresAtMs = clock.monotonic() + ttlMs
    const thing: Value = {
      type: 'value',
      name,
      bytes: new Uint8Array(value),
      expiresAtMs,
      isGone: false,
      sizeBytes: 0,
    }
    kept.set(name, thing)
    keptByExpiry.add(thing)
    resize(thing, value.byteLength)
    makeRoom(thing)
  }

  function begun(name: string, expiresAtMs: number): Log {
    const before = kept.get(name)
    if (before !== undefined) drop(before)
    const thing: Log = {
      type: 'log',
      name,
      log: createProcessLog(),
      expiresAtMs,
      isGone: false,
      sizeBytes: 0,
    }
    kept.set(name, thing)
    keptByExpiry.add(thing)
    return thing
  }

  const counting = createProcessCounters({
    clock,
    counters,
    drop,
    add(thing) {
      counters.set(thing.name, thing)
      countersByExpiry.add(thing)
    },
    resize,
    makeRoom,
  })

  return {
    async get(name) {
      return keptValue(name)?.bytes
    },
    async set(name, value, ttlMs) {
      put(name, value, ttlMs)
    },
    async claim(name, value, ttlMs) {
      const before = keptValue(name)
      if (before === undefined) put(name, value, ttlMs)
      return before?.bytes
    },
    async swap(name, expected, value, ttlMs) {
      const before = keptValue(name)
      if (before === undefined || Buffer.compare(before.bytes, expected) !== 0) return false
      if (value === undefined) drop(before)
      else put(name, value, ttlMs)
      return true
    },
    async remove(name) {
      const thing = kept.get(name)
      if (thing !== undefined) drop(thing)
    },
    async append(name, entries, ttlMs) {
      const expiresAtMs = clock.monotonic() + ttlMs
      const thing = keptLog(name) ?? begun(name, expiresAtMs)
      const isEarlier = expiresAtMs < thing.expiresAtMs
      thing.expiresAtMs = expiresAtMs
      if (isEarlier) keptByExpiry.add(thing)
      thing.log.append(entries)
      const last = thing.log.last()
      resize(thing, thing.log.sizeBytes())
      makeRoom(thing)
      return last
    },
    async trim(name, through) {
      const thing = keptLog(name)
      if (thing === undefined) return
      thing.log.trim(through)
      resize(thing, thing.log.sizeBytes())
    },
    async read(name, after, max) {
      return keptLog(name)?.log.page(after, max)
    },
    async *tail(name, after, signal) {
      signal.throwIfAborted()
      const thing = keptLog(name)
      let at = after
      while (thing !== undefined && alive(thing) !== undefined && !thing.isGone) {
        const page = thing.log.page(at, TAIL_ENTRIES_MAX)
        if (page.entries.length === 0) await thing.log.changed(signal)
        else {
          at = page.first + page.entries.length - 1
          yield page
        }
        signal.throwIfAborted()
      }
    },
    reserve: counting.reserve,
    settle: counting.settle,
    renew: counting.renew,
    adjust: counting.adjust,
    publish: topics.publish,
    subscribe: topics.subscribe,
    async close() {
      for (const thing of [...kept.values(), ...counters.values()]) drop(thing)
      keptByExpiry.clear()
      countersByExpiry.clear()
      topics.clear()
      clearInterval(sweeping)
      sweeping = undefined
    },
  }
}
