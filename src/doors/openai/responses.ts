// POST /v1/responses.

import { GatewayError } from '../../core/errors.ts'
import { HTTP_STATUSES, tell } from '../http/errors.ts'
import { HttpRefusal } from '../http/refusal.ts'
import type { HttpCall, Route } from '../http/route.ts'
import type { Services } from '../services.ts'
import { wholeResponse } from './responses-answer.ts'
import { type ResponseRequest, responseRequest } from './responses-request.ts'
import { responseFrames } from './responses-stream.ts'

/** The routes of responses. */
export function responseRoutes({ chat }: Pick<Services, 'chat'>): readonly Route[] {
  return [
    {
      verb: 'POST',
      path: '/v1/responses',
      rpc: 'exai.v1.ChatService/Complete',
      handle: async call => {
        const { exchange } = call
        const asked = responseRequest(await call.json(), call.header('idempotency-key'))
        const { request, isStream } = asked
        if (asked.previousResponseId !== '') request.conversationId = await conversationOf(call, asked, chat)
        if (!isStream)
          return { type: 'json', value: wholeResponse(await chat.complete(exchange, request), asked) }
        const events = chat.stream(exchange, request)
        return { type: 'events', frames: responseFrames(events, asked, thrown => tell(thrown, exchange)) }
      },
    },
  ]
}

/** The conversation whose latest answer was named. */
async function conversationOf(
  { exchange }: HttpCall,
  { previousResponseId: responseId, request: { idempotencyKey } }: ResponseRequest,
  { conversations }: Pick<Services['chat'], 'conversations'>,
): Promise<string> {
  try {
    return await conversations.endingWith(exchange, { responseId, idempotencyKey })
  } catch (thrown) {
    const error = GatewayError.from(thrown)
    if (error.reason !== 'CONVERSATION_NOT_FOUND' && error.reason !== 'INVALID_REQUEST') throw error
    const remedy = error.reason === 'CONVERSATION_NOT_FOUND' ? '; ask with store: true to have it kept' : ''
    throw new HttpRefusal(error.reason, `previous_response_id: ${error.message}${remedy}`, {
      status: HTTP_STATUSES[error.reason].status,
      param: 'previous_response_id',
    })
  }
}
