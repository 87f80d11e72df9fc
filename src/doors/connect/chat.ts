// The chat service: each RPC hands its message to the chat and its answer back, and nothing else.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import type {
  CancelStreamRequest,
  CancelStreamResponseSchema,
  ChatService,
  CompleteRequest,
  CompleteResponseSchema,
  CountTokensResponseSchema,
  DeleteConversationRequest,
  DeleteConversationResponseSchema,
  ExplainRouteResponseSchema,
  GetConversationRequest,
  GetConversationResponseSchema,
  ListConversationsRequest,
  ListConversationsResponseSchema,
  ListModelsRequest,
  ListModelsResponseSchema,
  ResumeStreamRequest,
  StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import type { Call, ClientCall } from '../../core/call.ts'
import { exchangeOf } from './served.ts'

/** What the door needs of the chat. Everything throws GatewayError, and ends when the call's signal aborts. */
export interface Chat {
  complete(
    call: ClientCall,
    request: CompleteRequest,
  ): Promise<MessageInitShape<typeof CompleteResponseSchema>>
  stream(
    call: ClientCall,
    request: CompleteRequest,
  ): AsyncIterable<MessageInitShape<typeof StreamEventSchema>>
  resume(call: Call, request: ResumeStreamRequest): AsyncIterable<MessageInitShape<typeof StreamEventSchema>>
  cancel(
    call: Call,
    request: CancelStreamRequest,
  ): Promise<MessageInitShape<typeof CancelStreamResponseSchema>>
  countTokens(
    call: Call,
    request: CompleteRequest,
  ): Promise<MessageInitShape<typeof CountTokensResponseSchema>>
  explainRoute(
    call: Call,
    request: CompleteRequest,
  ): Promise<MessageInitShape<typeof ExplainRouteResponseSchema>>
  readonly conversations: {
    list(
      call: Call,
      request: ListConversationsRequest,
    ): Promise<MessageInitShape<typeof ListConversationsResponseSchema>>
    get(
      call: Call,
      request: GetConversationRequest,
    ): Promise<MessageInitShape<typeof GetConversationResponseSchema>>
    delete(
      call: Call,
      request: DeleteConversationRequest,
    ): Promise<MessageInitShape<typeof DeleteConversationResponseSchema>>
    /** Id of the conversation whose latest answer this is; what the call repeats by its idempotency key counts, too. */
    endingWith(
      call: Call,
      asked: { readonly responseId: string; readonly idempotencyKey: string },
    ): Promise<string>
    /** Takes an answer to go on from; gives the way to let go of it, or undefined when another call goes on from it. */
    goOn(
      call: Call,
      from: { readonly responseId: string; readonly idempotencyKey: string },
    ): Promise<(() => void) | undefined>
  }
  listModels(
    call: Call,
    request: ListModelsRequest,
  ): Promise<MessageInitShape<typeof ListModelsResponseSchema>>
}

/** The RPCs of the chat service. */
export function chatService(chat: Chat): ServiceImpl<typeof ChatService> {
  return {
    complete: (request, context) => chat.complete(exchangeOf(context), request),
    streamComplete: (request, context) => chat.stream(exchangeOf(context), request),
    resumeStream: (request, context) => chat.resume(exchangeOf(context), request),
    cancelStream: (request, context) => chat.cancel(exchangeOf(context), request),
    countTokens: (request, context) => chat.countTokens(exchangeOf(context), request),
    explainRoute: (request, context) => chat.explainRoute(exchangeOf(context), request),
    listModels: (request, context) => chat.listModels(exchangeOf(context), request),
    listConversations: (request, context) => chat.conversations.list(exchangeOf(context), request),
    getConversation: (request, context) => chat.conversations.get(exchangeOf(context), request),
    deleteConversation: (request, context) => chat.conversations.delete(exchangeOf(context), request),
  }
}
