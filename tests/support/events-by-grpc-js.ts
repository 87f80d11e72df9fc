// Watches events with grpc-js.
import type { Client, ClientReadableStream } from '@grpc/grpc-js'
import { grpcJsClient } from './grpc-js.ts'
import type { Service } from './running-server.ts'

type Json = Readonly<Record<string, unknown>>
type MonitoringClient = Client & { WatchEvents(request: Json): ClientReadableStream<Json> }

/** The event stream as grpc-js sees it. */
export function eventsByGrpcJs({ port }: Pick<Service, 'port'>, request: Json): ClientReadableStream<Json> {
  const client = grpcJsClient<MonitoringClient>('monitoring_service.proto', 'MonitoringService', port)
  const stream = client.WatchEvents(request)
  stream.on('error', () => client.close())
  return stream
}
