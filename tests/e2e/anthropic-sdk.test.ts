// Anthropic's own package for Node runs the written list of chats through /v1/messages, and gets what gRPC gets.
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import type { Message, MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { ChatService, CompleteRequestSchema, type CompleteResponse } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { reasonOfWire } from '../../src/core/errors.ts'
import { type MessagesCase, messagesCases, type Outcome } from '../support/anthropic-calls.ts'
import { failureOf, infoOf, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let upstream: Upstream
let service: Service
let sdk: Anthropic

beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
  sdk = new Anthropic({ baseURL: service.url, apiKey: 'unused', maxRetries: 0 })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const grpc = () => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return createClient(ChatService, speech.open(service.url))
}

// The list is plain data: what is wrong in it on purpose has no type in the package.
const bodyOf = ({ body }: MessagesCase) => body as unknown as MessageCreateParamsNonStreaming

const stops: Readonly<Record<number, string>> = {
  [FinishReason.STOP]: 'end_turn',
  [FinishReason.LENGTH]: 'max_tokens',
  [FinishReason.TOOL_CALLS]: 'tool_use',
}

function outcomeOfOurs({ message, finishReason, model, usage }: CompleteResponse): Outcome {
  const parts = message?.content ?? []
  const { inputTokens = 0, cachedInputTokens = 0, outputTokens = 0, reasoningTokens = 0 } = usage ?? {}
  return {
    text: parts.map(({ kind }) => (kind.case === 'text' ? kind.value : '')).join(''),
    thoughts: parts.map(({ kind }) => (kind.case === 'reasoning' ? kind.value.text : '')).join(''),
    calls: parts.flatMap(({ kind }) =>
      kind.case === 'toolCall' ? [[kind.value.name, kind.value.arguments] as const] : [],
    ),
    stop: stops[finishReason] ?? '',
    model,
    tokens: [inputTokens - cachedInputTokens, cachedInputTokens, outputTokens, reasoningTokens],
  }
}

function outcomeOf({ content, model, stop_reason, usage }: Message): Outcome {
  return {
    text: content.map(block => (block.type === 'text' ? block.text : '')).join(''),
    thoughts: content.map(block => (block.type === 'thinking' ? block.thinking : '')).join(''),
    calls: content.flatMap(block =>
      block.type === 'tool_use' ? [[block.name, JSON.stringify(block.input)] as const] : [],
    ),
    stop: stop_reason ?? '',
    model,
    tokens: [
      usage.input_tokens,
      usage.cache_read_input_tokens ?? 0,
      usage.output_tokens,
      usage.output_tokens_details?.thinking_tokens ?? 0,
    ],
  }
}

/** What came of a call, or the reason why nothing did. */
async function outcome(call: Promise<Outcome>): Promise<Outcome> {
  try {
    return await call
  } catch (error) {
    if (error instanceof APIError) return { reason: String(error.errorCode) }
    throw error
  }
}

async function throughGrpc({ ours }: MessagesCase): Promise<Outcome> {
  const call = grpc().complete(fromJson(CompleteRequestSchema, ours as JsonValue))
  try {
    return outcomeOfOurs(await call)
  } catch {
    const info = infoOf(await failureOf(call))
    return { reason: reasonOfWire(info?.reason ?? ErrorReason.UNSPECIFIED)?.toLowerCase() ?? '' }
  }
}

describe.each(messagesCases)('a chat with $name', each => {
  it('gets through /v1/messages what it gets through gRPC', async () => {
    const result = await outcome(sdk.messages.create(bodyOf(each)).then(outcomeOf))
    expect(result).toEqual(await throughGrpc(each))
    expect('reason' in result).toBe(each.isRefused === true)
  })

  it('gets the same as a stream', async () => {
    const streamed = outcome(sdk.messages.stream(bodyOf(each)).finalMessage().then(outcomeOf))
    expect(await streamed).toEqual(await throughGrpc(each))
  })

  it('has as many tokens as CountTokens says', async () => {
    const { max_tokens: _cap, stream: _stream, ...counted } = bodyOf(each)
    // Both are heard from the beginning: either may be refused before the other one has its answer.
    const [theirs, ours] = await Promise.allSettled([
      sdk.messages.countTokens(counted),
      grpc().countTokens(fromJson(CompleteRequestSchema, each.ours as JsonValue)),
    ])
    if (each.isRefused === true)
      expect(theirs).toMatchObject({ status: 'rejected', reason: expect.any(APIError) })
    else
      expect(theirs).toMatchObject({
        value: { input_tokens: ours.status === 'fulfilled' ? ours.value.inputTokens : 'nothing' },
      })
  })
})

describe('a request as coding tools send it', () => {
  const request = {
    model: 'openai/gpt-6-sol',
    max_tokens: 8_000,
    temperature: 1,
    betas: ['context-management-2025-06-27', 'interleaved-thinking-2025-05-14'],
    thinking: { type: 'adaptive' as const },
    output_config: { effort: 'medium' as const },
    context_management: { edits: [{ type: 'clear_thinking_20251015' as const, keep: 'all' as const }] },
    metadata: { user_id: JSON.stringify({ device: 'd'.repeat(200), session: 's'.repeat(100) }) },
    system: [
      { type: 'text' as const, text: 'You are a coding tool.' },
      { type: 'text' as const, text: 'Be brief.', cache_control: { type: 'ephemeral' as const } },
    ],
    tools: [
      { name: 'Read', description: 'Reads.', input_schema: { type: 'object' as const, properties: {} } },
    ],
    messages: [
      {
        role: 'user' as const,
        content: [{ type: 'text' as const, text: 'hello', cache_control: { type: 'ephemeral' as const } }],
      },
    ],
  }

  it('is answered, streamed and counted through the beta methods of the package', async () => {
    const message = await sdk.beta.messages.create(request)
    expect(message.content.at(-1)).toMatchObject({ type: 'text', text: 'You said: hello' })
    const streamed = await sdk.beta.messages.stream(request).finalMessage()
    expect(streamed.content.find(({ type }) => type === 'text')).toEqual(message.content.at(-1))
    expect(streamed.usage).toMatchObject({ output_tokens: message.usage.output_tokens })
    const { max_tokens: _cap, temperature: _heat, metadata: _user, ...counted } = request
    const { input_tokens } = await sdk.beta.messages.countTokens(counted)
    // The double counts words.
    expect(input_tokens).toBe(8)
  })
})
