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
        const letGo = asked.previousResponseId === '' ? undefined : await goOn(call, asked, chat)
        if (!isStream) {
          const answer = chat.complete(exchange, request)
          return { type: 'json', value: wholeResponse(await answer.finally(letGo), asked) }
        }
        const events = chat.stream(exchange, request)
        const given = letGo === undefined ? events : thenCall(events, letGo)
        return { type: 'events', frames: responseFrames(given, asked, thrown => tell(thrown, exchange)) }
      },
    },
  ]
}

/** Has a request go on from the answer that it names; gives the way to let go of that. */
async function goOn(
  call: HttpCall,
  asked: ResponseRequest,
  chat: Pick<Services['chat'], 'conversations'>,
): Promise<() => void> {
  const { previousResponseId: responseId, request } = asked
  const { idempotencyKey } = request
  const letGo = await chat.conversations.goOn(call.exchange, { responseId, idempotencyKey })
  if (letGo === undefined) throw goneOnFrom(responseId)
  try {
    request.conversationId = await conversationOf(call, asked, chat)
    return letGo
  } catch (thrown) {
    letGo()
    throw thrown
  }
}

// OpenAI's packages ask again after a 409. By then the answer is free again, or no longer the latest.
function goneOnFrom(responseId: string): HttpRefusal {
  return new HttpRefusal(
    'INVALID_REQUEST',
    `previous_response_id: another call goes on from ${responseId.slice(0, 64)} now, and a conversation cannot fork; wait for it, or keep the turns yourself`,
    { status: 409, param: 'previous_response_id' },
  )
}

async function* thenCall<T>(events: AsyncIterable<T>, after: () => void): AsyncGenerator<T> {
  try {
    yield* events
  } finally {
    after()
  }
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
