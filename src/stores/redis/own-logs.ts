// The logs that this process alone writes: how far Redis has each of them, and bringing what it does not have.
import type { Clock } from '../../core/clock.ts'
import type { Shared } from '../../core/shared.ts'
import type { Line, Ran } from './line.ts'
import { createRemembered } from './remembered.ts'
import { logKeys } from './scripts.ts'
import { millis } from './values.ts'

/** What `createOwnLogs` needs. */
export interface OwnLogsDeps {
  readonly line: Pick<Line, 'run' | 'isUp' | 'repair'>
  readonly local: Shared
  readonly clock: Clock
  /** Id of this process. */
  readonly process: string
}

/** The logs that this process alone writes. */
export interface OwnLogs extends Pick<Shared, 'append'> {
  /** Whether what is here counts more than what is in Redis, because that does not have all of it or is out. */
  isAhead(name: string): boolean
  /** Whether it is this process that alone writes a log. Waits for the answer to a log that is just being made. */
  isOwn(name: string): Promise<boolean>
  /** Entries up to a number were forgotten. */
  trimmed(name: string, through: number): void
  /** Redis does not have a log. Says whether it will get it from here. */
  lost(name: string): boolean
  /** Another process writes a log, too, or has removed it. */
  taken(name: string, isRemoved: boolean): void
  /** A log was removed by this process. */
  forget(name: string): void
  /** Redis may have lost what it held. */
  maybeLost(): void
  /** Redis works again: begins to bring what it does not have. */
  restore(): void
}

/** One log. Numbers are those of entries. */
interface Own {
  readonly name: string
  /** Name of its writer in Redis: the process, and a number so that a later log of the same name is another one. */
  readonly writer: string
  /** Whether Redis has said that nobody else writes it. */
  isSure: boolean
  /** Resolves when it has, or cannot. */
  readonly asked: Promise<void>
  /** The last one, the last one that is forgotten, and the last one that Redis has. */
  last: number
  base: number
  there: number
  expiresAtMs: number
  /** Whether entries or their life have to be brought. */
  isBehind: boolean
}

/** Logs that are remembered, at most. */
const OWN_MAX = 100_000
/** Of what is brought in one command. */
const BRING_ENTRIES_MAX = 256
const BRING_BYTES_MAX = 256 * 1024

type Standing = 'own' | 'missing' | 'shared'
const STANDINGS: readonly Standing[] = ['own', 'missing', 'shared']

