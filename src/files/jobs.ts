// What has to be done from time to time for files: freeing what nobody needs, and reading texts that were left unread.
import type { ExpiredFile } from '../core/files.ts'
import type { EventSink } from '../core/gateway-event.ts'
import type { Job } from '../core/job.ts'
import type { Log } from '../core/log.ts'
import { expireFiles, type SweepDeps, sweepFiles } from './sweep.ts'
import type { TextReader } from './text-reader.ts'

/** What the jobs work with. */
export interface FileJobsDeps extends Omit<SweepDeps, 'onFault' | 'onExpired'> {
  readonly reader: Pick<TextReader, 'wake' | 'idle'>
  readonly log: Log
  /** Hears of files that have expired. Absent: nobody does. */
  readonly onEvent?: EventSink | undefined
}

const MINUTE_MS = 60_000

/** The jobs. Doing them in several processes at once does no harm. */
export function fileJobs({ reader, log, onEvent, ...own }: FileJobsDeps): readonly Job[] {
  const onExpired = ({ tenant, id, mimeType, sizeBytes }: ExpiredFile): void =>
    onEvent?.({ type: 'file.changed', action: 'expired', tenant, fileId: id, mimeType, sizeBytes })
  const deps = { ...own, onExpired }
  const onFault = (err: unknown): void => log.error('bytes of a file cannot be freed now', { err })
  return [
    {
      name: 'sweep_files',
      everyMs: 5 * MINUTE_MS,
      isOwned: false,
      async run(signal) {
        const swept = await sweepFiles({ ...deps, onFault }, signal)
        if (Object.values(swept).some(count => count > 0)) log.info('files were swept', { ...swept })
      },
    },
    {
      name: 'read_texts',
      everyMs: MINUTE_MS,
      isOwned: false,
      async run() {
        reader.wake()
        await reader.idle()
      },
    },
    {
      // Their bytes are the sweeper's; that a file is gone is told without waiting for it.
      name: 'expire_files',
      everyMs: MINUTE_MS,
      isOwned: false,
      async run(signal) {
        await expireFiles(deps, signal)
      },
    },
  ]
}
