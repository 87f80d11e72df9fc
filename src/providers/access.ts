// The way in that one attempt uses, and whose it is.
import { createHash } from 'node:crypto'
import type { KeyConfig } from '../config/snapshot.ts'
import type { UpstreamHttp } from './http.ts'

/** The way in that one attempt uses. */
export interface Access {
  readonly http: UpstreamHttp
  /** `Authorization`, unless the host wants no key, and the header fields of the settings. */
  readonly headers: Readonly<Record<string, string>>
}

const DIGITS = 16

/**
 * Names the account of a key: the configured name, or one that is made of the key and does not tell it. It stays the same as
 * long as the key does, so that copies of files are found again. `baseUrl` is that of keys without one of their own.
 */
export function accountOf(provider: string, baseUrl: string, key: KeyConfig | undefined): string {
  if (key?.account !== undefined) return key.account
  const place = JSON.stringify([provider, key?.baseUrl ?? baseUrl, key?.secret ?? ''])
  return createHash('sha256').update(place).digest('hex').slice(0, DIGITS)
}
