// A process that sweeps the files of a folder once and ends, if it is not killed before: `node sweep-child.ts FOLDER URL`.
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.ts'
import { createCopyRemover } from '../../src/files/remove-copy.ts'
import { sweepFiles } from '../../src/files/sweep.ts'
import { openDiskBlobs } from '../../src/stores/disk/blobs.ts'
import { openSqliteStore } from '../../src/stores/sqlite/store.ts'
import { hostedProviders } from './copy-host.ts'
import { keepingLog } from './store-rig.ts'

const [folder = '', url = ''] = process.argv.slice(2)
const log = keepingLog()
const store = await openSqliteStore({ path: join(folder, 'exai.db'), outbox: false, clock: systemClock, log })
await sweepFiles(
  {
    files: store.files,
    blobs: await openDiskBlobs(join(folder, 'blobs')),
    clock: systemClock,
    removeCopy: createCopyRemover({ providers: hostedProviders(url, ['one', 'two']), log }),
    onFault(fault) {
      throw fault
    },
  },
  new AbortController().signal,
)
await store.close()
