// Which key is asked about a chat with stored files, and which one takes copies of them away.
import { afterEach, describe, expect, it } from 'vitest'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { givingOf, testFile } from '../../support/file-giving.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { attempt, collect } from './attempt.ts'
import { asked, asking } from './files-in-chats.ts'

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
