// POST /v1/messages and POST /v1/messages/count_tokens.
import type { HttpCall, Route } from '../http/route.ts'
import type { Services } from '../services.ts'
import { messageBody } from './answer.ts'
import { messagesRequest } from './request.ts'
import { messageFrames } from './stream.ts'

/** The routes of messages. */
export function messageRoutes({ chat }: Pick<Services, 'chat'>): readonly Route[] {
  return [
    {
      verb: 'POST',
      path: '/v1/messages',
      rpc: 'exai.v1.ChatService/Complete',
      handle: async call => {
        const idempotencyKey = call.header('idempotency-key')
        const { request, isStream, ...told } = messagesRequest(await call.json(), {
          idempotencyKey,
          isCounted: false,
        })
        const { exchange } = call
        const headers = headersOf(call)
        if (isStream)
          return { type: 'events', frames: messageFrames(chat.stream(exchange, request), told), headers }
        const value = messageBody(await chat.complete(exchange, request), told)
        return { type: 'json', value, headers }
      },
    },
    {
      verb: 'POST',
      path: '/v1/messages/count_tokens',
      rpc: 'exai.v1.ChatService/CountTokens',
      handle: async call => {
        const { request } = messagesRequest(await call.json(), { idempotencyKey: '', isCounted: true })
        const { inputTokens = 0 } = await chat.countTokens(call.exchange, request)
        return { type: 'json', value: { input_tokens: inputTokens }, headers: headersOf(call) }
      },
    },
  ]
}

/** Where Anthropic's clients look for the id of a call. */
function headersOf({ exchange }: HttpCall): Readonly<Record<string, string>> {
  return { 'request-id': exchange.id }
}
