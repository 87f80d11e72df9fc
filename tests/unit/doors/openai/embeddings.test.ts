// POST /v1/embeddings: what of our own words it knows, and that no other is passed over in silence.
import type { JsonObject } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import type { EmbedRequest } from '#gen/exai/v1/embeddings_service_pb'
import type { HttpCall } from '../../../../src/doors/http/route.ts'
import { createOpenAiDoor, type OpenAiDoorDeps } from '../../../../src/doors/openai/door.ts'
import { embeddingRoutes } from '../../../../src/doors/openai/embeddings.ts'
import { post, startDoors } from '../http/rig.ts'

/** Sends a body; gives the answer, and the requests that were handed on. */
async function embed(body: JsonObject, vectors: readonly number[][] = [[1]]) {
  const asked: EmbedRequest[] = []
  const embeddings: OpenAiDoorDeps['embeddings'] = {
    embed: (_call, request) => {
      asked.push(request)
      return Promise.resolve({ model: 'm', embeddings: vectors.map((values, index) => ({ index, values })) })
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

test.each([
  ['no vector', 0, 0],
  ['one vector', 1, 3],
  ['vectors of half a million numbers', 500, 1_000],
])('%s arrives whole, as numbers and as base64', async (_, count, size) => {
  const vectors = Array.from({ length: count }, (_, at) => Array.from({ length: size }, (_, i) => at + i / 4))
  const numbers = await embed({}, vectors)
  expect(JSON.parse(numbers.body)).toMatchObject({
    object: 'list',
    data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    model: 'm',
    usage: { prompt_tokens: 0, total_tokens: 0 },
    exai: { provider: '' },
  })
  const packed = await embed({ encoding_format: 'base64' }, vectors)
  const texts: readonly { readonly embedding: string }[] = JSON.parse(packed.body).data
  expect(
    texts.map(({ embedding }) => [
      ...new Float32Array(Uint8Array.from(Buffer.from(embedding, 'base64')).buffer),
    ]),
  ).toEqual(vectors)
})

test('many vectors are written in small pieces, so that others are served meanwhile', async () => {
  const embeddings = Array.from({ length: 100 }, (_, index) => ({
    index,
    values: Array<number>(4_000).fill(1),
  }))
  const [route] = embeddingRoutes({ embeddings: { embed: () => Promise.resolve({ embeddings }) } })
  // Nothing else of the call is asked for.
  const call = { json: () => Promise.resolve({ model: 'm', input: 'x' }) } as unknown as HttpCall
  const reply = await route?.handle(call)
  if (reply?.type !== 'bytes') throw new Error('the answer does not come in pieces')
  const sizes: number[] = []
  for await (const piece of reply.chunks) sizes.push(piece.byteLength)
  expect(Math.max(...sizes)).toBeLessThan(100_000)
})
