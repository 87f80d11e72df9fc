// Files and conversations as resources: the order of the pages, what a caller may not see, and what is read.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { GetConversationResponseSchema, ListConversationsResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { GetFileResponseSchema, ListFilesResponseSchema } from '#gen/exai/v1/files_service_pb'
import type { Backend } from '../../../../src/doors/mcp/backend.ts'
import { listResources, readResource } from '../../../../src/doors/mcp/resources.ts'
import { backendOf, denied } from './rig.ts'

const { signal } = new AbortController()
const files = (ids: readonly string[], nextPageToken = ''): Partial<Backend> => ({
  listFiles: async ({ pageToken }) =>
    create(ListFilesResponseSchema, {
      files: (pageToken === '' ? ids : ['file_last']).map(id => ({
        id,
        filename: `${id}.txt`,
        mimeType: 'text/plain',
        sizeBytes: 5n,
      })),
      nextPageToken: pageToken === '' ? nextPageToken : '',
    }),
})
const conversations = (ids: readonly string[], nextPageToken = ''): Partial<Backend> => ({
  listConversations: async () =>
    create(ListConversationsResponseSchema, {
      conversations: ids.map(id => ({ id, messageCount: 2, provider: 'glm', model: 'glm-4.6' })),
      nextPageToken,
    }),
})
const list = async (given: Partial<Backend>, cursor?: string) => {
  const { resources, nextCursor } = await listResources(backendOf(given), cursor, signal)
  return { uris: resources.map(({ uri }) => uri), nextCursor }
}

describe('the list', () => {
  it('has the files and then the conversations', async () => {
    expect(await list({ ...files(['file_1']), ...conversations(['conv_1']) })).toEqual({
      uris: ['exai://files/file_1', 'exai://conversations/conv_1'],
      nextCursor: undefined,
    })
  })

  it('goes on page by page, through all files first', async () => {
    const given = { ...files(['file_1'], 'more'), ...conversations(['conv_1'], 'even:more') }
    expect(await list(given)).toEqual({ uris: ['exai://files/file_1'], nextCursor: 'files:more' })
    const second = await list(given, 'files:more')
    expect(second).toEqual({
      uris: ['exai://files/file_last', 'exai://conversations/conv_1'],
      nextCursor: 'conversations:even:more',
    })
    expect(await list(given, 'conversations:even:more')).toMatchObject({
      uris: ['exai://conversations/conv_1'],
    })
  })

  it('leaves out what the caller may not see, and refuses who may see nothing', async () => {
    const noFiles = { listFiles: () => Promise.reject(denied('ListFiles')) }
    const noChats = { listConversations: () => Promise.reject(denied('ListConversations')) }
    expect((await list({ ...noFiles, ...conversations(['conv_1']) })).uris).toEqual([
      'exai://conversations/conv_1',
    ])
    expect((await list({ ...files(['file_1']), ...noChats })).uris).toEqual(['exai://files/file_1'])
    await expect(list({ ...noFiles, ...noChats })).rejects.toThrow('ListFiles needs another scope')
  })

  it('fails when a store does, and with a cursor that is none of its own', async () => {
    const broken = { listFiles: () => Promise.reject(new Error('the disk is full')) }
    await expect(list({ ...broken, ...conversations([]) })).rejects.toThrow('the disk is full')
    await expect(list({}, 'somewhere')).rejects.toThrow('the cursor is damaged; begin again without one')
  })
})

describe('a resource', () => {
  const file = (mimeType: string, bytes: Uint8Array, sizeBytes = bytes.byteLength): Partial<Backend> => ({
    getFile: async ({ fileId = '' }) =>
      create(GetFileResponseSchema, { file: { id: fileId, mimeType, sizeBytes: BigInt(sizeBytes) } }),
    async *downloadFile() {
      yield { chunk: bytes.subarray(0, 1) }
      yield { chunk: bytes.subarray(1) }
    },
  })
  const read = (given: Partial<Backend>, uri: string) => readResource(backendOf(given), uri, signal)

  it('is text where it is text, and base64 elsewhere', async () => {
    const uri = 'exai://files/file_1'
    expect(await read(file('text/markdown', Buffer.from('grün')), uri)).toEqual({
      uri,
      mimeType: 'text/markdown',
      text: 'grün',
    })
    expect(await read(file('application/json', Buffer.from('{}')), uri)).toMatchObject({ text: '{}' })
    expect(await read(file('application/pdf', Buffer.from('%PDF')), uri)).toMatchObject({
      mimeType: 'application/pdf',
      blob: 'JVBERg==',
    })
  })

  it('is base64 when it only claims to be a text', async () => {
    const got = await read(file('text/plain', Buffer.of(0xff, 0xfe)), 'exai://files/file_1')
    expect(got).toEqual({ uri: 'exai://files/file_1', mimeType: 'text/plain', blob: '//4=' })
  })

  it('is not read when it is larger than 4 MiB', async () => {
    const large = file('text/plain', Buffer.from('x'), 4 * 1024 * 1024 + 1)
    await expect(read(large, 'exai://files/file_1')).rejects.toThrow('and at most 4194304 are read')
  })

  it('is a conversation with the fields of the contract', async () => {
    const given: Partial<Backend> = {
      getConversation: async ({ conversationId = '' }) =>
        create(GetConversationResponseSchema, { conversation: { id: conversationId, messageCount: 2 } }),
    }
    const got = await read(given, 'exai://conversations/conv_1')
    expect(JSON.parse('text' in got ? got.text : '')).toMatchObject({
      conversation: { id: 'conv_1', message_count: 2 },
      messages: [],
    })
  })

  it('is no conversation that is larger than 4 MiB', async () => {
    const content = [{ kind: { case: 'text' as const, value: 'x'.repeat(4 * 1024 * 1024) } }]
    const given: Partial<Backend> = {
      getConversation: async () => create(GetConversationResponseSchema, { messages: [{ content }] }),
    }
    await expect(read(given, 'exai://conversations/conv_1')).rejects.toThrow(
      'and at most 4194304 are read as a resource: use ChatService.GetConversation',
    )
  })

  it.each(['exai://files/', 'exai://keys/key_1', 'exai://files/a/b', 'file:///etc/passwd', ''])(
    'is not at %j',
    async uri => {
      await expect(read({}, uri)).rejects.toThrow('no resource has such a URI')
    },
  )
})
