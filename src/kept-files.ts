// Puts the files of tenants together: their service, what a chat is given of them, and what is done for them in the background.
import { createFileParts, type FileParts } from './chat/file-parts.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { EventSink } from './core/gateway-event.ts'
import { type Job, type Jobs, startJobs } from './core/job.ts'
import type { Log } from './core/log.ts'
import type { Shared } from './core/shared.ts'
import { createFiles, type TenantFiles } from './files/files.ts'
import { createFileGiving } from './files/giving.ts'
import { fileJobs } from './files/jobs.ts'
import { createPdfText } from './files/pdf-text.ts'
import { type CopyProviders, createCopyRemover } from './files/remove-copy.ts'
import { createTextReader } from './files/text-reader.ts'
import type { Keeping } from './keeping.ts'
import type { TokenCounter } from './metering/count.ts'

/** What files are put together from. */
export interface KeptFilesDeps {
  readonly keeping: Pick<Keeping, 'files' | 'blobs'>
  readonly counter: TokenCounter
  readonly limits: Pick<Config['limits'], 'maxFileBytes' | 'fileQuotaBytes' | 'fileTtlMs'>
  /** The most bytes of a tenant that has a limit of its own. Absent: none has. */
  readonly quotaOf?: (tenant: string) => number | undefined
  /** Hears of what becomes of files. Absent: nobody does. */
  readonly onEvent?: EventSink | undefined
  /** Those who may have copies of files. */
  readonly providers: CopyProviders
  readonly clock: Clock
  readonly log: Log
}

/** The files of tenants. */
export interface KeptFiles {
  readonly service: TenantFiles
  /** Looks up the files of chats, and gives them to attempts. */
  readonly parts: FileParts
  readonly jobs: readonly Job[]
  /** Stops reading texts; what was not read is read after the next start. */
  close(): Promise<void>
}

/** Puts them together. */
export function keepFiles(deps: KeptFilesDeps): KeptFiles {
  const { keeping, counter, limits, quotaOf, onEvent, providers, clock, log } = deps
  const { files, blobs } = keeping
  const reader = createTextReader({ files, blobs, counter, extract: createPdfText({ log }), log })
  // What the last run left unread: chats that name it wait for it.
  reader.wake()
  return {
    service: createFiles({
      files,
      blobs,
      clock,
      limits: {
        fileBytesMax: limits.maxFileBytes,
        quotaBytes: limits.fileQuotaBytes,
        ttlMs: limits.fileTtlMs,
      },
      quotaOf,
      reader,
      onEvent,
    }),
    parts: createFileParts({ files, blobs, clock, giving: createFileGiving({ files, blobs, counter }) }),
    jobs: fileJobs({
      files,
      blobs,
      clock,
      reader,
      removeCopy: createCopyRemover({ providers, log }),
      onEvent,
      log,
    }),
    close: reader.close,
  }
}

/** Starts what has to be done from time to time; a job that fails is told in the log. */
export function startKeepingJobs(
  jobs: readonly Job[],
  { shared, clock, log }: { readonly shared: Shared; readonly clock: Clock; readonly log: Log },
): Jobs {
  return startJobs({
    jobs,
    shared,
    clock,
    onRun({ job, outcome, fault }) {
      if (outcome === 'failed') log.error('a job failed and is tried again', { job, err: fault })
    },
  })
}
