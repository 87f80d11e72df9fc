// The embedded store: conversations, files, the ledger, marks and keys in one SQLite file.
import type { Clock } from '../../core/clock.ts'
import type { Conversations } from '../../core/conversations.ts'
import type { Files } from '../../core/files.ts'
import type { OwnKeys } from '../../core/keys.ts'
import type { Log } from '../../core/log.ts'
import type { Marks } from '../../core/marks.ts'
import type { Outbox } from '../../core/outbox.ts'
import type { Ending, Journal } from '../../core/settlement.ts'
import type { UsageSums } from '../../core/usage-sums.ts'
import { type Client, createClient } from './client.ts'
import type { DatabasePlace } from './connections.ts'
import { type ForeignConversation, systemOf } from './conversation-rows.ts'
import { wholeMs } from './driver.ts'
import { createSqliteKeys } from './keys.ts'
import { ledgerRows } from './ledger.ts'
import type { OperationName } from './operations.ts'
import type { SeenTable } from './sending.ts'

/** What the store needs. */
export interface SqliteStoreDeps extends DatabasePlace {
  /** Whether what changes is noted for another database; without one it must be false, or the notes grow for ever. */
  readonly outbox: boolean
  readonly clock: Clock
  readonly log: Log
}

/** The ports of core, on one file. */
export interface SqliteStore {
  readonly journal: Journal
  readonly conversations: Conversations
  readonly files: Files
  readonly marks: Marks
  readonly keys: OwnKeys
  readonly usage: UsageSums
  readonly outbox: Outbox
  /** Which of these ids it knows itself, though they may be deleted. */
  seen(table: SeenTable, ids: readonly string[]): Promise<readonly string[]>
  /** Deletes a conversation that was read elsewhere. */
  deleteForeign(conversation: ForeignConversation): Promise<void>
  /** How many questions wait for the store. */
  waiting(): number
  /** Whether it can be asked: not while its worker has died and is being started again. */
  isOpen(): boolean
  /** Gives at most so many pages of 4 KiB that were freed back to the disk; how many it gave. */
  compact(pages: number): Promise<number>
  /** Asks it as it asks itself: for another process of the service, which makes a store of its own over it. */
  readonly client: Client
  /** Finishes what it was asked, and closes the file. */
  close(): Promise<void>
}

/**
 * Opens the store, and makes or renews its tables. Several processes may share a file. Throws when it can't be opened or a
 * newer version of the service wrote it.
 */
export async function openSqliteStore({ clock, log, ...place }: SqliteStoreDeps): Promise<SqliteStore> {
  const client = await createClient({ ...place, readOnly: false }, log)
  const reports = createReports(place.path === ':memory:' ? client : undefined, () =>
    createClient({ ...place, readOnly: true }, log),
  )
  return sqliteStoreOn({
    clock,
    client: {
      ...client,
      async ask(name, input) {
        return (REPORTS.has(name) ? await reports.client() : client).ask(name, input)
      },
      async close() {
        await reports.close()
        await client.close()
      },
    },
  })
}

/** What may read for seconds. */
const REPORTS: ReadonlySet<OperationName> = new Set(['usageSums', 'usageTotal'])

