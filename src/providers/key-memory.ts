// What is remembered of keys: how much each is used, what its provider has against it, and where it fails. It outlives a pool.
import { createHoldings, type Held } from './held.ts'
import { createKeyAddress, type KeyAddress } from './key-address.ts'
import { createKeyRoom, type KeyRoom } from './key-room.ts'
import type { Out } from './key-troubles.ts'

/** What keys with one bill have in common. */
export interface Account {
  readonly room: KeyRoom
  out: Out | undefined
}

/** How one key has been used. */
export interface KeyRecord {
  /** Attempts that use it now. */
  running: number
  /** Number of its last use; 0 before the first. */
  lastUse: number
  /** Refusals since it was last taken. */
  refusals: number
  out: Out | undefined
  /** By model. */
  readonly denied: Map<string, Out>
}

/** Which key is meant; its label is not in it, since that of a key without a name depends on its place. */
export interface KeyPlace {
  /** Id of the provider. */
  readonly provider: string
  readonly secret: string
  /** To which it is sent. */
  readonly baseUrl: string
  /** Name of its account within the provider. Absent: one of its own. */
  readonly account?: string | undefined
}

/** What a pool or an attempt holds of a key. */
export interface HeldKey {
  readonly record: KeyRecord
  readonly account: Account
  readonly address: KeyAddress
  again(): HeldKey
  release(): void
}

/** The memory of all keys. A key is forgotten when no pool has it and no attempt uses it any more. */
export interface KeyMemory {
  hold(place: KeyPlace): HeldKey
  /** The next number of a use. */
  nextUse(): number
  /** How many keys are remembered. */
  size(): number
}

/** Starts without memories. */
export function createKeyMemory(): KeyMemory {
  const records = createHoldings<KeyRecord>()
  const accounts = createHoldings<Account>()
  const addresses = createHoldings<KeyAddress>()
  let uses = 0
  return {
    hold({ provider, secret, baseUrl, account }) {
      const key = JSON.stringify([provider, baseUrl, secret])
      const bill = account === undefined ? key : JSON.stringify([provider, account])
      return all(
        records.hold(key, () => ({ running: 0, lastUse: 0, refusals: 0, out: undefined, denied: new Map() })),
        accounts.hold(bill, () => ({ room: createKeyRoom(), out: undefined })),
        addresses.hold(JSON.stringify([provider, baseUrl]), createKeyAddress),
      )
    },
    nextUse: () => ++uses,
    size: records.size,
  }
}

function all(record: Held<KeyRecord>, account: Held<Account>, address: Held<KeyAddress>): HeldKey {
  return {
    record: record.value,
    account: account.value,
    address: address.value,
    again: () => all(record.again(), account.again(), address.again()),
    release() {
      record.release()
      account.release()
      address.release()
    },
  }
}
