// The text of a PDF over a real process: read after the upload, kept over a restart, and hostile files beside it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { File_TextState as TextState } from '#gen/exai/v1/file_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { speeches } from '../support/clients.ts'
import { bombPage, page, pdf } from '../support/pdf.ts'
import { type Service, startService } from '../support/running-server.ts'

let dataDir: string
let service: Service
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'exai-pdf-'))
  service = await startService({ DATA_DIR: dataDir })
})
afterAll(async () => {
  await service.stop()
  await rm(dataDir, { recursive: true, force: true })
})

const files = () => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return createClient(FilesService, speech.open(service.url))
}
const uploaded = async (content: Uint8Array): Promise<string> => {
  const { file } = await files().createFile({ filename: 'a.pdf', mimeType: 'application/pdf', content })
  return file?.id ?? ''
}
const fileOf = async (fileId: string) => (await files().getFile({ fileId })).file
const stateOf = async (fileId: string) => (await fileOf(fileId))?.textState
const untilState = (fileId: string, state: TextState) =>
  expect.poll(() => stateOf(fileId), { timeout: 30_000 }).toBe(state)

it('a PDF has its text after its upload, and says how many tokens that is', async () => {
  const fileId = await uploaded(pdf([page('hello'), page('world')]))
  await untilState(fileId, TextState.READY)
  expect((await fileOf(fileId))?.textTokenCount).toBe(3)
})

it('a PDF of pictures has none', async () => {
  await untilState(await uploaded(pdf([{ content: '0 0 9 9 re f' }])), TextState.NONE)
})

it('a bomb fails, the service answers meanwhile, and the next file is read', async () => {
  const bomb = await uploaded(pdf([bombPage(128)]))
  const next = await uploaded(pdf([page('and on it goes')]))
  let answers = 0
  while ((await stateOf(bomb)) === TextState.PENDING) answers += 1
  expect(answers).toBeGreaterThan(5)
  expect(await stateOf(bomb)).toBe(TextState.FAILED)
  await untilState(next, TextState.READY)
})

it('a PDF whose reading a kill ended is read after the next start', async () => {
  // The first holds the thread for a while, so that the second still waits when the kill comes.
  await uploaded(pdf([bombPage(127)]))
  const fileId = await uploaded(pdf([page('after a kill')]))
  expect(await stateOf(fileId)).toBe(TextState.PENDING)
  await service.stop('SIGKILL')
  service = await startService({ DATA_DIR: dataDir })
  // Else it may be a minute until what was left unread is looked for.
  await uploaded(pdf([page('wakes the reader')]))
  await untilState(fileId, TextState.READY)
})

it('stops at once, whatever is being read', async () => {
  await uploaded(pdf([bombPage(126)]))
  const before = performance.now()
  expect(await service.stop()).toBe(0)
  expect(performance.now() - before).toBeLessThan(5_000)
  service = await startService({ DATA_DIR: dataDir })
})
