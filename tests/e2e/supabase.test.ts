// A service that was given the address and the key of a Supabase project and of no other store: what it does ends up there.
import { createHash, randomBytes } from 'node:crypto'
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { chatClient, question, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { type StorageDouble, startStorage } from '../support/storage-double.ts'
import { type SupabaseRig, startSupabase } from '../support/supabase-rig.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let storage: StorageDouble
let project: SupabaseRig
let service: Service
let upstream: Upstream

beforeAll(async () => {
  storage = await startStorage()
  project = await startSupabase({ storagePort: storage.port })
  upstream = await startUpstream()
  service = await startService({
    SUPABASE_URL: project.url,
    SUPABASE_KEY: project.key,
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: upstream.url,
  })
})

afterAll(async () => {
  await service.stop()
  await project.stop()
  await storage.stop()
  await upstream.close()
})

const speech = () => {
  const [first] = speeches
  if (first === undefined) throw new Error('there is no way to speak')
  return first
}
const chat = () => chatClient(speech(), service.url)
const files = () => createClient(FilesService, speech().open(service.url))
const bare = (id: string) => id.slice(id.indexOf('_') + 1)

const health = async (): Promise<unknown> => {
  const report = await (await fetch(`${service.url}/health`)).json()
  // The page's own shape, which the tests of the status know.
  return (report as { components: Record<string, { status: string }> }).components['supabase']?.status
}

it('one call is a line of the ledger, a conversation and its messages', async () => {
  const answer = await chat().complete(question('openai/test-model', 'hello', { conversationId: 'new' }))
  await until(async () => (await project.sql('select id from messages')).length === 2)
  await until(async () => (await project.sql('select id from usage_ledger')).length === 1)
  expect(await project.sql('select response_id, conversation_id, model from usage_ledger')).toEqual([
    { response_id: bare(answer.id), conversation_id: bare(answer.conversationId), model: answer.model },
  ])
  expect(await project.sql('select role from messages order by place')).toEqual([
    { role: 'user' },
    { role: 'assistant' },
  ])
  expect(await project.sql('select id from conversations')).toEqual([{ id: bare(answer.conversationId) }])
})

it('one upload is a row of the file, one of its bytes, and an object with those bytes', async () => {
  const bytes = randomBytes(700_001)
  async function* messages() {
    yield { piece: { case: 'header' as const, value: { filename: 'Übersicht.bin', metadata: { a: '1' } } } }
    for (let at = 0; at < bytes.length; at += 100_000)
      yield { piece: { case: 'chunk' as const, value: bytes.subarray(at, at + 100_000) } }
  }
  const { file } = await files().uploadFile(messages())
  await until(async () => (await project.sql('select object_path from file_blobs')).length === 1)
  await until(async () => (await project.sql('select id from files')).length === 1)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const [blob] = await project.sql('select blob_key, sha256, size_bytes, object_path from file_blobs')
  expect(blob).toMatchObject({ sha256, size_bytes: String(bytes.length) })
  expect(await project.sql("select id, blob_key, filename, metadata->>'a' as a from files")).toEqual([
    { id: bare(file?.id ?? ''), blob_key: blob?.['blob_key'], filename: 'Übersicht.bin', a: '1' },
  ])
  const headers = { apikey: project.key, authorization: `Bearer ${project.key}` }
  const path = String(blob?.['object_path'])
  const object = await fetch(`${project.url}/storage/v1/object/files/${path}`, { headers })
  expect(bytes.equals(Buffer.from(await object.arrayBuffer()))).toBe(true)
  expect(storage.objects()).toHaveLength(1)
})

it('a project that is down degrades the health and no call, and gets everything later', async () => {
  await project.rest.kill()
  const { id } = await chat().complete(question('openai/test-model', 'still there?'))
  await until(async () => (await health()) === 'degraded')
  expect((await fetch(`${service.url}/health`)).status).toBe(200)
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  expect(metrics).toMatch(/^exai_outbox_rows [1-9]/m)
  await project.rest.restart()
  await until(async () => (await project.sql('select id from usage_ledger')).length === 2)
  expect(id).toMatch(/^resp_/)
  await until(async () => (await health()) === 'healthy')
})
