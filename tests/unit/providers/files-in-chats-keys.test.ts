// Which key is asked about a chat with stored files, and which one takes copies of them away.
import { afterEach, describe, expect, it } from 'vitest'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { givingOf, testFile } from '../../support/file-giving.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { attempt, collect } from './attempt.ts'
import { asked, asking, uploads } from './files-in-chats.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

describe('of several keys', () => {
  const secrets = ['key-a', 'key-b', 'key-c']
  async function keyed(keys = secrets.map(secret => ({ secret, label: secret, account: `of ${secret}` }))) {
    const double = await startUpstream({ apiKeys: secrets })
    cleanups.push(double.close)
    const provider = createOpenAi({ id: 'openai', baseUrl: double.url, keys })
    cleanups.push(provider.close)
    const labels: string[] = []
    return { double, provider, labels, useKey: (label: string) => void labels.push(label) }
  }

  it('one whose account has the copy is asked, however it has been used', async () => {
    const { provider, labels, useKey } = await keyed()
    const file = testFile('file_1', 'application/pdf', Buffer.alloc(4_100_000, 'x'))
    const giving = givingOf(file)
    await collect(provider.open({ ...attempt({}), useKey }))
    for (let turn = 0; turn < 3; turn += 1)
      await collect(provider.open({ ...asking(giving, [file]), useKey }))
    expect(labels).toEqual(['key-a', 'key-b', 'key-b', 'key-b'])
    expect([...giving.copies.keys()]).toEqual(['openai/of key-b/blob-file_1'])
  })

  it('nobody is asked for owners where nothing would be uploaded', async () => {
    const { provider, labels, useKey } = await keyed()
    const file = testFile('file_1', 'application/pdf', 'some bytes')
    const giving = givingOf(file)
    for (let turn = 0; turn < 3; turn += 1)
      await collect(provider.open({ ...asking(giving, [file]), useKey }))
    expect(labels).toEqual(secrets)
    expect(giving.asked).toEqual([])
  })

  it('those of one account at two addresses have copies of their own, each of which is taken away where it is', async () => {
    const [double, other] = [await startUpstream(), await startUpstream()]
    cleanups.push(double.close, other.close)
    const keys = [undefined, other.url].map((url, index) => {
      const key = { secret: 'test-key', label: `key-${index}`, account: 'ours', maxConcurrent: 9 }
      return url === undefined ? key : { ...key, baseUrl: url }
    })
    const provider = createOpenAi({ id: 'openai', baseUrl: double.url, keys })
    cleanups.push(provider.close)
    const files = Array.from({ length: 2 }, (_, index) =>
      testFile(`file_${index}`, 'application/pdf', Buffer.alloc(4_000_001, `${index}`)),
    )
    const giving = givingOf(...files)
    for (const file of [...files, ...files])
      await Promise.all([1, 2].map(() => collect(provider.open(asking(giving, [file])))))
    expect([uploads(double), uploads(other)]).toEqual([files.length, files.length])
    for (const [place, copy] of giving.copies) {
      if (copy === 'making') throw new Error('a copy is still being made')
      const { remoteId } = copy
      const [, account = ''] = place.split('/')
      await provider.removeCopy?.({ account, remoteId }, new AbortController().signal)
    }
    const removed = (host: typeof double) => asked(host).filter(line => line.startsWith('DELETE')).length
    expect([removed(double), removed(other)]).toEqual([files.length, files.length])
  })

  it('any of an account takes its copy away, and an account without one says so', async () => {
    const shared = ['wrong-key', 'key-a'].map(secret => ({ secret, label: secret, account: 'ours' }))
    const { double, provider } = await keyed(shared)
    const { signal } = new AbortController()
    const gone = { account: 'ours', remoteId: 'user_data:file-9' }
    await provider.removeCopy?.(gone, signal)
    expect(asked(double).slice(-2)).toEqual(['DELETE /files/file-9', 'DELETE /files/file-9'])
    await expect(provider.removeCopy?.({ ...gone, account: 'theirs' }, signal)).rejects.toMatchObject({
      reason: 'KEY_NOT_FOUND',
    })
  })
})
