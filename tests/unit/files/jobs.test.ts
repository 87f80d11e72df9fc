// The jobs of files: each does its part when its time comes, and a run with nothing to do says nothing.
import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { DeleteFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import { newId } from '../../../src/core/ids.ts'
import { fileJobs } from '../../../src/files/jobs.ts'
import { callOf, openFilesRig, small } from '../../support/files-rig.ts'

const running = new AbortController().signal

test('bytes are freed, and only that is told', async () => {
  await using rig = await openFilesRig()
  const [sweep] = fileJobs({ ...rig.ports, clock: rig.clock, reader: rig.reader, log: rig.log })
  const { file } = await rig.files.create(callOf(), small('x'))
  await sweep?.run(running)
  expect(rig.log.lines).toEqual([])
  await rig.files.delete(callOf(), create(DeleteFileRequestSchema, { fileId: file?.id ?? '' }))
  await sweep?.run(running)
  expect(rig.log.lines).toEqual([
    { message: 'files were swept', fields: { expired: 0, freed: 1, orphans: 0, broken: 0 } },
  ])
  expect(await rig.kept()).toEqual([])
})

test('what cannot be freed is told', async () => {
  await using rig = await openFilesRig()
  const blobs = { ...rig.ports.blobs, remove: () => Promise.reject(new Error('no')) }
  const { file } = await rig.files.create(callOf(), small('x'))
  await rig.files.delete(callOf(), create(DeleteFileRequestSchema, { fileId: file?.id ?? '' }))
  await fileJobs({ ...rig.ports, blobs, clock: rig.clock, reader: rig.reader, log: rig.log })[0]?.run(running)
  expect(rig.log.lines.map(({ message }) => message)).toEqual(['bytes of a file cannot be freed now'])
})

test('texts that were left unread are read', async () => {
  await using rig = await openFilesRig()
  const { clock, ports } = rig
  const bytes = (async function* () {
    yield Buffer.from('left')
  })()
  const { key: blobKey, ...facts } = await ports.blobs.put(bytes)
  const key = { tenant: 'default', id: newId('file', clock.now()) }
  const own = {
    filename: 'a',
    mimeType: 'text/plain',
    metadata: {},
    purpose: '',
    text: { state: 'pending' },
  } as const
  await ports.files.add({ ...key, ...facts, ...own, blobKey, createdAt: clock.now() })
  await fileJobs({ ...ports, clock, reader: rig.reader, log: rig.log })[1]?.run(running)
  expect(await ports.files.text(key)).toBe('left')
})

test.each(['sweep_files', 'expire_files'])('%s tells of each file whose time is over, once', async name => {
  await using rig = await openFilesRig()
  const events: GatewayEvent[] = []
  const jobs = fileJobs({
    ...rig.ports,
    clock: rig.clock,
    reader: rig.reader,
    log: rig.log,
    onEvent: event => void events.push(event),
  })
  const expiration = { case: 'ttl', value: { seconds: 1n, nanos: 0 } } as const
  const { file } = await rig.files.create(callOf(), small('short', { expiration }))
  await rig.files.create(callOf(), small('stays'))
  const job = jobs.find(one => one.name === name)
  await job?.run(running)
  expect(events).toEqual([])
  rig.clock.pass(1_000)
  await job?.run(running)
  await job?.run(running)
  expect(events).toEqual([
    {
      type: 'file.changed',
      action: 'expired',
      tenant: 'default',
      fileId: file?.id,
      mimeType: 'text/plain',
      sizeBytes: 5,
    },
  ])
})
