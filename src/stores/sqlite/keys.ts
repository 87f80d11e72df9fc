// The port for API keys on the embedded store.
import type { OwnKeys } from '../../core/keys.ts'
import type { Client } from './client.ts'

/** Makes the port. */
export function createSqliteKeys(client: Client, now: () => number): OwnKeys {
  return {
    add: (key, entry) => client.ask('addKey', { key: { ...key, hash: own(key.hash) }, entry }),
    byHash: hash => client.ask('keyByHash', { hash: own(hash) }),
    get: id => client.ask('getKey', { id }),
    list: query => client.ask('listKeys', { query, now: now() }),
    rotate: (id, { hash, secretPrefix, at }, entry, known) =>
      client.ask('rotateKey', { id, at, hash: own(hash), secretPrefix, entry, known: known ?? null }),
    revoke: (id, at, entry, known) => client.ask('revokeKey', { id, at, entry, known: known ?? null }),
    touch: uses => (uses.length === 0 ? Promise.resolve() : client.ask('touchKeys', { uses })),
    audit: entry => client.ask('addAudit', { entry }),
  }
}

/** Sent between threads is the whole buffer that an array is a part of, so it gets one of its own. */
function own(hash: Uint8Array): Uint8Array {
  return new Uint8Array(hash)
}
