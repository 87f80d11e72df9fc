// What has to be done from time to time for files: freeing what nobody needs, and reading texts that were left unread.
import type { Job } from '../core/job.ts'
import type { Log } from '../core/log.ts'
import { type SweepDeps, sweepFiles } from './sweep.ts'
import type { TextReader } from './text-reader.ts'

/** What the jobs work with. */
export interface FileJobsDeps extends Omit<SweepDeps, 'onFault'> {
  readonly reader: Pick<TextReader, 'wake' | 'idle'>
  readonly log: Log
}

const MINUTE_MS = 60_000

/** The jobs. Doing them in several processes at once does no harm. */
export function fileJobs({ reader, log, ...deps }: FileJobsDeps): readonly Job[] {
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
  ]
}
