// Tells all replicas at once that a key was rotated or revoked, and keeps that until every store knows it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeptKey, StoredKey } from '../core/keys.ts'
import type { Log } from '../core/log.ts'
import type { Shared } from '../core/shared.ts'

/** A key as a store gives it, with the number of its latest change where that is known. */
export type TellableKey = StoredKey & Partial<Pick<KeptKey, 'version'>>

/** What replicas tell one another about keys. */
export interface KeyNews {
  /** Tells that a key has another secret now, or none: from the answer on, nobody goes by what was before. */
  tell(key: TellableKey): Promise<void>
  /**
   * Whether a key as a store gave it is older than what was told of it: another replica's store may lag behind. A store may
   * also be ahead, where a change was made past this service or could not be told; but what was revoked stays so.
   */
  isOverdue(key: TellableKey): Promise<boolean>
  /** Listens to what others tell. Returns the way to stop that. */
  listen(listener: (keyId: string) => void): () => void
}

const TOPIC = 'access:changed'

/** Longer than any copy to the other replicas' stores takes, in milliseconds. */
const KEPT_MS = 24 * 3_600_000

/** How long others may take to hear of something, in milliseconds: a message is on its way for less than one, and they may be busy. */
const HEARD_MS = 50

/** What `createKeyNews` needs. */
export interface KeyNewsDeps {
  readonly shared: Pick<Shared, 'get' | 'set' | 'publish' | 'subscribe'>
  /** Whether there are others who listen now. */
  readonly isHeard: () => boolean
  readonly log: Log
}

/** Makes the news over the state that replicas share; a store of theirs that is out of reach is logged, and does no harm here. */
export function createKeyNews({ shared, isHeard, log }: KeyNewsDeps): KeyNews {
  return {
    async tell(key) {
      try {
        await shared.set(nameOf(key), Buffer.from(stampOf(key)), KEPT_MS)
        await shared.publish(TOPIC, Buffer.from(key.id))
        // Nobody says that it was heard, and whoever waits for the answer may be faster at another replica than the news.
        if (isHeard()) await sleep(HEARD_MS)
      } catch (err) {
        log.warn('other replicas were not told of a changed key', { key_id: key.id, err })
      }
    },
    async isOverdue(key) {
      try {
        const told = await shared.get(nameOf(key))
        return told !== undefined && isBehind(key, Buffer.from(told).toString())
      } catch (err) {
        log.warn('it cannot be seen whether a key has changed', { err })
        return false
      }
    },
    listen: listener => shared.subscribe(TOPIC, message => listener(Buffer.from(message).toString())),
  }
}

function nameOf({ tenant, id }: StoredKey): string {
  return `access-key:${tenant}:${id}`
}

const REVOKED = 'revoked'

/** Tells one state of a key from the next; the clocks of two machines could not. */
function stampOf({ hash, revokedAt, version = 0 }: TellableKey): string {
  return revokedAt === undefined ? `${version} ${Buffer.from(hash).toString('base64url')}` : REVOKED
}

function isBehind(key: TellableKey, told: string): boolean {
  if (told === REVOKED) return key.revokedAt === undefined
  const { hash, version = 0 } = key
  const [number = '', secret] = told.split(' ')
  return Buffer.from(hash).toString('base64url') !== secret && version <= Number(number)
}
