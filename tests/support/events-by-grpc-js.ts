// Watches events with grpc-js, whose client is made at run time from the contract as it is written.
import { join } from 'node:path'
import { type ClientReadableStream, credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { Service } from './running-server.ts'
import { root } from './tools.ts'

type Json = Readonly<Record<string, unknown>>

/** The event stream as grpc-js sees it, with the contract read from proto/. */
export function eventsByGrpcJs({ port }: Pick<Service, 'port'>, request: Json): ClientReadableStream<Json> {
  const definition = loadSync('exai/v1/monitoring_service.proto', {
    includeDirs: [join(root, 'proto')],
    keepCase: true,
    enums: String,
    longs: String,
    oneofs: true,
  })
  // Made at run time from the proto files: its shape is the contract's.
  const loaded = loadPackageDefinition(definition) as unknown as {
    readonly exai: {
      readonly v1: {
        readonly MonitoringService: new (
          ...args: unknown[]
        ) => { WatchEvents(request: Json): ClientReadableStream<Json>; close(): void }
      }
    }
  }
  const client = new loaded.exai.v1.MonitoringService(`127.0.0.1:${port}`, credentials.createInsecure())
  const stream = client.WatchEvents(request)
  stream.on('error', () => client.close())
  return stream
}
