// OpenAI's own package for Node runs the written list of 60 calls through /v1, and gets what gRPC gets.
import { createClient } from '@connectrpc/connect'
import OpenAI, { APIError, toFile } from 'openai'
import type { ChatCompletion, ChatCompletionCreateParamsNonStreaming } from 'openai/resources'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { failureOf, infoOf } from '../support/clients.ts'
import { type ChatCase, chatCases, type Outcome, otherCalls } from '../support/openai-calls.ts'
import { grpcTo, throughGrpc } from '../support/openai-outcomes.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let upstream: Upstream
let service: Service
let sdk: OpenAI

beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
  sdk = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'unused', maxRetries: 0 })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const grpc = () => grpcTo(service.url)

// The list is plain data: what is wrong in it on purpose has no type in the package.
const bodyOf = ({ body }: ChatCase) => body as unknown as ChatCompletionCreateParamsNonStreaming

function outcomeOf({ choices, model, usage }: ChatCompletion): Outcome {
  const [choice] = choices
  return {
    text: choice?.message.content ?? '',
    calls: (choice?.message.tool_calls ?? []).flatMap(call =>
      call.type === 'function' ? [[call.function.name, call.function.arguments] as const] : [],
    ),
    finish: choice?.finish_reason ?? '',
    model,
    tokens: [
      usage?.prompt_tokens ?? 0,
      usage?.completion_tokens ?? 0,
      usage?.prompt_tokens_details?.cached_tokens ?? 0,
      usage?.completion_tokens_details?.reasoning_tokens ?? 0,
    ],
  }
}

/** What came of a call, or the reason why nothing did. */
async function outcome(call: Promise<Outcome>): Promise<Outcome> {
  try {
    return await call
  } catch (error) {
    if (error instanceof APIError) return { reason: String(error.code) }
    throw error
  }
}

it('has 60 calls in its list', () => expect(chatCases.length * 2 + otherCalls.length).toBe(60))

describe.each(chatCases)('a chat with $name', each => {
  it('gets through /v1 what it gets through gRPC', async () => {
    const whole = sdk.chat.completions.create(bodyOf(each)).then(outcomeOf)
    const result = await outcome(whole)
    expect(result).toEqual(await throughGrpc(each, service.url))
    expect('reason' in result).toBe(each.isRefused === true)
  })

  it('gets the same as a stream', async () => {
    const read = async (): Promise<Outcome> => {
      const params = { ...bodyOf(each), stream: true, stream_options: { include_usage: true } } as const
      return outcomeOf(await sdk.chat.completions.stream(params).finalChatCompletion())
    }
    expect(await outcome(read())).toEqual(await throughGrpc(each, service.url))
  })
})

describe('the models', () => {
  it('are those of ListModels', async () => {
    const { models } = await createClient(ChatService, grpc()).listModels({})
    const listed = await sdk.models.list()
    expect(listed.data.map(({ owned_by }) => owned_by)).toEqual(models.map(({ provider }) => provider))
    expect(listed.data.length).toBeGreaterThan(5)
    expect(new Set(listed.data.map(({ id }) => id)).size).toBe(listed.data.length)
  })

  it('are found by their id, with their provider too, and otherwise not', async () => {
    const { models } = await createClient(ChatService, grpc()).listModels({})
    const [first] = models
    const name = `${first?.provider}/${first?.id}`
    expect(await sdk.models.retrieve(name)).toMatchObject({ id: first?.id, owned_by: first?.provider })
    await expect(sdk.models.retrieve('a/b')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
  })
})

describe('a file', () => {
  it('is stored, listed, found, read and deleted, and is the same through gRPC', async () => {
    const ours = createClient(FilesService, grpc())
    const text = 'the grass was blue that year\n'.repeat(5_000)
    const made = await sdk.files.create({
      file: await toFile(Buffer.from(text), 'ö 1.txt'),
      purpose: 'user_data',
    })
    const { file } = await ours.getFile({ fileId: made.id })
    expect(file).toMatchObject({ filename: 'ö 1.txt', purpose: 'user_data', sizeBytes: BigInt(text.length) })
    expect(made).toMatchObject({
      object: 'file',
      bytes: text.length,
      created_at: Number(file?.createTime?.seconds),
      filename: 'ö 1.txt',
      purpose: 'user_data',
      status: 'processed',
    })
    const second = await sdk.files.create({
      file: await toFile(Buffer.from('2'), '2.txt'),
      purpose: 'assistants',
      expires_after: { anchor: 'created_at', seconds: 3_600 },
    })
    expect(second.expires_at).toBe(second.created_at + 3_600)
    const ids: string[] = []
    for await (const one of sdk.files.list({ limit: 1 })) ids.push(one.id)
    expect(ids).toEqual([second.id, made.id])
    expect((await sdk.files.list({ purpose: 'user_data' })).data.map(({ id }) => id)).toEqual([made.id])
    expect(await sdk.files.retrieve(made.id)).toEqual(made)
    expect(await (await sdk.files.content(made.id)).text()).toBe(text)
    expect(await sdk.files.delete(made.id)).toEqual({ id: made.id, object: 'file', deleted: true })
    await expect(sdk.files.retrieve(made.id)).rejects.toMatchObject({ status: 404, code: 'file_not_found' })
    expect(infoOf(await failureOf(ours.getFile({ fileId: made.id })))?.reason).toBe(
      ErrorReason.FILE_NOT_FOUND,
    )
  })
})

describe('embeddings', () => {
  const model = 'openai/text-embedding-3-small'

  it('are the vectors of Embed, as numbers and packed', async () => {
    const input = ['one', 'two words']
    const ours = await createClient(EmbeddingsService, grpc()).embed({ model, inputs: input })
    const vectors = ours.embeddings.map(({ values }) => values)
    expect(vectors.length).toBe(2)
    // Left to itself the package asks for base64 and unpacks it.
    const packed = await sdk.embeddings.create({ model, input })
    expect(packed.data.map(({ embedding }) => embedding)).toEqual(vectors)
    const plain = await sdk.embeddings.create({ model, input, encoding_format: 'float' })
    expect(plain.data.map(({ embedding }) => embedding.map(Math.fround))).toEqual(vectors)
    expect(plain.usage.prompt_tokens).toBe(ours.usage?.inputTokens)
    expect(plain.model).toBe(ours.model)
  })
})
