// The client for browsers: every service of the gateway over gRPC-Web, with the caller's credential.
import { type Client, createClient, type Interceptor, type Transport } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'

/** How to reach a gateway from a browser. */
export interface ExaiClientOptions {
  /** Where the gateway is, such as `https://exai.example.org`, or the page's own origin. */
  readonly baseUrl: string
  /** An API key or a token, or what gives the one to use for the next call. Absent, or undefined: none is sent. */
  readonly token?: string | (() => string | undefined) | undefined
}

/** The services of a gateway, as a browser can call them: UploadFile is missing, because no browser can stream a request. */
export interface ExaiClient {
  readonly chat: Client<typeof ChatService>
  readonly files: Omit<Client<typeof FilesService>, 'uploadFile'>
  readonly monitoring: Client<typeof MonitoringService>
  readonly access: Client<typeof AccessService>
  /** For services that are not named here. */
  readonly transport: Transport
}

/** Makes a client. It opens nothing until the first call. */
export function createExaiClient({ baseUrl, token }: ExaiClientOptions): ExaiClient {
  const current = typeof token === 'function' ? token : () => token
  const signing: Interceptor = next => request => {
    const credential = current()
    if (credential !== undefined && credential !== '')
      request.header.set('authorization', `Bearer ${credential}`)
    return next(request)
  }
  const transport = createGrpcWebTransport({ baseUrl, interceptors: [signing] })
  return {
    chat: createClient(ChatService, transport),
    files: createClient(FilesService, transport),
    monitoring: createClient(MonitoringService, transport),
    access: createClient(AccessService, transport),
    transport,
  }
}
