// The client for browsers: every service of the gateway over gRPC-Web, with the caller's credential.
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { type ExaiClientOptions, type ExaiServices, servicesOver, signing } from './services.ts'

/** The services of a gateway, as a browser can call them: UploadFile is missing, because no browser can stream a request. */
export interface ExaiClient extends Omit<ExaiServices, 'files'> {
  readonly files: Omit<ExaiServices['files'], 'uploadFile'>
}

/** Makes a client. It opens nothing until the first call. */
export function createExaiClient({ baseUrl, token }: ExaiClientOptions): ExaiClient {
  return servicesOver(createGrpcWebTransport({ baseUrl, interceptors: [signing(token)] }))
}
