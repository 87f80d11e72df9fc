// The endpoint for chats: each request frame is one call, answered whole or as a stream.
import type { JsonObject } from '@bufbuild/protobuf'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import type { Clock } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Asked, Exchange } from '../../server/exchange.ts'
import type { Services } from '../services.ts'
import { nothingSent, responseFrame, streamFrame } from './answer.ts'
import { requestOf, wishOf } from './request.ts'
import { carryOut, DOOR, type Endpoint, sendPaced, type Task } from './task.ts'

/** What `createChatEndpoint` needs. */
export interface ChatEndpointDeps {
  readonly chat: Pick<Services['chat'], 'complete' | 'stream'>
  readonly clock: Pick<Clock, 'monotonic'>
}

const { complete, streamComplete } = ChatService.method

/** Makes it. */
export function createChatEndpoint(deps: ChatEndpointDeps): Endpoint {
  return {
    begins: 'request',
    ends: 'cancel',
    ended: 'cancelled',
    asked,
    run: task =>
      carryOut(task, asked(task.fields), exchange =>
        wishOf(task.fields).isStream ? stream(deps, task, exchange) : answer(deps, task, exchange),
      ),
  }
}

function asked(fields: JsonObject): Asked {
  const { isStream, ...wish } = wishOf(fields)
  const { name } = isStream ? streamComplete : complete
  const method = `${ChatService.typeName}/${name}`
  return { ...wish, door: DOOR, method, protocol: DOOR, isWatch: false, isCounted: true }
}

async function answer({ chat, clock }: ChatEndpointDeps, task: Task, exchange: Exchange): Promise<void> {
  const response = await chat.complete(exchange, requestOf(task.fields))
  const durationMs = clock.monotonic() - exchange.startedAtMs
  await sendPaced(task.outlet, responseFrame(task.requestId, response, { durationMs }), exchange.signal)
}

async function stream({ chat, clock }: ChatEndpointDeps, task: Task, exchange: Exchange): Promise<void> {
  const { requestId, outlet } = task
  const sent = nothingSent()
  for await (const event of chat.stream(exchange, requestOf(task.fields))) {
    if (event.event?.case === 'completed') {
      const durationMs = clock.monotonic() - exchange.startedAtMs
      const response = event.event.value.response ?? {}
      return sendPaced(outlet, responseFrame(requestId, response, { durationMs, sent }), exchange.signal)
    }
    if (outlet.isGone()) exchange.signal.throwIfAborted()
    const frame = streamFrame(requestId, event, sent)
    if (frame !== undefined) await sendPaced(outlet, frame, exchange.signal)
  }
  throw new GatewayError('INTERNAL', 'the stream ended without its answer')
}
