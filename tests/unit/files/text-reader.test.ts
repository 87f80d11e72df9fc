// The texts of stored PDF: read after the upload, told apart from scans and from what cannot be read, and left for the next start.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createPdfText } from '../../../src/files/pdf-text.ts'
import { createTextReader, type Extract } from '../../../src/files/text-reader.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { callOf, type FilesRig, openFilesRig, small } from '../../support/files-rig.ts'
import { page, pdf } from '../../support/pdf.ts'
import { keepingLog } from '../../support/store-rig.ts'

const asPdf = { mimeType: 'application/pdf' }
const open = (extract: Extract = createPdfText({ log: keepingLog() })) => openFilesRig({ extract })
const upload = async (rig: FilesRig, bytes: Uint8Array, own = asPdf) => {
  const { file } = await rig.files.create(callOf(), small(bytes, { ...own }))
  return { tenant: 'default', id: file?.id ?? '' }
}

test('a PDF is pending after its upload, and then has its text and how many tokens that is', async () => {
  await using rig = await open()
  const key = await upload(rig, pdf([page('hello'), page('world')]))
  expect((await rig.ports.files.get(key))?.text).toEqual({ state: 'pending' })
  await rig.reader.idle()
  // "hello", "\n\n" and "world" are one token each in o200k_base.
  expect((await rig.ports.files.get(key))?.text).toEqual({ state: 'ready', tokens: 3 })
  expect(await rig.ports.files.text(key)).toBe('hello\n\nworld')
})

test('a PDF of pictures has no text, and one that cannot be read has failed', async () => {
  await using rig = await open()
  const scan = await upload(rig, pdf([{ content: '0 0 9 9 re f' }]))
  const locked = await upload(rig, pdf([page('secret')], { userPassword: 'sesame' }))
  await rig.reader.idle()
  const states = await Promise.all([scan, locked].map(key => rig.ports.files.get(key)))
  expect(states.map(file => file?.text)).toEqual([{ state: 'none' }, { state: 'failed' }])
  expect(await rig.ports.files.unread(9)).toEqual([])
})

test('a text of no words is a text', async () => {
  await using rig = await open()
  // A byte order mark alone.
  const key = await upload(rig, Buffer.from([0xef, 0xbb, 0xbf]), { mimeType: 'text/plain' })
  await rig.reader.idle()
  expect((await rig.ports.files.get(key))?.text).toEqual({ state: 'ready', tokens: 0 })
})

test('what is being read when the service stops is read after the next start', async () => {
  const { promise: began, resolve: begin } = Promise.withResolvers<void>()
  let closed = 0
  await using rig = await open({
    reads: () => true,
    async text(_bytes, _type, signal) {
      begin()
      await sleep(60_000, undefined, { signal }).catch(() => signal.throwIfAborted())
      return 'never'
    },
    async close() {
      closed += 1
    },
  })
  const key = await upload(rig, pdf([page('later')]))
  await began
  await rig.reader.close()
  expect(closed).toBe(1)
  expect((await rig.ports.files.get(key))?.text).toEqual({ state: 'pending' })

  const log = keepingLog()
  const next = createTextReader({
    ...rig.ports,
    counter: createTokenCounter(),
    extract: createPdfText({ log }),
    log,
  })
  next.wake()
  await next.idle()
  await next.close()
  expect(await rig.ports.files.text(key)).toBe('later')
})

test('an extractor that fails has the failure of one file, and the next one is read', async () => {
  const real = createPdfText({ log: keepingLog() })
  let calls = 0
  await using rig = await open({
    ...real,
    async text(...args) {
      calls += 1
      if (calls === 1) throw new GatewayError('INTERNAL', 'it broke')
      return real.text(...args)
    },
  })
  const first = await upload(rig, pdf([page('one')]))
  const second = await upload(rig, pdf([page('two')]))
  await rig.reader.idle()
  expect((await rig.ports.files.get(first))?.text).toEqual({ state: 'failed' })
  expect(await rig.ports.files.text(second)).toBe('two')
})
