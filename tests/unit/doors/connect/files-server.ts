// A process that serves files and nothing else, so that its memory can be watched: `node files-server.ts FOLDER`; it prints its URL.
import { join } from 'node:path'
import { systemClock } from '../../../../src/core/clock.ts'
import { createFiles } from '../../../../src/files/files.ts'
import { openDiskBlobs } from '../../../../src/stores/disk/blobs.ts'
import { openSqliteStore } from '../../../../src/stores/sqlite/store.ts'
import { keepingLog } from '../../../support/store-rig.ts'
import { startServer } from './harness.ts'

const [folder = ''] = process.argv.slice(2)
const { files } = await openSqliteStore({
  path: join(folder, 'exai.db'),
  outbox: false,
  clock: systemClock,
  log: keepingLog(),
})
const server = await startServer({
  files: createFiles({
    files,
    blobs: await openDiskBlobs(join(folder, 'blobs')),
    clock: systemClock,
    limits: { fileBytesMax: 4 * 1024 ** 3 },
    reader: { hasText: () => false, wake: () => {} },
  }),
  requestTimeoutMs: 120_000,
})
process.stdout.write(`${server.url}\n`)
