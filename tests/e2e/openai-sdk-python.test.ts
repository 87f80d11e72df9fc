// OpenAI's Python package runs the same written list through /v1, and gets what gRPC gets.
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { chatCases, type Outcome } from '../support/openai-calls.ts'
import { grpcTo, throughGrpc } from '../support/openai-outcomes.ts'
import { runProgram } from '../support/program.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root, tool } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const python = tool('python-openai')

/** What the script prints. */
type Seen = {
  readonly whole: readonly Outcome[]
  readonly streamed: readonly Outcome[]
  readonly others: Readonly<Record<string, unknown>>
}

describe.skipIf(python === undefined)("OpenAI's package for Python (skipped without it: see .ci/run)", () => {
  let upstream: Upstream
  let service: Service
  let seen: Seen

  beforeAll(async () => {
    upstream = await startUpstream()
    service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
    const script = join(root, 'tests/support/openai-sdk.py')
    const { stdout } = await runProgram(python?.path ?? '', [script, `${service.url}/v1`], {
      env: { PATH: process.env['PATH'], PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' },
      input: JSON.stringify(chatCases.map(({ body }) => body)),
    })
    seen = JSON.parse(stdout)
  }, 60_000)

  afterAll(async () => {
    await service.stop()
    await upstream.close()
  })

  it.each(chatCases.map((each, index) => ({ each, index, name: each.name })))(
    'gets a chat with $name, whole and as a stream, as gRPC does',
    async ({ each, index }) => {
      const ours = await throughGrpc(each, service.url)
      expect([seen.whole[index], seen.streamed[index]]).toEqual([ours, ours])
    },
  )

  it('gets models, files and vectors', async () => {
    const { models } = await createClient(ChatService, grpcTo(service.url)).listModels({})
    const { embeddings } = await createClient(EmbeddingsService, grpcTo(service.url)).embed({
      model: 'openai/text-embedding-3-small',
      inputs: ['one', 'two words'],
    })
    const { models: listed, ...others } = seen.others
    expect(listed).toHaveLength(models.length)
    expect(others).toEqual({
      model: 'test-model',
      file: ['ö.txt', 10, 'user_data'],
      listed: [true],
      found: true,
      content: 'blue grass',
      deleted: true,
      gone: { reason: 'file_not_found' },
      vectors: embeddings.map(({ values }) => values),
    })
  })
})
