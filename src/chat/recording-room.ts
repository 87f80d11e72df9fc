// How much is kept at once: when there is no more room, the tenant that keeps most gives up its oldest.
import type { Clock } from '../core/clock.ts'

/** Room for what is kept. */
export interface Room {
  /** Takes in what a tenant keeps until some time on the monotonic clock. Gives the names of what has to go for it. */
  add(tenant: string, name: string, weight: number, untilMs: number): readonly string[]
  remove(tenant: string, name: string): void
}

/** What `createRoom` needs. */
export interface RoomDeps {
  readonly clock: Clock
  /** Most that all together may weigh. */
  readonly max: number
}

interface Kept {
  readonly weight: number
  readonly untilMs: number
}
interface Share {
  weight: number
  readonly kept: Map<string, Kept>
}

// What has expired weighs nothing, but it is not worth a look at everything for each that comes in.
const SWEEP_EVERY_MS = 30_000

/** Makes an empty room. */
export function createRoom({ clock, max }: RoomDeps): Room {
  const shares = new Map<string, Share>()
  let total = 0
  let sweptAtMs = clock.monotonic()

  function drop(tenant: string, share: Share, name: string): void {
    const weight = share.kept.get(name)?.weight ?? 0
    share.kept.delete(name)
    share.weight -= weight
    total -= weight
    if (share.kept.size === 0) shares.delete(tenant)
  }

  function remove(tenant: string, name: string): void {
    const share = shares.get(tenant)
    if (share?.kept.has(name) === true) drop(tenant, share, name)
  }

  function sweep(): void {
    const nowMs = clock.monotonic()
    if (nowMs - sweptAtMs < SWEEP_EVERY_MS) return
    sweptAtMs = nowMs
    for (const [tenant, share] of shares)
      for (const [name, { untilMs }] of share.kept) if (untilMs <= nowMs) drop(tenant, share, name)
  }

  /** The oldest of the tenant that keeps most. */
  function next(): readonly [tenant: string, share: Share, name: string] | undefined {
    let heaviest: readonly [string, Share] | undefined
    for (const one of shares) if (heaviest === undefined || one[1].weight > heaviest[1].weight) heaviest = one
    if (heaviest === undefined) return undefined
    const [name] = heaviest[1].kept.keys()
    return name === undefined ? undefined : [...heaviest, name]
  }

  return {
    remove,
    add(tenant, name, weight, untilMs) {
      sweep()
      remove(tenant, name)
      const share = shares.get(tenant) ?? { weight: 0, kept: new Map<string, Kept>() }
      shares.set(tenant, share)
      share.kept.set(name, { weight, untilMs })
      share.weight += weight
      total += weight
      const gone: string[] = []
      while (total > max) {
        const place = next()
        if (place === undefined) break
        drop(...place)
        gone.push(place[2])
      }
      return gone
    },
  }
}
