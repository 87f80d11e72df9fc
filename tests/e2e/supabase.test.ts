// A service that was given the address and the key of a Supabase project and of no other store: what it does ends as rows there.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { chatClient, question, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { type SupabaseRig, startSupabase } from '../support/supabase-rig.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let project: SupabaseRig
let service: Service
let upstream: Upstream

beforeAll(async () => {
  project = await startSupabase()
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
  await upstream.close()
})

const chat = () => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return chatClient(speech, service.url)
}

const health = async (): Promise<unknown> => {
  const report = await (await fetch(`${service.url}/health`)).json()
  // The page's own shape, which the tests of the status know.
  return (report as { components: Record<string, { status: string }> }).components['supabase']?.status
}

it('one call is a line of the ledger, a conversation and its messages', async () => {
  const answer = await chat().complete(question('openai/test-model', 'hello', { conversationId: 'new' }))
  await until(async () => (await project.sql('select id from messages')).length === 2)
  await until(async () => (await project.sql('select id from usage_ledger')).length === 1)
  const bare = (id: string) => id.slice(id.indexOf('_') + 1)
  expect(await project.sql('select response_id, conversation_id, model from usage_ledger')).toEqual([
    { response_id: bare(answer.id), conversation_id: bare(answer.conversationId), model: answer.model },
  ])
  expect(await project.sql('select role from messages order by place')).toEqual([
    { role: 'user' },
    { role: 'assistant' },
  ])
  expect(await project.sql('select id from conversations')).toEqual([{ id: bare(answer.conversationId) }])
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
