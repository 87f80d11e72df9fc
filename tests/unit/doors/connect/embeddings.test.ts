// Checks the RPC of embeddings at the door: every number arrives, in every form, and JSON has an end.
import { createClient } from '@connectrpc/connect'
import { describe, expect, test } from 'vitest'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { speeches } from '../../../support/clients.ts'
import { startServer } from './harness.ts'

const VALUES = [0, -0.5, 1.5, 3.4028234663852886e38, 1.401298464324817e-45, Math.fround(1 / 3)]

describe.each(speeches)('over $name', ({ open }) => {
  test('vectors arrive number for number, and what is with them', async () => {
    const embeddings = [
      { index: 0, values: [...VALUES] },
      { index: 1, values: [] },
      { index: 2, values: Array.from({ length: 3_000 }, (_, at) => at) },
    ]
    await using server = await startServer({
      embeddings: {
        embed: async (_, { model, inputs }) => ({ model, provider: inputs.join(), embeddings }),
      },
    })
    const client = createClient(EmbeddingsService, open(server.url))
    const answer = await client.embed({ model: 'm', inputs: ['a', 'b'] })
    expect(answer).toMatchObject({ model: 'm', provider: 'a,b' })
    expect(answer.embeddings.map(({ index, values }) => ({ index, values }))).toEqual(embeddings)
  })
})

test('an answer with more numbers than JSON takes says what to do instead', async () => {
  const values = Array<number>(3_000).fill(0.5)
  const embed = async (_: unknown, { inputs }: { readonly inputs: readonly string[] }) => ({
    embeddings: Array.from({ length: Number(inputs[0]) }, (_, index) => ({ index, values })),
  })
  await using server = await startServer({ embeddings: { embed } })
  const post = (inputs: readonly string[]) =>
    fetch(`${server.url}/exai.v1.EmbeddingsService/Embed`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', inputs }),
    })
  expect((await post(['10'])).status).toBe(200)
  const refused = await post(['1001'])
  expect([refused.status, await refused.json()]).toMatchObject([
    429,
    { code: 'resource_exhausted', message: expect.stringContaining('and JSON takes 3000000') },
  ])
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  const client = createClient(EmbeddingsService, speech.open(server.url))
  expect((await client.embed({ model: 'm', inputs: ['1001'] })).embeddings).toHaveLength(1001)
})
