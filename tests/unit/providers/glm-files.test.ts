// Checks GLM's files against its double: sent, read and taken away, where there is no way to ask for one.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileApi } from '../../../src/providers/file-api.ts'
import { glmDialect } from '../../../src/providers/glm.ts'
import { createGlmFiles } from '../../../src/providers/glm-files.ts'
import { startGlm } from '../../support/upstream/glm.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { failureOf, filesOf, readAll, signal, uploadOf } from './file-apis.ts'

const closing: (() => Promise<void>)[] = []
let double: Upstream
const filesAt = (baseUrl: string, key = 'test-key'): FileApi => {
  const made = filesOf({ provider: 'glm', dialect: glmDialect('search_std'), baseUrl, key })
  closing.push(made.close)
  return createGlmFiles(made.deps)
}
let files: FileApi
beforeEach(async () => {
  double = await startGlm({ fileSizeBytesMax: 1000 })
  files = filesAt(double.url)
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  await double.close()
})

const agent = { purpose: 'agent' }

describe('a file at GLM', () => {
  it('is ready when it is sent, is read, taken away, and then gone', async () => {
    const sent = await files.upload(uploadOf(agent))
    expect(sent).toEqual({ id: 'file-00000001', purpose: 'agent', ready: true })
    await files.waitReady(sent, signal)
    expect(await readAll(files.content(sent, signal))).toBe('some txt')
    expect(await files.delete(sent, signal)).toBe(true)
    expect(await files.delete(sent, signal)).toBe(false)
    expect(await failureOf(readAll(files.content(sent, signal)))).toMatchObject({ reason: 'INVALID_REQUEST' })
  })

  it('that is not there is looked for on every page of the list', async () => {
    for (let count = 0; count < 101; count++)
      await files.upload(uploadOf({ ...agent, bytes: Buffer.from('12345678') }))
    const seen = double.requests.length
    // A refusal that says nothing of the file: it is there still, on the second page.
    double.next({ faults: ['code=1214'], match: ({ method }) => method === 'DELETE' })
    const error = await failureOf(files.delete({ id: 'file-00000001', purpose: 'agent' }, signal))
    expect(error).toMatchObject({ reason: 'INVALID_REQUEST', details: { upstreamCode: '1214' } })
    expect(double.requests.slice(seen).map(({ method }) => method)).toEqual(['DELETE', 'GET', 'GET'])
  })

  it('is refused for its type, its purpose and its size by GLM itself', async () => {
    const refused = { reason: 'INVALID_REQUEST', details: { provider: 'glm', against: 'nobody' } }
    expect(await failureOf(files.upload(uploadOf({ ...agent, filename: 'a.exe' })))).toMatchObject(refused)
    expect(await failureOf(files.upload(uploadOf({ purpose: 'file-extract' })))).toMatchObject(refused)
    const large = { ...agent, bytes: Buffer.alloc(2000), sizeBytes: 2000 }
    expect(await failureOf(files.upload(uploadOf(large)))).toMatchObject({
      ...refused,
      details: { upstreamStatus: 435 },
    })
  })

  it('counts the limits of a key against the key', async () => {
    double.next({ faults: ['code=1302'] })
    const error = await failureOf(files.upload(uploadOf(agent)))
    expect(error).toMatchObject({
      reason: 'UPSTREAM_LIMITED',
      details: { against: 'key', upstreamCode: '1302' },
    })
  })

  it('refused because the key may not use files takes nothing else from the key', async () => {
    double.next({ faults: ['code=1220'] })
    const error = await failureOf(files.upload(uploadOf(agent)))
    expect(error).toMatchObject({ reason: 'UPSTREAM_CREDENTIALS', details: { against: 'nobody' } })
    expect(error.message).toBe('glm does not let our key use files')
  })

  it('at a wrong base URL is not taken for gone', async () => {
    const lost = filesAt(`${double.url}/nowhere`)
    const error = await failureOf(lost.delete({ id: 'file-00000001', purpose: 'agent' }, signal))
    expect(error).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
  })
})
