// The files of tenants as the service puts them together: what is deleted is freed everywhere, and what may be kept is limited.
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DeleteFileRequestSchema, GetFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { type KeptFiles, keepFiles } from '../../src/kept-files.ts'
import { createTokenCounter } from '../../src/metering/count.ts'
import { type CopyHost, hostedProviders, startCopyHost } from '../support/copy-host.ts'
import { callOf, type FilesRig, openFilesRig, small } from '../support/files-rig.ts'

let rig: FilesRig
let host: CopyHost
let kept: KeptFiles
beforeEach(async () => {
  rig = await openFilesRig()
  host = await startCopyHost()
  kept = keepFiles({
    keeping: rig.ports,
    counter: createTokenCounter(),
    limits: { maxFileBytes: 1_000, fileQuotaBytes: 1_500, fileTtlMs: 60_000 },
    providers: hostedProviders(host.url, ['one', 'two']),
    clock: rig.clock,
    log: rig.log,
  })
})
afterEach(async () => {
  await kept.close()
  await rig[Symbol.asyncDispose]()
  await host.close()
})

const running = new AbortController().signal

test('the sweep frees the copies of a deleted file at all providers, and its bytes', async () => {
  const { file } = await kept.service.create(callOf(), small('content'))
  const fileId = file?.id ?? ''
  const [blobKey = ''] = await rig.kept()
  for (const provider of ['one', 'two']) {
    const key = { blobKey, provider, account: 'a' }
    await rig.ports.files.claimCopy(key, 1_000)
    await rig.ports.files.keepCopy(key, { remoteId: 'r' })
    host.copies.add(`/${provider}/a/r`)
  }
  await kept.service.delete(callOf(), create(DeleteFileRequestSchema, { fileId }))
  await kept.jobs.find(({ name }) => name === 'sweep_files')?.run(running)
  expect([[...host.copies], await rig.kept(), await rig.ports.files.due(9)]).toEqual([[], [], []])
})

test('a file is kept as long, and as large, as the limits say', async () => {
  const { file } = await kept.service.create(callOf(), small('content'))
  const get = () => kept.service.get(callOf(), create(GetFileRequestSchema, { fileId: file?.id ?? '' }))
  rig.clock.pass(59_999)
  expect((await get()).file?.filename).toBe('a.txt')
  rig.clock.pass(1)
  await expect(get()).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
  const tooLarge = kept.service.create(callOf(), small('x'.repeat(1_001)))
  await expect(tooLarge).rejects.toMatchObject({ reason: 'INVALID_REQUEST' })
  await kept.service.create(callOf(), small('y'.repeat(1_000)))
  const tooMuch = kept.service.create(callOf(), small('z'.repeat(1_000)))
  await expect(tooMuch).rejects.toMatchObject({ reason: 'STORAGE_FULL' })
})
