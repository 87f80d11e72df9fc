// The services of a gateway over any transport, and the caller's credential on every call.
import { type Client, createClient, type Interceptor, type Transport } from '@connectrpc/connect'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'

/** How to reach a gateway. */
export interface ExaiClientOptions {
  /** Where the gateway is, such as `https://exai.example.org`; in a browser often the page's own origin. */
  readonly baseUrl: string
  /** An API key or a token, or what gives the one to use for the next call. Absent, or undefined: none is sent. */
  readonly token?: string | (() => string | undefined) | undefined
}

/** The services of a gateway. */
export interface ExaiServices {
  readonly chat: Client<typeof ChatService>
  readonly files: Client<typeof FilesService>
  readonly embeddings: Client<typeof EmbeddingsService>
  readonly monitoring: Client<typeof MonitoringService>
  readonly access: Client<typeof AccessService>
  /** For services that are not named here. */
  readonly transport: Transport
}

/** The services over a transport. Nothing is opened until the first call. */
export function servicesOver(transport: Transport): ExaiServices {
  return {
    chat: createClient(ChatService, transport),
    files: createClient(FilesService, transport),
    embeddings: createClient(EmbeddingsService, transport),
    monitoring: createClient(MonitoringService, transport),
    access: createClient(AccessService, transport),
    transport,
  }
}

/** Sends the credential of the moment with every call. */
export function signing(token: ExaiClientOptions['token']): Interceptor {
  const current = typeof token === 'function' ? token : () => token
  return next => request => {
    const credential = current()
    if (credential !== undefined && credential !== '')
      request.header.set('authorization', `Bearer ${credential}`)
    return next(request)
  }
}