/** Makes the register. */
export function createOwnLogs({ line, local, clock, process }: OwnLogsDeps): OwnLogs {
  const owns = createRemembered<Own>(() => clock.monotonic(), OWN_MAX)
  const behind = new Set<Own>()
  let count = 0
  let isBringing = false

  const isHere = (own: Own): boolean => owns.get(own.name) === own

  function send(own: Own, first: number, entries: readonly Uint8Array[]): Promise<Ran> {
    const ttlMs = millis(own.expiresAtMs - clock.monotonic())
    return line.run('append', logKeys(own.name), [own.writer, own.name, ttlMs, first, own.base, ...entries])
  }

  function lag(own: Own): void {
    own.isBehind = true
    behind.add(own)
    // When Redis is out for long, what has expired meanwhile is let go.
    if (behind.size > OWN_MAX) for (const one of behind) if (!isHere(one)) behind.delete(one)
    if (line.isUp()) void bring()
    else line.repair()
  }

  /** From now on Redis alone has it. */
  function leave(own: Own): void {
    behind.delete(own)
    if (!isHere(own)) return
    owns.delete(own.name)
    void local.remove(own.name)
  }

  /** Takes what Redis said to entries. Gives the number of the last one there. */
  function heard(own: Own, value: unknown): { readonly last: number; readonly standing: Standing } {
    const [last = 0, place = 0] = Array.isArray(value) ? value.map(Number) : []
    const standing = STANDINGS[place] ?? 'own'
    if (standing === 'shared') leave(own)
    else {
      own.isSure = true
      own.there = standing === 'missing' ? Math.max(last, own.base) : Math.max(last, own.there)
    }
    return { last, standing }
  }

  async function bringOne(own: Own): Promise<boolean> {
    while (isHere(own)) {
      own.isBehind = false
      const page = await local.read(own.name, Math.max(own.there, own.base), BRING_ENTRIES_MAX)
      if (page === undefined) break
      const entries = withinBytes(page.entries)
      const ran = await send(own, page.first, entries)
      if (typeof ran === 'string') return false
      const { standing } = heard(own, ran.value)
      if (standing === 'own' && own.there >= own.last && !own.isBehind) break
    }
    behind.delete(own)
    // What was forgotten meanwhile is forgotten there, too.
    if (own.base > 0) await line.run('trim', logKeys(own.name), [own.base])
    return true
  }

  async function bring(): Promise<void> {
    if (isBringing) return
    isBringing = true
    let isGood = true
    for (const own of behind) {
      isGood = await bringOne(own)
      if (!isGood) break
    }
    isBringing = false
    if (!isGood) line.repair()
  }

  function begun(name: string, ttlMs: number, asked: Promise<void>): Own {
    count += 1
    const own: Own = {
      name,
      writer: `${process}/${count}`,
      isSure: false,
      asked,
      last: 0,
      base: 0,
      there: 0,
      expiresAtMs: clock.monotonic() + ttlMs,
      isBehind: false,
    }
    owns.set(name, own)
    return own
  }

  return {
    async append(name, entries, ttlMs) {
      const asking = Promise.withResolvers<void>()
      const own = owns.get(name) ?? begun(name, ttlMs, asking.promise)
      const first = own.last + 1
      own.last += entries.length
      own.expiresAtMs = clock.monotonic() + ttlMs
      const here = local.append(name, entries, ttlMs)
      if (behind.has(own)) {
        own.isBehind = true
        asking.resolve()
        return here
      }
      const ran = await send(own, first, entries)
      // When it was pushed out here, the numbers here begin anew; those in Redis go on.
      const lastHere = await here
      try {
        if (typeof ran === 'string') {
          if (isHere(own)) lag(own)
          return lastHere
        }
        const { last, standing } = heard(own, ran.value)
        if (standing === 'missing') {
          lag(own)
          return lastHere
        }
        return last
      } finally {
        asking.resolve()
      }
    },
    isAhead(name) {
      const own = owns.get(name)
      return own !== undefined && (behind.has(own) || (own.isSure && !line.isUp()))
    },
    async isOwn(name) {
      const own = owns.get(name)
      if (own === undefined) return false
      if (!own.isSure) await own.asked
      return isHere(own)
    },
    trimmed(name, through) {
      const own = owns.get(name)
      if (own !== undefined) own.base = Math.max(own.base, Math.min(through, own.last))
    },
    lost(name) {
      const own = owns.get(name)
      if (own === undefined || !own.isSure) return false
      own.there = own.base
      lag(own)
      return true
    },
    taken(name, isRemoved) {
      const own = owns.get(name)
      if (own === undefined) return
      leave(own)
      // It may have been brought again before the word of its removal came.
      if (isRemoved) void line.run('remove', [logKeys(name)[1], ...logKeys(name)], [own.writer, name])
    },
    forget(name) {
      const own = owns.get(name)
      if (own !== undefined) behind.delete(own)
      owns.delete(name)
    },
    maybeLost() {
      for (const name of owns.names()) {
        const own = owns.get(name)
        if (own === undefined) continue
        own.there = own.base
        behind.add(own)
      }
    },
    restore() {
      void bring()
    },
  }
}

function withinBytes(entries: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0
  const end = entries.findIndex((entry, index) => {
    bytes += entry.byteLength
    return index > 0 && bytes > BRING_BYTES_MAX
  })
  return end === -1 ? entries : entries.slice(0, end)
}
