// POST /v1/embeddings: what of our own words it knows, and that no other is passed over in silence.
import type { JsonObject } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import type { EmbedRequest } from '#gen/exai/v1/embeddings_service_pb'
import { createOpenAiDoor, type OpenAiDoorDeps } from '../../../../src/doors/openai/door.ts'
import { post, startDoors } from '../http/rig.ts'

/** Sends a body; gives the answer, and the requests that were handed on. */
async function embed(body: JsonObject) {
  const asked: EmbedRequest[] = []
  const embeddings: OpenAiDoorDeps['embeddings'] = {
    embed: (_call, request) => {
      asked.push(request)
      return Promise.resolve({ model: 'm', embeddings: [{ index: 0, values: [1] }] })
    },
  }
  // Nothing else is asked.
  const deps = { embeddings, maxRequestBytes: 10_000 } as unknown as OpenAiDoorDeps
  await using server = await startDoors([createOpenAiDoor(deps)])
  const answer = await post(`${server.url}/v1/embeddings`, { model: 'm', input: 'x', ...body })
  return { status: answer.status, body: await answer.text(), asked }
}

test('Options of a provider and strictness are handed on', async () => {
  const { status, asked } = await embed({
    truncate: true,
    exai: { provider_options: { p: { a: 1 } }, strict: true },
  })
  expect(status).toBe(200)
  expect(asked).toMatchObject([{ providerOptions: { p: { a: 1 }, '*': { truncate: true } }, strict: true }])
})

test.each([
  ['routing', { allow: ['p'] }],
  ['conversation_id', 'new'],
  ['idempotency_key', 'k'],
])('exai.%s is refused, because nobody would keep to it', async (name, value) => {
  const { status, body, asked } = await embed({ exai: { [name]: value } })
  expect(status).toBe(400)
  expect(JSON.parse(body)).toMatchObject({ error: { code: 'unsupported', param: `exai.${name}` } })
  expect(asked).toEqual([])
})
