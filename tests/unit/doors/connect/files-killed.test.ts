// A server that is killed in the middle of an upload: what it acknowledged is there afterwards, and the rest is freed.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { expect, test } from 'vitest'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { systemClock } from '../../../../src/core/clock.ts'
import { ORPHAN_AGE_MS, sweepFiles } from '../../../../src/files/sweep.ts'
import { openDiskBlobs } from '../../../../src/stores/disk/blobs.ts'
import { openSqliteStore } from '../../../../src/stores/sqlite/store.ts'
import { startChild } from '../../../support/child.ts'
import { downloaded } from '../../../support/files-rig.ts'
import { keepingLog, ownFolder } from '../../../support/store-rig.ts'
import { root } from '../../../support/tools.ts'
import { until } from './harness.ts'

test('a kill in the middle of an upload loses nothing that was acknowledged and leaves nothing else', async () => {
  const folder = await ownFolder()
  const coming = join(folder.path, 'blobs/coming')
  const start = async () => {
    const child = await startChild(process.execPath, [
      `${root}/tests/unit/doors/connect/files-server.ts`,
      folder.path,
    ])
    await until(() => child.output().includes('\n'))
    const baseUrl = child.output().trim()
    return { child, files: createClient(FilesService, createGrpcTransport({ baseUrl })) }
  }
  const first = await start()
  const { file } = await first.files.createFile({ filename: 'kept', content: Buffer.from('acknowledged') })
  const { promise: killed, resolve: kill } = Promise.withResolvers<void>()
  async function* endless() {
    yield { piece: { case: 'header', value: { filename: 'cut' } } } as const
    yield { piece: { case: 'chunk', value: Buffer.alloc(100_000) } } as const
    await killed
  }
  const cut = first.files.uploadFile(endless()).then(
    () => 'acknowledged',
    () => 'failed',
  )
  while ((await readdir(coming)).length === 0) await new Promise(resolve => setTimeout(resolve, 2))
  await first.child.stop('SIGKILL')
  kill()
  expect(await cut).toBe('failed')

  const second = await start()
  const { files } = await second.files.listFiles({})
  expect(files.map(({ filename }) => filename)).toEqual(['kept'])
  expect(String(await downloaded(second.files.downloadFile({ fileId: file?.id ?? '' })))).toBe('acknowledged')
  await second.child.stop('SIGTERM')

  expect(await readdir(coming)).toHaveLength(1)
  const log = keepingLog()
  const store = await openSqliteStore({
    path: join(folder.path, 'exai.db'),
    outbox: false,
    clock: systemClock,
    log,
  })
  const later = { ...systemClock, now: () => Date.now() + ORPHAN_AGE_MS + 1_000 }
  const blobs = await openDiskBlobs(join(folder.path, 'blobs'))
  const fail = (fault: unknown): never => {
    throw fault
  }
  const swept = await sweepFiles(
    { files: store.files, blobs, clock: later, onFault: fail },
    new AbortController().signal,
  )
  expect(swept).toEqual({ expired: 0, freed: 0, orphans: 0, broken: 1 })
  expect(await readdir(coming)).toEqual([])
  await store.close()
  await folder.remove()
})
