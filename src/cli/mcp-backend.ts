// The RPCs as the MCP tools of a command call them: those of the running service, as any client does.
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { ErrorInfo_Origin, ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { GatewayError, type Origin, reasonOfWire } from '../core/errors.ts'
import { millisecondsOf } from '../core/time.ts'
import type { Backend } from '../doors/mcp/backend.ts'
import type { ServiceTarget } from './client.ts'
import { trustOf } from './trust.ts'

/** The address of a service. */
export function urlOf({ host, port, tls }: ServiceTarget): string {
  // A service that listens everywhere is there, too.
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `${tls === undefined ? 'http' : 'https'}://${name.includes(':') ? `[${name}]` : name}:${port}`
}

/** The RPCs of the service at an address. */
export function remoteBackend(target: ServiceTarget): Backend {
  const transport = transportTo(target)
  const chat = createClient(ChatService, transport)
  const files = createClient(FilesService, transport)
  const monitoring = createClient(MonitoringService, transport)
  const url = urlOf(target)
  const told = <T>(answer: Promise<T>, signal: AbortSignal): Promise<T> =>
    answer.catch((error: unknown) => {
      throw ownError(error, url, signal)
    })
  async function* each<T>(answers: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
    try {
      yield* answers
    } catch (error) {
      throw ownError(error, url, signal)
    }
  }
  return {
    streamComplete: (request, signal) => each(chat.streamComplete(request, { signal }), signal),
    explainRoute: (request, signal) => told(chat.explainRoute(request, { signal }), signal),
    listModels: (request, signal) => told(chat.listModels(request, { signal }), signal),
    listConversations: (request, signal) => told(chat.listConversations(request, { signal }), signal),
    getConversation: (request, signal) => told(chat.getConversation(request, { signal }), signal),
    createFile: (request, signal) => told(files.createFile(request, { signal }), signal),
    getFile: (request, signal) => told(files.getFile(request, { signal }), signal),
    listFiles: (request, signal) => told(files.listFiles(request, { signal }), signal),
    downloadFile: (request, signal) => each(files.downloadFile(request, { signal }), signal),
    getUsage: (request, signal) => told(monitoring.getUsage(request, { signal }), signal),
    getStatus: signal => told(monitoring.getStatus({}, { signal }), signal),
  }
}

function transportTo(target: ServiceTarget): Transport {
  const { credential, tls } = target
  return createConnectTransport({
    baseUrl: urlOf(target),
    httpVersion: '1.1',
    useBinaryFormat: true,
    nodeOptions: trustOf(tls),
    interceptors: [
      next => req => {
        // Without authentication a service refuses every Host that is not loopback, also its own address.
        req.header.set('host', 'localhost')
        if (credential !== undefined) req.header.set('authorization', `Bearer ${credential}`)
        return next(req)
      },
    ],
  })
}

const origins: Readonly<Record<number, Origin>> = {
  [ErrorInfo_Origin.CLIENT]: 'client',
  [ErrorInfo_Origin.GATEWAY]: 'gateway',
  [ErrorInfo_Origin.UPSTREAM]: 'upstream',
}

/** What the service said, as an error of ours; who says nothing of its own is not the service. */
function ownError(thrown: unknown, url: string, signal: AbortSignal): GatewayError {
  if (signal.aborted) return new GatewayError('CANCELLED', 'the client cancelled the call')
  const error = ConnectError.from(thrown)
  const info = error.findDetails(ErrorInfoSchema)[0]
  const reason = info === undefined ? undefined : reasonOfWire(info.reason)
  if (info !== undefined && reason !== undefined) {
    const origin = origins[info.origin]
    return new GatewayError(reason, error.rawMessage, {
      ...(info.provider === '' ? {} : { provider: info.provider }),
      ...(info.model === '' ? {} : { model: info.model }),
      ...(info.retryDelay === undefined ? {} : { retryDelayMs: millisecondsOf(info.retryDelay) }),
      ...(origin === undefined ? {} : { origin }),
    })
  }
  if (error.code === Code.Unimplemented || error.code === Code.NotFound)
    return new GatewayError('UNSUPPORTED', `what listens at ${url} is not this service: set HOST and PORT`)
  return new GatewayError(
    'UPSTREAM_UNAVAILABLE',
    `no service answers at ${url}: start it, or set HOST and PORT`,
    {
      cause: error,
    },
  )
}
