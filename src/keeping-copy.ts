// The copy of everything in a Supabase project: what changes is sent there, and what this machine never saw is read from there.
import type { Blobs } from './core/blobs.ts'
import type { Clock } from './core/clock.ts'
import type { Conversations } from './core/conversations.ts'
import type { Files } from './core/files.ts'
import type { Job } from './core/job.ts'
import type { Keys } from './core/keys.ts'
import type { Log } from './core/log.ts'
import type { OutboxSize } from './core/outbox.ts'
import type { UsageSums } from './core/usage-sums.ts'
import { projectJobs } from './keeping-jobs.ts'
import { overlayBlobs, overlayConversations, overlayFiles } from './stores/overlay.ts'
import { overlayKeys } from './stores/overlay-keys.ts'
import type { SqliteStore } from './stores/sqlite/store.ts'
import { createSupabaseBlobs } from './stores/supabase/blobs.ts'
import { connectSupabase, type SupabaseSettings } from './stores/supabase/connection.ts'
import { createSupabaseConversations } from './stores/supabase/conversations.ts'
import { createDrainer, type Drainer } from './stores/supabase/drainer.ts'
import { createSupabaseFiles } from './stores/supabase/files.ts'
import { createSupabaseKeys } from './stores/supabase/keys.ts'
import { createSupabaseSink } from './stores/supabase/sink.ts'
import { createUpkeep } from './stores/supabase/upkeep.ts'
import { createSupabaseUsage } from './stores/supabase/usage.ts'

/** What `openCopy` needs. */
export interface CopyDeps {
  readonly settings: SupabaseSettings
  readonly store: SqliteStore
  /** The bytes on this machine. */
  readonly blobs: Blobs
  readonly clock: Clock
  readonly log: Log
  /** Called when `health` may give something else than before. */
  readonly changed: () => void
  /** Sends what waits. Absent: it is done here. */
  readonly sender?: CopySender | undefined
}

/** Sends what waits to the project. */
export interface CopySender {
  /** Says that something waits to be sent. */
  wake(): void
  /** Resolves when nothing waits, or when the signal aborts; says which. */
  empty(signal: AbortSignal): Promise<boolean>
}

/** How a part of the keeping is. */
export interface KeepingHealth {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  /** Why it is not healthy; empty when it is. */
  readonly reason: string
}

/** A project that gets a copy. */
export interface KeepingCopy {
  readonly conversations: Conversations
  readonly files: Files
  readonly blobs: Blobs
  readonly keys: Keys
  /** Sums over what all machines have booked, as far as it has arrived. */
  readonly usage: UsageSums
  readonly jobs: readonly Job[]
  /** Says that something waits to be sent. */
  wake(): void
  /** Resolves when nothing waits, or when the signal aborts; says which. */
  arrived(signal: AbortSignal): Promise<boolean>
  health(): KeepingHealth
  /** Ends the sending, when what waits has arrived, or within seconds when it cannot. */
  close(): Promise<void>
}

/** How old what waits may be before it is told, in milliseconds. */
const LATE_MS = 60_000

/** How long a sum waits for what this machine has still to send, in milliseconds. */
const ARRIVAL_MS = 1_000

/** How long the end waits for what has still to be sent, in milliseconds. */
const LAST_ROWS_MS = 5_000

/** Begins to send. The project need not be there: what waits is sent when it is. */
export async function openCopy({
  settings,
  store,
  blobs,
  clock,
  log,
  changed,
  sender,
}: CopyDeps): Promise<KeepingCopy> {
  const connection = await connectSupabase(settings)
  const ending = new AbortController()
  let size: OutboxSize = { entries: 0, dead: 0 }
  let trouble = ''
  let told = ''
  const tell = (): void => {
    const { reason } = health()
    if (reason === told) return
    told = reason
    changed()
  }

  function health(): KeepingHealth {
    const reasons = [
      ...(trouble === '' ? [] : [trouble]),
      ...(connection.reads.isOpen()
        ? ['the project is not read: what only others have kept is not seen']
        : []),
      ...(clock.now() - (size.oldestAt ?? clock.now()) > LATE_MS
        ? ['rows wait for more than a minute to be copied']
        : []),
      ...(size.dead > 0 ? [`${size.dead} rows were refused and are not in the project`] : []),
    ]
    return reasons.length === 0
      ? { status: 'healthy', reason: '' }
      : { status: 'degraded', reason: reasons.join('; ') }
  }

  const drain = (): Drainer =>
    createDrainer({
      source: store.outbox,
      sink: createSupabaseSink({ connection, blobs }),
      clock,
      signal: ending.signal,
      events: {
        backlog(now) {
          size = now
          tell()
        },
        buried: ({ table, id }, { code, message }) =>
          log.error('the project refused a row', { table, id, code, reason: message }),
        troubled({ because, code, message }, waitMs) {
          if (trouble === '')
            log.warn('the project cannot be written to', { because, code, reason: message, waitMs })
          trouble = TROUBLES[because]
          tell()
        },
        recovered() {
          log.info('the project can be written to again')
          trouble = ''
          tell()
        },
      },
    })
  const drainer = sender === undefined ? drain() : undefined
  const { wake, empty }: CopySender = sender ?? drainer ?? drain()

  /** Sums in which this machine's own calls are not missing because they are still on their way, as far as that is quick. */
  function arrivedFirst({ sums, total }: UsageSums): UsageSums {
    const arrived = (): Promise<boolean> => empty(AbortSignal.timeout(ARRIVAL_MS))
    return {
      async sums(query) {
        await arrived()
        return sums(query)
      },
      async total(query) {
        await arrived()
        return total(query)
      },
    }
  }

  connection.reads.onChange(() => {
    if (connection.reads.isOpen()) log.warn('the project does not answer and is not read for a while')
    else log.info('the project can be read again')
    tell()
  })
  const onFault = (err: unknown): void => {
    // That it is left alone was said once.
    if (connection.reads.isOpen()) log.debug('a list has only what is on this machine', { err })
    else log.warn('a list has only what is on this machine', { err })
  }
  return {
    conversations: overlayConversations({
      own: store.conversations,
      theirs: createSupabaseConversations(connection, clock),
      seen: ids => store.seen('conversations', ids),
      deleteTheirs: store.deleteForeign,
      onFault,
    }),
    files: overlayFiles({
      own: store.files,
      theirs: createSupabaseFiles(connection, clock),
      seen: ids => store.seen('files', ids),
      onFault,
    }),
    blobs: overlayBlobs(blobs, createSupabaseBlobs(connection)),
    keys: overlayKeys({
      own: store.keys,
      theirs: createSupabaseKeys(connection, clock),
      clock,
      wake,
      onFault: err => log.warn('keys are only known as far as they are on this machine', { err }),
    }),
    usage: arrivedFirst(createSupabaseUsage(connection)),
    jobs: drainer === undefined ? [] : projectJobs(createUpkeep(connection), clock),
    wake,
    arrived: empty,
    health,
    async close() {
      // The disk under the store may go with the process, as that of a pod does.
      if (
        trouble === '' &&
        drainer !== undefined &&
        !(await drainer.empty(AbortSignal.timeout(LAST_ROWS_MS)))
      )
        log.warn('not all that was kept has arrived in the project: the rest waits on this disk')
      ending.abort()
      await drainer?.done
      await connection.close()
    },
  }
}

const TROUBLES = {
  credentials: 'the project does not take SUPABASE_KEY',
  schema: 'a table is missing in the project: run the migrations of supabase/migrations',
  trouble: 'the project does not answer',
} as const
