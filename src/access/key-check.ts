// Checks API keys: the same work for one that is good, unknown, expired or revoked.
import { timingSafeEqual } from 'node:crypto'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { type Keys, type StoredKey, standingOf } from '../core/keys.ts'
import type { KeyNews } from './key-news.ts'
import { hashOf } from './secret.ts'
import { unauthenticated } from './unauthenticated.ts'

/** A key that is accepted. */
export interface AcceptedKey {
  readonly caller: Caller
  /** When it ends by itself, in milliseconds since the Unix epoch. */
  readonly expiresAtMs: number
}

/** Checks a key: who it speaks for, or UNAUTHENTICATED. */
export type CheckKey = (secret: string) => Promise<AcceptedKey>

/** What `createKeyCheck` needs. */
export interface KeyCheckDeps {
  readonly keys: Pick<Keys, 'byHash'>
  readonly pepper: () => Promise<Uint8Array>
  readonly news: Pick<KeyNews, 'isOverdue'>
  readonly clock: Clock
}

/** Stands in for a key that is not there. */
const NOBODY: StoredKey = {
  id: 'key_00000000-0000-7000-8000-000000000000',
  tenant: '',
  label: '',
  scopes: [],
  hash: new Uint8Array(32),
  secretPrefix: '',
  limits: [],
  createdAt: 0,
  revokedAt: 0,
}

/** Makes the check. */
export function createKeyCheck({ keys, pepper, news, clock }: KeyCheckDeps): CheckKey {
  return async secret => {
    const hash = hashOf(secret, await pepperFor(pepper))
    // Each step is done for every key that has the right shape: how long it takes tells nothing of why it is refused.
    const key = (await keys.byHash(hash)) ?? NOBODY
    const isSame = key.hash.byteLength === hash.byteLength && timingSafeEqual(key.hash, hash)
    const isOverdue = await news.isOverdue(key)
    const isActive = standingOf(key, clock.now()) === 'active'
    if (!isSame || isOverdue || !isActive) throw unauthenticated()
    return { caller: callerOf(key), expiresAtMs: key.expiresAt ?? Number.POSITIVE_INFINITY }
  }
}

/** Where there can be no keys, none is good. */
async function pepperFor(pepper: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await pepper()
  } catch (error) {
    throw GatewayError.from(error).reason === 'UNSUPPORTED' ? unauthenticated() : error
  }
}

function callerOf({ id, tenant, label, scopes, limits, policy }: StoredKey): Caller {
  return { tenant, subject: id, scopes, key: { id, label }, limits, policy }
}
