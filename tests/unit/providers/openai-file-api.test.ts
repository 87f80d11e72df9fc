// Checks OpenAI's files in the shape of all files, against their double.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { FileApi } from '../../../src/providers/file-api.ts'
import { openAiDialect } from '../../../src/providers/openai.ts'
import { createOpenAiFileApi } from '../../../src/providers/openai-file-api.ts'
import { createOpenAiFiles, type OpenAiFile, type OpenAiFiles } from '../../../src/providers/openai-files.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { failureOf, filesOf, readAll, signal, uploadOf } from './file-apis.ts'

let double: Upstream
let own: OpenAiFiles
let account: ReturnType<typeof filesOf>
const apiOf = (files: OpenAiFiles): FileApi =>
  createOpenAiFileApi({ provider: 'openai', files, clock: systemClock, polling: { firstMs: 1 } })
beforeAll(async () => {
  double = await startUpstream()
  account = filesOf({ provider: 'openai', dialect: openAiDialect, baseUrl: double.url })
  own = createOpenAiFiles(account.deps)
})
afterAll(async () => {
  await account.close()
  await double.close()
})

const image = { filename: 'photo', mimeType: 'image/png', purpose: 'vision' }

describe('a file at OpenAI', () => {
  it('is sent under the ending of its type, is ready, is taken away, and then gone', async () => {
    const files = apiOf(own)
    const sent = await files.upload(uploadOf(image))
    expect(sent).toEqual({ id: expect.stringMatching(/^file-/), purpose: 'vision', ready: true })
    expect(double.requests.at(-1)?.rawBody.toString()).toContain('filename="photo.png"')
    await files.waitReady(sent, signal)
    expect(await failureOf(readAll(files.content(sent, signal)))).toMatchObject({ reason: 'UNSUPPORTED' })
    expect(await files.delete(sent, signal)).toBe(true)
    expect(await files.delete(sent, signal)).toBe(false)
    expect(await failureOf(files.waitReady(sent, signal))).toMatchObject({ reason: 'FILE_NOT_FOUND' })
  })

  it('has one of the purposes that OpenAI knows', async () => {
    const error = await failureOf(apiOf(own).upload(uploadOf({ ...image, purpose: 'file-extract' })))
    expect(error).toMatchObject({
      reason: 'INVALID_REQUEST',
      message: 'openai knows no purpose file-extract',
    })
  })

  it('is waited for while it is in processing, unless it fails', async () => {
    const looks: OpenAiFile['state'][] = ['processing', 'processing', 'ready', 'processing', 'failed']
    const poll = async (id: string): Promise<OpenAiFile> => ({
      id,
      state: looks.shift() ?? 'ready',
      sizeBytes: 8,
      expiresAtMs: undefined,
    })
    const files = apiOf({ ...own, poll })
    await files.waitReady({ id: 'file-1', purpose: 'vision' }, signal)
    expect(looks).toHaveLength(2)
    const error = await failureOf(files.waitReady({ id: 'file-1', purpose: 'vision' }, signal))
    expect(error).toMatchObject({ reason: 'INVALID_REQUEST', message: 'openai cannot read the file' })
  })
})
