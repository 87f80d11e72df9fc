// Opens what keeps things by configuration: the embedded store and the bytes beside it, and the copy in a Supabase project.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Blobs } from './core/blobs.ts'
import type { Clock } from './core/clock.ts'
import type { Conversations } from './core/conversations.ts'
import { GatewayError } from './core/errors.ts'
import type { Files } from './core/files.ts'
import type { Job } from './core/job.ts'
import type { Keys } from './core/keys.ts'
import type { Log } from './core/log.ts'
import type { Marks } from './core/marks.ts'
import type { Outbox } from './core/outbox.ts'
import type { Journal, Settlement } from './core/settlement.ts'
import type { UsageSums } from './core/usage-sums.ts'
import type { CopyDeps, CopySender, KeepingCopy, KeepingHealth } from './keeping-copy.ts'
import { storeJobs } from './keeping-jobs.ts'
import { openDiskBlobs } from './stores/disk/blobs.ts'
import type { Client } from './stores/sqlite/client.ts'
import { openSqliteStore, sqliteStoreOn } from './stores/sqlite/store.ts'

/** Where things are kept. */
export interface KeepingConfig {
  /** Folder of the embedded store; it is made when there is none. */
  readonly dataDir: string
  /** Project that gets a copy of everything; absent: none. */
  readonly supabase?: { readonly url: string; readonly key: string } | undefined
}

/** What `openKeeping` needs. */
export interface KeepingDeps {
  readonly config: KeepingConfig
  readonly clock: Clock
  readonly log: Log
  /** The store, where another process of the service has it open. Absent: it is opened here. */
  readonly elsewhere?: StoreElsewhere | undefined
}

/** The embedded store in the hands of another process of the service, which also sends what waits for the project. */
export interface StoreElsewhere extends CopySender {
  readonly client: Client
  numbers(): Promise<KeepingNumbers>
}

/** Numbers for the metrics. */
export interface KeepingNumbers {
  /** Questions that wait for the embedded store. */
  readonly waiting: number
  /** Changes that have not arrived in the project; 0 without one, as the two below. */
  readonly backlogRows: number
  /** How old the oldest of them is, in milliseconds. */
  readonly backlogAgeMs: number
  /** Changes that the project will never take. */
  readonly deadLetters: number
}

/** Everything that is kept, behind core's ports. */
export interface Keeping {
  readonly journal: Journal
  readonly conversations: Conversations
  readonly files: Files
  readonly marks: Marks
  /** API keys and the audit log: those of all machines when there is a project. */
  readonly keys: Keys
  /** Sums over what this machine has booked. */
  readonly usage: UsageSums
  /** Sums over what all machines have booked, as far as it has arrived in the project; absent without one. */
  readonly usageOfAll: UsageSums | undefined
  readonly blobs: Blobs
  /** What waits for the project; absent without one. */
  readonly outbox: Outbox | undefined
  /** Whether the embedded store can be asked: not while its worker has died and is being started again. */
  isOpen(): boolean
  /** Questions that wait for the embedded store now. */
  waiting(): number
  /** The parts beside the store by name: `supabase` when there is a project. */
  health(): Readonly<Record<string, KeepingHealth>>
  /** Calls the listener when `health` gives something else than before. Returns the way to stop that. */
  onHealth(listener: () => void): () => void
  numbers(): Promise<KeepingNumbers>
  /** What has to be done from time to time, without what expires of files and the freeing of bytes: files know more about that. */
  readonly jobs: readonly Job[]
  /** The way to the embedded store for other processes of the service. */
  readonly client: Client
  /** Says that something was written that waits for the project. */
  wake(): void
  /** Resolves when all that waits has arrived in the project, or when the signal aborts; says which. */
  arrived(signal: AbortSignal): Promise<boolean>
  /** Ends the copying and closes the store. What has not arrived in the project waits on disk. */
  close(): Promise<void>
}

/** Opens everything. Rejects with a GatewayError when the store is damaged or a newer version wrote it. */
export async function openKeeping({ config, clock, log, elsewhere }: KeepingDeps): Promise<Keeping> {
  await using stack = new AsyncDisposableStack()
  const listeners = new Set<() => void>()
  const changed = (): void => {
    for (const listener of listeners) listener()
  }
  await makeFolder(config.dataDir)
  const store =
    elsewhere === undefined
      ? await openSqliteStore({
          path: join(config.dataDir, 'exai.db'),
          outbox: config.supabase !== undefined,
          clock,
          log,
        })
      : sqliteStoreOn({ client: elsewhere.client, clock })
  stack.defer(store.close)
  const blobs = await openDiskBlobs(join(config.dataDir, 'blobs'))
  const copy: KeepingCopy | undefined =
    config.supabase &&
    (await openCopyOf({ settings: config.supabase, store, blobs, clock, log, changed, sender: elsewhere }))
  if (copy !== undefined) stack.defer(copy.close)

  const journal: Journal = {
    async commit(settlement: Settlement) {
      await store.journal.commit(settlement)
      copy?.wake()
    },
  }

  const opened = stack.move()
  return {
    journal,
    conversations: copy?.conversations ?? store.conversations,
    files: copy?.files ?? store.files,
    marks: store.marks,
    keys: copy?.keys ?? store.keys,
    usage: store.usage,
    usageOfAll: copy?.usage,
    blobs: copy?.blobs ?? blobs,
    outbox: copy === undefined ? undefined : store.outbox,
    isOpen: store.isOpen,
    waiting: store.waiting,
    health: () => (copy === undefined ? {} : { supabase: copy.health() }),
    onHealth(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async numbers() {
      if (elsewhere !== undefined) return elsewhere.numbers()
      const backlog = copy === undefined ? undefined : await store.outbox.size()
      return {
        waiting: store.waiting(),
        backlogRows: backlog?.entries ?? 0,
        backlogAgeMs: backlog?.oldestAt === undefined ? 0 : Math.max(0, clock.now() - backlog.oldestAt),
        deadLetters: backlog?.dead ?? 0,
      }
    },
    // Whoever has it open does them.
    jobs: elsewhere === undefined ? [...storeJobs(store), ...(copy?.jobs ?? [])] : [],
    client: store.client,
    wake: () => copy?.wake(),
    arrived: signal => copy?.arrived(signal) ?? Promise.resolve(true),
    close: () => opened.disposeAsync(),
  }
}

/** Loads what has to do with a project, which few services have, and opens it. */
async function openCopyOf(deps: CopyDeps): Promise<KeepingCopy> {
  const { openCopy } = await import('./keeping-copy.ts')
  return openCopy(deps)
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    throw new GatewayError('INTERNAL', 'DATA_DIR cannot be made; give the service a folder to write to', {
      cause,
    })
  }
}
