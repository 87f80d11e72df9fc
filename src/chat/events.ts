// The public events of a stream, numbered without gaps, made from a provider's deltas.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteResponseSchema, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { Usage_Provenance } from '#gen/exai/v1/usage_pb'
import { type Delta, soundCounts, type TokenCounts } from '../core/delta.ts'
import type { WarningInit } from '../core/provider.ts'
import { durationOf } from '../core/time.ts'

/** A stream event as it is made. */
export type EventInit = MessageInitShape<typeof StreamEventSchema>
type EventKind = NonNullable<EventInit['event']>

/** Makes the events of one stream and numbers them from 1. */
export interface EventMaker {
  started(responseId: string, provider: string, model: string): EventInit
  /** Adds the events of deltas to `out`; some deltas are seen by clients only in `completed`. */
  deltas(batch: readonly Delta[], out: EventInit[]): void
  warning(warning: WarningInit): EventInit
  /** Somebody else goes on with the text from here; the offset is in UTF-16 code units. Its counts are added to those before. */
  rerouted(provider: string, model: string, textOffset: number): EventInit
  completed(response: MessageInitShape<typeof CompleteResponseSchema>): EventInit
}

/** A heartbeat: it has no number, because it is never kept. */
export function heartbeat(elapsedMs: number): EventInit {
  return { event: { case: 'heartbeat', value: { elapsedDuration: durationOf(elapsedMs) } } }
}

/** Makes the events of one stream. */
export function createEvents(): EventMaker {
  let sequence = 0
  let before: TokenCounts = NONE
  let latest: TokenCounts = NONE
  const numbered = (event: EventKind): EventInit => {
    sequence += 1
    return { sequence, event }
  }
  return {
    started: (responseId, provider, model) =>
      numbered({ case: 'started', value: { responseId, provider, model } }),
    deltas(batch, out) {
      for (const delta of batch) {
        if (delta.type === 'usage') {
          latest = sumOf(before, delta.counts)
          out.push(numbered({ case: 'usage', value: { ...latest, provenance: Usage_Provenance.REPORTED } }))
        } else {
          const event = eventOf(delta)
          if (event !== undefined) out.push(numbered(event))
        }
      }
    },
    warning: warning => numbered({ case: 'warning', value: warning }),
    rerouted: (provider, model, textOffsetCount) => {
      before = latest
      return numbered({ case: 'rerouted', value: { provider, model, textOffsetCount } })
    },
    completed: response => numbered({ case: 'completed', value: { response } }),
  }
}

const NONE: TokenCounts = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}

function sumOf(one: TokenCounts, other: TokenCounts): TokenCounts {
  return soundCounts({
    inputTokens: one.inputTokens + other.inputTokens,
    cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
  })
}

function eventOf(delta: Delta): EventKind | undefined {
  switch (delta.type) {
    case 'text':
      return { case: 'textDelta', value: { text: delta.text } }
    case 'reasoning':
      return { case: 'reasoningDelta', value: { text: delta.text } }
    case 'tool_call_start':
      return { case: 'toolCallStart', value: { callId: delta.callId, name: delta.name } }
    case 'tool_call_arguments':
      return { case: 'toolCallDelta', value: { callId: delta.callId, arguments: delta.text } }
    case 'tool_call_end':
      return { case: 'toolCallEnd', value: { callId: delta.callId } }
    case 'usage':
    case 'reasoning_opaque':
    case 'citation':
    case 'meta':
    case 'finish':
      return undefined
    default:
      return delta satisfies never
  }
}
