// An embedded store that sends to a project: what it keeps is read back from the project, for the suites of core's ports.
import { systemClock } from '../../src/core/clock.ts'
import { connectSupabase } from '../../src/stores/supabase/connection.ts'
import { createSupabaseConversations } from '../../src/stores/supabase/conversations.ts'
import { createDrainer } from '../../src/stores/supabase/drainer.ts'
import { createSupabaseFiles } from '../../src/stores/supabase/files.ts'
import { createSupabaseKeys } from '../../src/stores/supabase/keys.ts'
import { createSupabaseSink } from '../../src/stores/supabase/sink.ts'
import { createSupabaseUsage } from '../../src/stores/supabase/usage.ts'
import { openSqliteRig, type StoreRig } from './store-rig.ts'
import type { SupabaseRig } from './supabase-rig.ts'

/** Makes a rig on a project that has storage; it empties the tables before. */
export async function openProjectRig(project: SupabaseRig): Promise<StoreRig> {
  await project.sql('truncate conversations, messages, usage_ledger, files, file_blobs, api_keys, audit_log')
  const store = await openSqliteRig()
  const { journal, conversations, files, keys, outbox, ...ports } = store.ports()
  const connection = await connectSupabase({ url: project.url, key: project.key })
  const stop = new AbortController()
  const drainer = createDrainer({
    source: outbox,
    sink: createSupabaseSink({
      connection,
      blobs: {
        // What the bytes are is not what these suites are about.
        async *read(_key, _offset, length) {
          yield new Uint8Array(length)
        },
      },
    }),
    clock: systemClock,
    signal: stop.signal,
  })
  /** What a change gives, as soon as it has arrived. */
  async function arrived<Value>(change: Promise<Value>): Promise<Value> {
    const value = await change
    if (!(await drainer.empty(AbortSignal.timeout(10_000)))) throw new Error('it did not arrive in time')
    return value
  }
  const { touch, put: _, ...reads } = createSupabaseKeys(connection, store.clock)
  return {
    clock: store.clock,
    ports: () => ({
      ...ports,
      outbox,
      usage: createSupabaseUsage(connection),
      keys: {
        ...keys,
        ...reads,
        add: (key, entry) => arrived(keys.add(key, entry)),
        rotate: (id, secret, entry) => arrived(keys.rotate(id, secret, entry)),
        revoke: (id, at, entry) => arrived(keys.revoke(id, at, entry)),
        async touch(uses) {
          await keys.touch(uses)
          await touch(uses)
        },
        audit: entry => arrived(keys.audit(entry)),
      },
      journal: { commit: settlement => arrived(journal.commit(settlement)) },
      conversations: {
        ...createSupabaseConversations(connection, store.clock),
        delete: key => arrived(conversations.delete(key)),
        expire: limit => arrived(conversations.expire(limit)),
      },
      files: {
        ...files,
        ...createSupabaseFiles(connection, store.clock),
        add: file => arrived(files.add(file)),
        delete: key => arrived(files.delete(key)),
        expire: limit => arrived(files.expire(limit)),
        forget: key => arrived(files.forget(key)),
        putText: (key, text) => arrived(files.putText(key, text)),
      },
    }),
    reopen: () => Promise.reject(new Error('this rig is not opened again')),
    async close() {
      stop.abort()
      await drainer.done
      await connection.close()
      await store.close()
    },
  }
}
