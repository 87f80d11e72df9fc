// The port for API keys: who they speak for, and the keyed hash of their secret. Times are in milliseconds since the Unix epoch.
import type { Scope } from './caller.ts'
import type { Limit, Policy } from './limits.ts'
import type { Page, PageQuery } from './page.ts'

/** How a key stands: revoked wins over expired. */
export type KeyStanding = 'active' | 'expired' | 'revoked'

/** A key as it is kept. */
export interface StoredKey {
  /** `key_` and a UUIDv7. */
  readonly id: string
  readonly tenant: string
  readonly label: string
  readonly scopes: readonly Scope[]
  /** HMAC-SHA256 of the secret under the service's pepper, 32 bytes. */
  readonly hash: Uint8Array
  /** The first characters of the secret, to tell keys apart by. */
  readonly secretPrefix: string
  readonly limits: readonly Limit[]
  readonly policy?: Policy | undefined
  readonly createdAt: number
  readonly expiresAt?: number | undefined
  readonly rotatedAt?: number | undefined
  readonly revokedAt?: number | undefined
  /** To within a few minutes. */
  readonly lastUsedAt?: number | undefined
}

/** A key with the number of its latest change, for stores that are laid over one another. */
export interface KeptKey extends StoredKey {
  /** From 1; it rises with every change but that of `lastUsedAt`. */
  readonly version: number
}

/** Filters of a list; all of them must fit. */
export interface KeyFilter {
  /** Absent: every tenant. */
  readonly tenant?: string | undefined
  /** Empty: any. */
  readonly standings: readonly KeyStanding[]
}

/** One administrative act, for the audit log. Never a secret. */
export interface AuditEntry {
  /** A UUIDv7. */
  readonly id: string
  readonly at: number
  /** Who did it: tenant and subject of the caller, or `cli`. */
  readonly tenant: string
  readonly subject: string
  readonly requestId: string
  /** Such as `key.create`, `key.rotate`, `key.revoke` or `circuit.set`. */
  readonly action: string
  /** What it was done to, such as the id of the key. */
  readonly target: string
  /** Facts for people: flat, without secrets. */
  readonly details: Readonly<Record<string, string>>
}

/** Keeps API keys, and the log of what was done to them and to circuits. Every change is one transaction with its entry. */
export interface Keys {
  /** Keeps a new key. STORAGE_FULL when there is no room. */
  add(key: StoredKey, entry: AuditEntry): Promise<void>
  /** The key with this hash, however it stands; undefined when there is none. */
  byHash(hash: Uint8Array): Promise<StoredKey | undefined>
  get(id: string): Promise<StoredKey | undefined>
  /** Keys that fit, those that were made last first. */
  list(query: PageQuery & KeyFilter): Promise<Page<StoredKey>>
  /** Replaces the secret of a key that is accepted; undefined when there is no such key. */
  rotate(
    id: string,
    secret: Pick<StoredKey, 'hash' | 'secretPrefix'> & { readonly at: number },
    entry: AuditEntry,
  ): Promise<StoredKey | undefined>
  /** Revokes a key, and gives it as it is now; one that is revoked already stays as it is. Undefined when there is none. */
  revoke(id: string, at: number, entry: AuditEntry): Promise<StoredKey | undefined>
  /** Notes that keys were accepted. Losing it loses nothing. */
  touch(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void>
  /** Writes down an act that changed no key. */
  audit(entry: AuditEntry): Promise<void>
}

/** Keys of this machine. `known` is a key as all machines have it, for one that is not here, or older here. */
export interface OwnKeys extends Keys {
  byHash(hash: Uint8Array): Promise<KeptKey | undefined>
  get(id: string): Promise<KeptKey | undefined>
  list(query: PageQuery & KeyFilter): Promise<Page<KeptKey>>
  rotate(
    id: string,
    secret: Pick<StoredKey, 'hash' | 'secretPrefix'> & { readonly at: number },
    entry: AuditEntry,
    known?: KeptKey,
  ): Promise<KeptKey | undefined>
  revoke(id: string, at: number, entry: AuditEntry, known?: KeptKey): Promise<KeptKey | undefined>
}

/** How a key stands at an instant. */
export function standingOf(
  { revokedAt, expiresAt }: Pick<StoredKey, 'revokedAt' | 'expiresAt'>,
  now: number,
): KeyStanding {
  if (revokedAt !== undefined) return 'revoked'
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active'
}
