// From answers and events of the chat to the frames that carry them.
import { create, type MessageInitShape, toJson } from '@bufbuild/protobuf'
import { FinishReason, type Message } from '#gen/exai/v1/chat_pb'
import {
  type CompleteResponse,
  CompleteResponseSchema,
  type StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import { RouteSchema } from '#gen/exai/v1/route_pb'
import { CostSchema } from '#gen/exai/v1/usage_pb'
import { WarningSchema } from '#gen/exai/v1/warning_pb'
import { millisecondsOf } from '../../core/time.ts'
import type { ServerFrame } from './frame.ts'

type Response = MessageInitShape<typeof CompleteResponseSchema>
type StreamEvent = MessageInitShape<typeof StreamEventSchema>

/** What was sent of a streamed answer before its end. */
export interface Sent {
  text: string
  reasoning: string
  /** Ids of the tool calls, in the order in which they began. */
  readonly calls: string[]
}

/** Nothing was sent yet. */
export function nothingSent(): Sent {
  return { text: '', reasoning: '', calls: [] }
}

const NAMES = { useProtoFieldName: true } as const

const FINISHES: Readonly<Record<FinishReason, string>> = {
  [FinishReason.UNSPECIFIED]: 'stop',
  [FinishReason.STOP]: 'stop',
  [FinishReason.LENGTH]: 'length',
  [FinishReason.TOOL_CALLS]: 'tool_calls',
  [FinishReason.CONTENT_FILTER]: 'content_filter',
  [FinishReason.OTHER]: 'other',
}

/** The frame of a whole answer. `sent`: what of it has gone out before, and is missing in it. */
export function responseFrame(
  requestId: string,
  response: Response,
  { durationMs, sent }: { readonly durationMs: number; readonly sent?: Sent },
): ServerFrame {
  const answer = create(CompleteResponseSchema, response)
  const { id, model, provider, finishReason, conversationId } = answer
  return {
    type: 'response',
    request_id: requestId,
    content: {
      id,
      model,
      provider,
      choices: [
        { index: 0, message: messageOf(answer.message, sent), finish_reason: FINISHES[finishReason] },
      ],
      usage: usageOf(answer),
      conversation_id: conversationId === '' ? undefined : conversationId,
      metadata: metadataOf(answer, durationMs),
    },
  }
}

function messageOf(message: Message | undefined, sent: Sent | undefined) {
  let text = sent?.text ?? ''
  let reasoning = sent?.reasoning ?? ''
  const calls: object[] = []
  const citations: object[] = []
  for (const { kind } of message?.content ?? []) {
    if (kind.case === 'text') text += kind.value
    else if (kind.case === 'reasoning') reasoning += kind.value.text
    else if (kind.case === 'toolCall') {
      const { callId: id, name, arguments: written } = kind.value
      calls.push({ id, type: 'function', function: { name, arguments: written } })
    } else if (kind.case === 'citation') {
      const { url, title, text: cited } = kind.value
      citations.push({ url, title, text: cited })
    }
  }
  return {
    role: 'assistant',
    // As chat completions have it: an answer that only calls tools has no text.
    content: text === '' && calls.length > 0 ? null : text,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(citations.length === 0 ? {} : { citations }),
  }
}

function usageOf({ usage }: CompleteResponse) {
  if (usage === undefined) return undefined
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  }
}

function metadataOf({ route, cost, warnings, replayed }: CompleteResponse, durationMs: number) {
  return {
    routing: route === undefined ? undefined : toJson(RouteSchema, route, NAMES),
    cost: cost === undefined ? undefined : toJson(CostSchema, cost, NAMES),
    warnings:
      warnings.length === 0 ? undefined : warnings.map(warning => toJson(WarningSchema, warning, NAMES)),
    replayed: replayed || undefined,
    performance: { total_time_ms: Math.round(durationMs) },
  }
}

/** The frame of an event of a stream that goes on; undefined for one that only its end tells. Notes what goes out. */
export function streamFrame(requestId: string, { event }: StreamEvent, sent: Sent): ServerFrame | undefined {
  const delta = (fields: object): ServerFrame => ({ type: 'stream', request_id: requestId, delta: fields })
  switch (event?.case) {
    case 'started': {
      const { responseId, provider, model } = event.value
      return { type: 'started', request_id: requestId, id: responseId, provider, model }
    }
    case 'textDelta':
      sent.text += event.value.text ?? ''
      return delta({ content: event.value.text })
    case 'reasoningDelta':
      sent.reasoning += event.value.text ?? ''
      return delta({ reasoning_content: event.value.text })
    case 'toolCallStart': {
      const { callId: id = '', name } = event.value
      const index = sent.calls.push(id) - 1
      return delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] })
    }
    case 'toolCallDelta': {
      const { callId = '', arguments: piece } = event.value
      return delta({ tool_calls: [{ index: sent.calls.indexOf(callId), function: { arguments: piece } }] })
    }
    case 'heartbeat': {
      const { seconds = 0n, nanos = 0 } = event.value.elapsedDuration ?? {}
      const elapsedMs = Math.round(millisecondsOf({ seconds, nanos }))
      return { type: 'heartbeat', request_id: requestId, elapsed_ms: elapsedMs }
    }
    case 'rerouted': {
      const { provider, model, textOffsetCount } = event.value
      return { type: 'rerouted', request_id: requestId, provider, model, text_offset: textOffsetCount ?? 0 }
    }
    default:
      return undefined
  }
}
