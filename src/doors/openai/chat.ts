// POST /v1/chat/completions.

import type { Route } from '../http/route.ts'
import type { Services } from '../services.ts'
import { chatCompletion } from './chat-answer.ts'
import { chatRequest } from './chat-request.ts'
import { chatFrames } from './chat-stream.ts'

/** The routes of chat completions. */
export function chatRoutes({ chat }: Pick<Services, 'chat'>): readonly Route[] {
  return [
    {
      verb: 'POST',
      path: '/v1/chat/completions',
      rpc: 'exai.v1.ChatService/Complete',
      handle: async call => {
        const { request, isStream, ...told } = chatRequest(await call.json(), call.header('idempotency-key'))
        const { exchange } = call
        if (isStream) return { type: 'events', frames: chatFrames(chat.stream(exchange, request), told) }
        return { type: 'json', value: chatCompletion(await chat.complete(exchange, request), told.notes) }
      },
    },
  ]
}
