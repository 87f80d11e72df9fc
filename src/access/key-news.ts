// Tells all replicas at once that a key was rotated or revoked, and keeps that until every store knows it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoredKey } from '../core/keys.ts'
import type { Log } from '../core/log.ts'
import type { Shared } from '../core/shared.ts'

/** What replicas tell one another about keys. */
export interface KeyNews {
  /** Tells that a key has another secret now, or none: from the answer on, nobody goes by what was before. */
  tell(key: StoredKey): Promise<void>
  /** Whether a key as a store gave it is older than what was told of it: another replica's store may lag behind. */
  isOverdue(key: StoredKey): Promise<boolean>
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
        return told !== undefined && Buffer.from(told).toString() !== stampOf(key)
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

/** Tells one state of a key from the next; the clocks of two machines could not. */
function stampOf({ hash, revokedAt }: StoredKey): string {
  return revokedAt === undefined ? Buffer.from(hash).toString('base64url') : 'revoked'
}
