// A stream of ours as Anthropic's events: message_start, the blocks, message_delta with why it ended and what was used, message_stop.

import type { MessageInitShape } from '@bufbuild/protobuf'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { type Batched, batched, batchesOf } from '../../core/batched.ts'
import type { Frame } from '../http/frame.ts'
import { ownAnswer } from '../http/own.ts'
import {
  type Answer,
  type AnswerOptions,
  citation,
  emptyMessage,
  stopOf,
  textBlock,
  toolBlock,
  usageOf,
} from './answer.ts'
import { type Block, createBlocks, frameOf } from './blocks.ts'
import { sealText } from './seal.ts'

type EventInit = MessageInitShape<typeof StreamEventSchema>

/** Says that the call is alive. */
const PING = frameOf({ type: 'ping' })

/** Longest silence towards a client to which thoughts are not shown, in milliseconds. */
const PING_MS = 10_000

/** The frames of a stream, in the batches of its events. It throws what the events throw, and then never ends with message_stop. */
export function messageFrames(events: AsyncIterable<EventInit>, options: AnswerOptions): Batched<Frame> {
  return batched(frameBatches(events, options))
}

async function* frameBatches(
  events: AsyncIterable<EventInit>,
  options: AnswerOptions,
): AsyncGenerator<readonly Frame[]> {
  const frames = createFrames(options)
  for await (const batch of batchesOf(events)) {
    const all = batch.flatMap(frames)
    if (all.length > 0) yield all
  }
}

type Frames = (event: EventInit) => readonly Frame[]

/** Makes the frames of one stream. */
function createFrames(options: AnswerOptions): Frames {
  const { shown } = options
  const blocks = createBlocks()
  const calls = new Map<string, Block>()
  let origin = { provider: '', model: '' }
  let sentMs = 0

  // Texts and thoughts do not say where they end: the next block does.
  const closeLast = (): void => {
    const last = blocks.last()
    if (last?.type === 'thinking')
      last.add({ type: 'signature_delta', signature: sealText({ ...origin, opaque: new Uint8Array() }) })
    if (last?.type === 'text' || last?.type === 'thinking') last.close()
  }
  const open = (start: Record<string, unknown>): Block => {
    closeLast()
    return blocks.open(start)
  }
  const going = (start: Record<string, unknown>): Block => {
    const last = blocks.last()
    return last !== undefined && last.type === start['type'] ? last : open(start)
  }
  const think = (thinking: string): readonly Frame[] => {
    if (shown === 'nothing') {
      closeLast()
      return blocks.frames()
    }
    const block = going({ type: 'thinking', thinking: '', signature: '' })
    if (shown === 'all') block.add({ type: 'thinking_delta', thinking })
    return blocks.frames()
  }
  const completed = (answer: Answer): readonly Frame[] => {
    finish(answer)
    return [
      ...blocks.frames(),
      frameOf({
        type: 'message_delta',
        delta: { ...stopOf(answer), container: null },
        usage: usageOf(answer.usage),
        exai: ownAnswer(answer, options.notes),
      }),
      frameOf({ type: 'message_stop' }),
    ]
  }
  // What only the end tells: sources, and what is sealed of the thoughts.
  const finish = ({ message }: Answer): void => {
    for (const call of calls.values()) call.close()
    const parts = (message?.content ?? []).map(({ kind }) => kind)
    for (const kind of parts)
      if (kind?.case === 'citation')
        going(textBlock('')).add({ type: 'citations_delta', citation: citation(kind.value) })
    const places = parts.filter(kind => kind?.case !== 'citation')
    for (const [at, kind] of places.entries()) {
      if (shown === 'nothing' || kind?.case !== 'reasoning') continue
      const { provider = '', model = '', opaque = new Uint8Array() } = kind.value
      if (opaque.byteLength === 0) continue
      open({ type: 'redacted_thinking', data: sealText({ provider, model, opaque, at }) }).close()
    }
    closeLast()
  }

  const framesOf: Frames = ({ event }) => {
    switch (event?.case) {
      case 'started': {
        const { responseId = '', provider = '', model = '' } = event.value
        origin = { provider, model }
        return [frameOf({ type: 'message_start', message: emptyMessage(responseId, model) }), PING]
      }
      case 'textDelta':
        going(textBlock('')).add({ type: 'text_delta', text: event.value.text ?? '' })
        return blocks.frames()
      case 'reasoningDelta':
        return think(event.value.text ?? '')
      case 'toolCallStart': {
        const { callId = '', name = '' } = event.value
        calls.set(callId, open(toolBlock(callId, name, {})))
        return blocks.frames()
      }
      case 'toolCallDelta':
        calls
          .get(event.value.callId ?? '')
          ?.add({ type: 'input_json_delta', partial_json: event.value.arguments ?? '' })
        return blocks.frames()
      case 'toolCallEnd':
        calls.get(event.value.callId ?? '')?.close()
        return blocks.frames()
      case 'heartbeat':
        return [PING]
      case 'rerouted': {
        const { provider = '', model = '' } = event.value
        origin = { provider, model }
        return []
      }
      case 'completed':
        return completed(event.value.response ?? {})
      // Told with the end.
      case 'usage':
      case 'warning':
      case undefined:
        return []
      default:
        event satisfies never
        return []
    }
  }
  return event => {
    const frames = framesOf(event)
    const nowMs = Date.now()
    if (frames.length === 0 && nowMs - sentMs < PING_MS) return frames
    sentMs = nowMs
    return frames.length === 0 ? [PING] : frames
  }
}
