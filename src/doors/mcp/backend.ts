// What the tools and resources work with: the RPCs of the service, called in this process or from another one.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  CompleteRequestSchema,
  ExplainRouteResponse,
  GetConversationRequestSchema,
  GetConversationResponse,
  ListConversationsRequestSchema,
  ListConversationsResponse,
  ListModelsRequestSchema,
  ListModelsResponse,
  StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import type {
  CreateFileRequestSchema,
  CreateFileResponse,
  DownloadFileRequestSchema,
  DownloadFileResponseSchema,
  GetFileRequestSchema,
  GetFileResponse,
  ListFilesRequestSchema,
  ListFilesResponse,
} from '#gen/exai/v1/files_service_pb'
import type {
  GetStatusResponse,
  GetUsageRequestSchema,
  GetUsageResponse,
} from '#gen/exai/v1/monitoring_service_pb'

/**
 * The RPCs. Each is a call of its own: identified, allowed, limited and counted. Everything throws GatewayError, and ends
 * when the signal aborts, which counts as the client's cancelling.
 */
export interface Backend {
  streamComplete(
    request: MessageInitShape<typeof CompleteRequestSchema>,
    signal: AbortSignal,
  ): AsyncIterable<MessageInitShape<typeof StreamEventSchema>>
  explainRoute(
    request: MessageInitShape<typeof CompleteRequestSchema>,
    signal: AbortSignal,
  ): Promise<ExplainRouteResponse>
  listModels(
    request: MessageInitShape<typeof ListModelsRequestSchema>,
    signal: AbortSignal,
  ): Promise<ListModelsResponse>
  listConversations(
    request: MessageInitShape<typeof ListConversationsRequestSchema>,
    signal: AbortSignal,
  ): Promise<ListConversationsResponse>
  getConversation(
    request: MessageInitShape<typeof GetConversationRequestSchema>,
    signal: AbortSignal,
  ): Promise<GetConversationResponse>
  createFile(
    request: MessageInitShape<typeof CreateFileRequestSchema>,
    signal: AbortSignal,
  ): Promise<CreateFileResponse>
  getFile(
    request: MessageInitShape<typeof GetFileRequestSchema>,
    signal: AbortSignal,
  ): Promise<GetFileResponse>
  listFiles(
    request: MessageInitShape<typeof ListFilesRequestSchema>,
    signal: AbortSignal,
  ): Promise<ListFilesResponse>
  downloadFile(
    request: MessageInitShape<typeof DownloadFileRequestSchema>,
    signal: AbortSignal,
  ): AsyncIterable<MessageInitShape<typeof DownloadFileResponseSchema>>
  getUsage(
    request: MessageInitShape<typeof GetUsageRequestSchema>,
    signal: AbortSignal,
  ): Promise<GetUsageResponse>
  getStatus(signal: AbortSignal): Promise<GetStatusResponse>
}
