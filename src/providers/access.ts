// The way in that one attempt uses, and whose it is.
import { createHash } from 'node:crypto'
import type { KeyConfig } from '../config/snapshot.ts'
import type { UpstreamHttp } from './http.ts'

/** The way in that one attempt uses. */
export interface Access {
  readonly http: UpstreamHttp
  /** `Authorization`, unless the host wants no key, and the header fields of the settings. */
  readonly headers: Readonly<Record<string, string>>
  /** The URL under which the client asks. */
  readonly baseUrl?: string
}

const DIGITS = 16

/**
 * Names the account of a key: the configured name, or one that is made of the key and does not tell it. It stays the same as
 * long as the key does, so that copies of files are found again. `baseUrl` is that of keys without one of their own; an
 * account at another address has a name of its own there, since nobody knows whether what it has is the same.
 */
export function accountOf(provider: string, baseUrl: string, key: KeyConfig | undefined): string {
  const url = key?.baseUrl ?? baseUrl
  if (key?.account === undefined) return digest([provider, url, key?.secret ?? ''])
  return url === baseUrl ? key.account : `${key.account}@${digest([url])}`
}

function digest(words: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, DIGITS)
}
