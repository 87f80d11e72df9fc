// Puts the API keys of this machine over those of all machines: whatever either of them says against a key counts.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { type KeptKey, type KeyFilter, type Keys, type OwnKeys, standingOf } from '../core/keys.ts'
import type { Page, PageQuery } from '../core/page.ts'

/** Keys of all machines. Each but `put` throws INTERNAL when they cannot be asked. */
export interface TheirKeyLayer {
  byHash(hash: Uint8Array): Promise<KeptKey | undefined>
  get(id: string, question?: { readonly timeoutMs?: number }): Promise<KeptKey | undefined>
  list(query: PageQuery & KeyFilter): Promise<Page<KeptKey>>
  /** Takes a key there now; whether it has arrived. Never rejects. */
  put(key: KeptKey, timeoutMs: number): Promise<boolean>
  touch(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void>
}

/** What `overlayKeys` needs. */
export interface KeyLayers {
  readonly own: OwnKeys
  readonly theirs: TheirKeyLayer
  readonly clock: Clock
  /** Says that something waits to be sent. */
  readonly wake: () => void
  /** Takes why the others could not be asked or told; what was to be done is done here all the same. */
  readonly onFault: (fault: unknown) => void
}

/** How long a call may wait to learn whether its key, which is known here, was changed elsewhere, in milliseconds. */
const CONFIRM_MS = 1_000
/** How long nobody is asked that again after it could not be learnt, in milliseconds. */
const REST_MS = 5_000
/** How long a change may take to arrive before it is left to the outbox, in milliseconds. */
const PUT_MS = 3_000
/** Pieces of a list that one page is made from at most: what does not fit is left out of them. */
const PIECES_MAX = 20

/**
 * Keys of this machine over those of all. A key that is not known here, and cannot be looked for elsewhere, is INTERNAL and
 * never accepted; one that is known here is accepted without the others while they are away. A key that was revoked here
 * stays revoked whatever they say. A change is told to them before it is answered, as far as they can be reached.
 */
export function overlayKeys({ own, theirs, clock, wake, onFault }: KeyLayers): Keys {
  let restsUntil = Number.NEGATIVE_INFINITY

  /** A key of this machine as it is by now everywhere. */
  async function confirmed(mine: KeptKey): Promise<KeptKey> {
    // One that is revoked here is confirmed, too: else its refusal would come sooner than that of others.
    if (clock.monotonic() < restsUntil) return mine
    try {
      return merged(mine, await theirs.get(mine.id, { timeoutMs: CONFIRM_MS }))
    } catch (fault) {
      restsUntil = clock.monotonic() + REST_MS
      onFault(fault)
      return mine
    }
  }

  async function tell(key: KeptKey | undefined): Promise<void> {
    wake()
    if (key !== undefined && !(await theirs.put(key, PUT_MS)))
      onFault(new GatewayError('INTERNAL', 'the change of a key has not arrived in the project yet'))
  }

  /** The next piece of both lists together, and where it goes on. */
  async function piece(query: PageQuery & KeyFilter): Promise<Page<KeptKey>> {
    const [mine, other] = await Promise.all([own.list(query), theirs.list(query)])
    // Below the end of a page that goes on nothing is certain.
    const floor = [mine.next, other.next].reduce<string>((low, id = '') => (id > low ? id : low), '')
    const byId = new Map(other.items.map(key => [key.id, key]))
    for (const key of mine.items) byId.set(key.id, merged(key, byId.get(key.id)))
    const items = [...byId.values()].filter(({ id }) => id >= floor).sort((a, b) => (a.id < b.id ? 1 : -1))
    return { items, ...(floor === '' ? {} : { next: floor }) }
  }

  return {
    async add(key, entry) {
      await own.add(key, entry)
      await tell({ ...key, version: 1 })
    },
    async byHash(hash) {
      const mine = await own.byHash(hash)
      if (mine !== undefined) return withHash(await confirmed(mine), hash)
      const found = await theirs.byHash(hash)
      // It may have got another secret here, or have been revoked, and that is still on its way.
      return found && withHash(merged(await own.get(found.id), found), hash)
    },
    async get(id) {
      const mine = await own.get(id)
      return mine === undefined ? theirs.get(id) : confirmed(mine)
    },
    async list(query) {
      const now = clock.now()
      const { standings, limit } = query
      const items: KeptKey[] = []
      let after = query.after
      // Standings are judged when both have spoken: what is active here may be revoked elsewhere.
      for (let left = PIECES_MAX; left > 0; left -= 1) {
        const { items: some, next } = await piece({
          ...(query.tenant === undefined ? {} : { tenant: query.tenant }),
          standings: [],
          limit,
          ...(after === undefined ? {} : { after }),
        })
        const fitting = some.filter(key => standings.length === 0 || standings.includes(standingOf(key, now)))
        items.push(...fitting.slice(0, limit - items.length))
        const cut = fitting.length > 0 && items.at(-1) !== fitting.at(-1)
        after = cut ? items.at(-1)?.id : next
        if (after === undefined || items.length >= limit) break
      }
      return { items, ...(after === undefined ? {} : { next: after }) }
    },
    async rotate(id, secret, entry) {
      // Without them nobody knows which secret is the last one: two could be made at once.
      const key = await own.rotate(id, secret, entry, await theirs.get(id))
      await tell(key)
      return key
    },
    async revoke(id, at, entry) {
      const mine = await own.get(id)
      const known = mine === undefined ? await theirs.get(id) : await confirmed(mine)
      const key = await own.revoke(id, at, entry, known)
      await tell(key)
      return key
    },
    async touch(uses) {
      await own.touch(uses)
      try {
        await theirs.touch(uses)
      } catch (fault) {
        onFault(fault)
      }
    },
    async audit(entry) {
      await own.audit(entry)
      wake()
    },
  }
}

/** A key as two stores have it. The later change counts; a revocation always does. */
function merged(mine: KeptKey | undefined, other: KeptKey): KeptKey
function merged(mine: KeptKey, other: KeptKey | undefined): KeptKey
function merged(mine: KeptKey | undefined, other: KeptKey | undefined): KeptKey | undefined {
  if (mine === undefined || other === undefined) return mine ?? other
  // Of two changes with one number the project's is everybody's.
  const latest = other.version >= mine.version ? other : mine
  const revokedAt = earliest(mine.revokedAt, other.revokedAt)
  const lastUsedAt = latestOf(mine.lastUsedAt, other.lastUsedAt)
  return {
    ...latest,
    ...(revokedAt === undefined ? {} : { revokedAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

function latestOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}

/** The key, if that is still its secret. */
function withHash(key: KeptKey, hash: Uint8Array): KeptKey | undefined {
  return Buffer.compare(key.hash, hash) === 0 ? key : undefined
}
