// The embedded store as a worker asks it: its owner has it open, and takes settlements in bundles.
import { GatewayError } from '../core/errors.ts'
import { createSlots } from '../core/slots.ts'
import type { Client } from '../stores/sqlite/client.ts'
import type { CommitInput } from '../stores/sqlite/commit.ts'
import { createGathering } from '../stores/sqlite/gathering.ts'
import type { InputOf, OperationName, OutputOf } from '../stores/sqlite/operations.ts'
import type { Settlements } from '../stores/sqlite/protocol.ts'
import type { Channel } from '../stores/workers/channel.ts'
import { errorOf, type Fault, faultOf } from '../stores/workers/faults.ts'
import type { Asking, Kept, OwnerAnswers } from './words.ts'

/** The store of a worker. */
export interface StoreClient extends Client {
  /** Takes what became of settlements. */
  kept(bundle: Kept): void
}

interface Waiting {
  resolve(): void
  reject(error: GatewayError): void
}

/** The most settlements that wait at once: what no disk can swallow any more. */
const WAITING_COMMITS_MAX = 65_536

/** Makes it. */
export function createStoreClient(
  owner: Asking<OwnerAnswers>,
  channel: Pick<Channel, 'isOpen'>,
): StoreClient {
  const commits = createSlots<Waiting>()
  const gathering = createGathering(bundle => owner.tell('commits', bundle))
  let asked = 0

  return {
    async ask<Name extends OperationName>(name: Name, input: InputOf<Name>) {
      asked += 1
      try {
        // The owner runs the operation of that name, so it is what that one gives.
        return (await owner.ask('store', [name, input])) as OutputOf<Name>
      } finally {
        asked -= 1
      }
    },
    commit(input: CommitInput) {
      return new Promise((resolve, reject) => {
        if (commits.size() >= WAITING_COMMITS_MAX)
          throw new GatewayError('OVERLOADED', 'too much waits for the store: try again later', {
            retryDelayMs: 1_000,
          })
        gathering.add(commits.add({ resolve, reject }), input)
      })
    },
    kept({ ids, failed }) {
      for (const id of ids) commits.take(id)?.resolve()
      for (const [id, fault] of failed) commits.take(id)?.reject(errorOf(fault))
    },
    waiting: () => commits.size() + asked,
    isOpen: channel.isOpen,
    // It is the owner's; what waits goes there.
    close: async () => gathering.flush(),
  }
}

/** Keeps the settlements of a bundle at the owner; resolves when it is known what became of all. */
export async function keepBundle(
  client: Pick<Client, 'commit'>,
  { ids, commits }: Settlements,
): Promise<Kept> {
  const kept: number[] = []
  const failed: (readonly [number, Fault])[] = []
  const all = ids.map(async (id, index) => {
    const input = commits[index]
    if (input === undefined) return
    try {
      await client.commit(input)
      kept.push(id)
    } catch (error) {
      failed.push([id, faultOf(error)])
    }
  })
  await Promise.all(all)
  return { ids: kept, failed }
}