/** The store at the other end of a client, which it closes with itself. */
export function sqliteStoreOn({
  client,
  clock,
}: {
  readonly client: Client
  readonly clock: Clock
}): SqliteStore {
  const now = (): number => wholeMs(clock.now())
  return {
    journal: journalOf(client, now),
    conversations: conversationsOf(client, now),
    files: filesOf(client, now),
    marks: {
      begin: mark => client.ask('beginMark', { mark, now: now() }),
      byKey: (tenant, key) => client.ask('markByKey', { tenant, key, now: now() }),
      byResponse: (tenant, responseId) => client.ask('markByResponse', { tenant, responseId, now: now() }),
      free: responseId => client.ask('freeMark', { responseId }),
      expire: limit => client.ask('expireMarks', { limit, now: now() }),
    },
    keys: createSqliteKeys(client, now),
    usage: {
      sums: query => client.ask('usageSums', query),
      total: query => client.ask('usageTotal', query),
    },
    outbox: {
      peek: (limit, maxBytes) => client.ask('peekOutbox', { limit, maxBytes }),
      done: sequences => client.ask('outboxDone', { sequences }),
      bury: (sequence, reason) => client.ask('buryOutbox', { sequence, reason }),
      size: () => client.ask('outboxSize', {}),
    },
    seen: (table, ids) => client.ask('seen', { table, ids }),
    deleteForeign: ({ tenant, id, createdAt, lastPlace, version }) =>
      client.ask('deleteForeign', { tenant, id, createdAt, lastPlace, version, now: now() }),
    waiting: client.waiting,
    isOpen: client.isOpen,
    compact: pages => client.ask('compact', { pages }),
    client,
    close: client.close,
  }
}

/** A second worker for what may read for seconds: commits don't wait for it. It is started when it is first needed. */
function createReports(
  shared: Client | undefined,
  open: () => Promise<Client>,
): { client(): Promise<Client>; close(): Promise<void> } {
  let opened: Promise<Client> | undefined
  return {
    async client() {
      if (shared !== undefined) return shared
      opened ??= open()
      try {
        return await opened
      } catch (error) {
        opened = undefined
        throw error
      }
    },
    async close() {
      const client = await opened?.catch(() => undefined)
      await client?.close()
    },
  }
}

function journalOf(client: Client, now: () => number): Journal {
  return {
    commit: settlement =>
      client.commit({
        responseId: settlement.responseId,
        tenant: settlement.caller.tenant,
        now: now(),
        answeredBy: settlement.answeredBy ?? null,
        ledger: ledgerRows(settlement),
        turn: settlement.turn ?? null,
        ending: plainEnding(settlement.ending),
      }),
  }
}

/** Sent between threads is the whole buffer that an array is a part of, so it gets one of its own. */
function plainEnding(ending: Ending | undefined): Ending | null {
  return ending?.type === 'kept' ? { ...ending, body: new Uint8Array(ending.body) } : (ending ?? null)
}

function conversationsOf(client: Client, now: () => number): Conversations {
  return {
    async get(key) {
      const found = await client.ask('getConversation', { ...key, now: now() })
      return found && { ...found.info, system: systemOf(found.system) }
    },
    list: ({ tenant, limit, after }) => client.ask('listConversations', { tenant, limit, after, now: now() }),
    history: query => client.ask('history', { query, now: now() }),
    holding: key => client.ask('holdingConversation', key),
    delete: key => client.ask('deleteConversation', { ...key, now: now() }),
    expire: limit => client.ask('expireConversations', { limit, now: now() }),
  }
}

function filesOf(client: Client, now: () => number): Files {
  return {
    add: file => client.ask('addFile', { file, now: now() }),
    get: key => client.ask('getFile', { ...key, now: now() }),
    list: query => client.ask('listFiles', { query, now: now() }),
    delete: key => client.ask('deleteFile', { ...key, now: now() }),
    expire: limit => client.ask('expireFiles', { limit, now: now() }),
    usedBytes: tenant => client.ask('usedBytes', { tenant }),
    putText: (blobKey, read) => client.ask('putText', { blobKey, read, now: now() }),
    text: key => client.ask('fileText', { ...key, now: now() }),
    unread: limit => client.ask('unreadBlobs', { limit }),
    claimCopy: (key, leaseMs) => client.ask('claimCopy', { key, leaseMs, now: now() }),
    owners: (provider, blobKeys) => client.ask('copyOwners', { provider, blobKeys, now: now() }),
    keepCopy: (key, copy) => client.ask('keepCopy', { key, copy }),
    dropCopy: key => client.ask('dropCopy', { key }),
    due: limit => client.ask('dueBlobs', { limit }),
    forget: blobKey => client.ask('forgetBlob', { blobKey, now: now() }),
    unknown: blobKeys => client.ask('unknownBlobs', { blobKeys }),
  }
}
