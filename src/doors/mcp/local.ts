// The RPCs as the tools of this door call them in the process: each is opened, served and closed as a call of its own.
import { create } from '@bufbuild/protobuf'
import {
  CompleteRequestSchema,
  ExplainRouteResponseSchema,
  GetConversationRequestSchema,
  GetConversationResponseSchema,
  ListConversationsRequestSchema,
  ListConversationsResponseSchema,
  ListModelsRequestSchema,
  ListModelsResponseSchema,
} from '#gen/exai/v1/chat_service_pb'
import {
  CreateFileRequestSchema,
  CreateFileResponseSchema,
  DownloadFileRequestSchema,
  GetFileRequestSchema,
  GetFileResponseSchema,
  ListFilesRequestSchema,
  ListFilesResponseSchema,
} from '#gen/exai/v1/files_service_pb'
import {
  GetStatusResponseSchema,
  GetUsageRequestSchema,
  GetUsageResponseSchema,
} from '#gen/exai/v1/monitoring_service_pb'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../server/exchange.ts'
import type { CarryingRequest, InnerCalls } from '../../server/inner-calls.ts'
import type { Services } from '../services.ts'
import type { Backend } from './backend.ts'
import { errorOf } from './errors.ts'

/** The RPCs for one request of this door. */
export function localBackend(
  { chat, files, monitoring }: Services,
  calls: InnerCalls,
  carrier: CarryingRequest,
): Backend {
  const { unary, stream } = calling(calls, carrier)
  return {
    streamComplete: (request, signal) =>
      stream('exai.v1.ChatService/StreamComplete', signal, call =>
        chat.stream(call, create(CompleteRequestSchema, request)),
      ),
    explainRoute: (request, signal) =>
      unary('exai.v1.ChatService/ExplainRoute', signal, async call =>
        create(
          ExplainRouteResponseSchema,
          await chat.explainRoute(call, create(CompleteRequestSchema, request)),
        ),
      ),
    listModels: (request, signal) =>
      unary('exai.v1.ChatService/ListModels', signal, async call =>
        create(
          ListModelsResponseSchema,
          await chat.listModels(call, create(ListModelsRequestSchema, request)),
        ),
      ),
    listConversations: (request, signal) =>
      unary('exai.v1.ChatService/ListConversations', signal, async call =>
        create(
          ListConversationsResponseSchema,
          await chat.conversations.list(call, create(ListConversationsRequestSchema, request)),
        ),
      ),
    getConversation: (request, signal) =>
      unary('exai.v1.ChatService/GetConversation', signal, async call =>
        create(
          GetConversationResponseSchema,
          await chat.conversations.get(call, create(GetConversationRequestSchema, request)),
        ),
      ),
    createFile: (request, signal) =>
      unary('exai.v1.FilesService/CreateFile', signal, async call =>
        create(CreateFileResponseSchema, await files.create(call, create(CreateFileRequestSchema, request))),
      ),
    getFile: (request, signal) =>
      unary('exai.v1.FilesService/GetFile', signal, async call =>
        create(GetFileResponseSchema, await files.get(call, create(GetFileRequestSchema, request))),
      ),
    listFiles: (request, signal) =>
      unary('exai.v1.FilesService/ListFiles', signal, async call =>
        create(ListFilesResponseSchema, await files.list(call, create(ListFilesRequestSchema, request))),
      ),
    downloadFile: (request, signal) =>
      stream('exai.v1.FilesService/DownloadFile', signal, call =>
        files.download(call, create(DownloadFileRequestSchema, request)),
      ),
    getUsage: (request, signal) =>
      unary('exai.v1.MonitoringService/GetUsage', signal, async call =>
        create(
          GetUsageResponseSchema,
          await monitoring.getUsage(call.caller, create(GetUsageRequestSchema, request)),
        ),
      ),
    getStatus: signal =>
      unary('exai.v1.MonitoringService/GetStatus', signal, async () =>
        create(GetStatusResponseSchema, await monitoring.getStatus()),
      ),
  }
}

/** Opens a call, and gives the way to close it. */
interface Opened {
  readonly call: Exchange
  close(): void
}

function calling(calls: InnerCalls, carrier: CarryingRequest) {
  async function open(method: string, signal: AbortSignal): Promise<Opened> {
    const asked = { door: 'mcp', method, protocol: 'mcp', isWatch: false, isCounted: true }
    const call = await calls.open(carrier, asked)
    const cancel = (): void => call.abort(new GatewayError('CANCELLED', 'the client cancelled the call'))
    if (signal.aborted) cancel()
    // The signal aborts after every finished request, too: by then the call is closed and hears nothing.
    else signal.addEventListener('abort', cancel, { once: true })
    return {
      call,
      close() {
        signal.removeEventListener('abort', cancel)
        call.close()
      },
    }
  }
  const failed = ({ call }: Opened, thrown: unknown): GatewayError => {
    const error = errorOf(thrown, call.signal)
    call.fail(error)
    return error
  }
  return {
    async unary<T>(method: string, signal: AbortSignal, serve: (call: Exchange) => Promise<T>): Promise<T> {
      const opened = await open(method, signal)
      try {
        return await serve(opened.call)
      } catch (error) {
        throw failed(opened, error)
      } finally {
        opened.close()
      }
    },
    async *stream<T>(
      method: string,
      signal: AbortSignal,
      serve: (call: Exchange) => AsyncIterable<T>,
    ): AsyncGenerator<T> {
      const opened = await open(method, signal)
      try {
        yield* serve(opened.call)
      } catch (error) {
        throw failed(opened, error)
      } finally {
        opened.close()
      }
    },
  }
}
