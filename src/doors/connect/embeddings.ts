// The embeddings service: its one RPC hands the message to the embedding and its answer back, and nothing else.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import type { EmbeddingsService, EmbedRequest, EmbedResponseSchema } from '#gen/exai/v1/embeddings_service_pb'
import type { Call } from '../../core/call.ts'
import { exchangeOf } from './served.ts'

/** What the door needs of the embedding. It throws GatewayError, and ends when the call's signal aborts. */
export interface Embeddings {
  embed(call: Call, request: EmbedRequest): Promise<MessageInitShape<typeof EmbedResponseSchema>>
}

/** The RPC of the embeddings service. */
export function embeddingsService(embeddings: Embeddings): ServiceImpl<typeof EmbeddingsService> {
  return { embed: (request, context) => embeddings.embed(exchangeOf(context), request) }
}
