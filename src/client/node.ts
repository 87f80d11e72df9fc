// The client for Node: every service of the gateway over gRPC, gRPC-Web or Connect, with the caller's credential.
import type { Transport } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import {
  type ExaiServices,
  servicesOver,
  signing,
  type ExaiClientOptions as UniversalOptions,
} from './services.ts'

/** How to reach a gateway from Node. */
export interface ExaiClientOptions extends UniversalOptions {
  /**
   * `grpc` and `connect` speak HTTP/2 (without TLS: h2c), `grpc-web` and `connect-json` HTTP/1.1, which passes every proxy.
   * Default: `grpc`.
   */
  readonly protocol?: keyof typeof transports
  /** A certificate in PEM to trust besides those of the system. */
  readonly ca?: string
}

/** Every service of a gateway. */
export type ExaiClient = ExaiServices

type Preset = (options: {
  readonly baseUrl: string
  readonly interceptors: ReturnType<typeof signing>[]
  readonly nodeOptions: { readonly ca?: string }
}) => Transport

// A connection that a proxy has dropped without a word is noticed by these before the next call waits for it.
const PING = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000, pingIdleConnection: false }

const transports = {
  grpc: options => createGrpcTransport({ ...options, ...PING }),
  connect: options => createConnectTransport({ ...options, ...PING, httpVersion: '2' }),
  'grpc-web': options => createGrpcWebTransport({ ...options, httpVersion: '1.1' }),
  'connect-json': options =>
    createConnectTransport({ ...options, httpVersion: '1.1', useBinaryFormat: false }),
} satisfies Record<string, Preset>

/** Makes a client. It opens nothing until the first call, and keeps one connection for all of them. */
export function createExaiClient({ baseUrl, token, protocol = 'grpc', ca }: ExaiClientOptions): ExaiClient {
  const options = { baseUrl, interceptors: [signing(token)], nodeOptions: ca === undefined ? {} : { ca } }
  return servicesOver(transports[protocol](options))
}
