// What comes of the calls of the written list through gRPC: what the SDKs of OpenAI must get too.
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { createClient, type Transport } from '@connectrpc/connect'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { ChatService, CompleteRequestSchema, type CompleteResponse } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { reasonOfWire } from '../../src/core/errors.ts'
import { failureOf, infoOf, speeches } from './clients.ts'
import type { ChatCase, Outcome } from './openai-calls.ts'

const finishes: Readonly<Record<number, string>> = {
  [FinishReason.STOP]: 'stop',
  [FinishReason.LENGTH]: 'length',
  [FinishReason.TOOL_CALLS]: 'tool_calls',
}

/** A way to speak gRPC. */
export function grpcTo(url: string): Transport {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return speech.open(url)
}

/** Asks a chat of the list through gRPC. */
export async function throughGrpc({ ours }: ChatCase, url: string): Promise<Outcome> {
  const call = createClient(ChatService, grpcTo(url)).complete(
    // The list is plain JSON.
    fromJson(CompleteRequestSchema, ours as JsonValue),
  )
  try {
    return outcomeOfOurs(await call)
  } catch {
    const info = infoOf(await failureOf(call))
    return { reason: reasonOfWire(info?.reason ?? ErrorReason.UNSPECIFIED)?.toLowerCase() ?? '' }
  }
}

function outcomeOfOurs({ message, finishReason, model, usage }: CompleteResponse): Outcome {
  const parts = message?.content ?? []
  return {
    text: parts.map(({ kind }) => (kind.case === 'text' ? kind.value : '')).join(''),
    calls: parts.flatMap(({ kind }) =>
      kind.case === 'toolCall' ? [[kind.value.name, kind.value.arguments] as const] : [],
    ),
    finish: finishes[finishReason] ?? '',
    model,
    tokens: [
      usage?.inputTokens ?? 0,
      usage?.outputTokens ?? 0,
      usage?.cachedInputTokens ?? 0,
      usage?.reasoningTokens ?? 0,
    ],
  }
}
