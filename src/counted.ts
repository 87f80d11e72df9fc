// Puts the numbers together: the metrics, the names that their labels may say, and what of a call's end is counted.
import type { DescService } from '@bufbuild/protobuf'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import type { Edition } from './editions.ts'
import type { CallEnd } from './server/exchange.ts'
import { createMetrics, type EndedCall, type Metrics } from './telemetry/metrics.ts'

/** The services of the port that are ours. */
export const SERVICES: readonly DescService[] = [
  ChatService,
  FilesService,
  MonitoringService,
  AccessService,
  EmbeddingsService,
]

/** Makes the metrics of a process that begins with an edition. */
export function metricsOf(edition: Edition): Metrics {
  const metrics = createMetrics({
    ...namesOf(edition),
    methods: [...SERVICES, ServerReflection, ServerReflectionAlpha].flatMap(({ typeName, methods }) =>
      methods.map(({ name }) => `${typeName}/${name}`),
    ),
  })
  metrics.configTaken(edition.snapshot.version)
  return metrics
}

/** The names that labels may say. */
export function namesOf({ routing: { providers, catalogue } }: Edition) {
  return {
    providers: providers.map(provider => provider.id),
    models: catalogue.list().map(entry => entry.id),
  }
}

/** The end of a call as it is counted. */
export function countedCall({ door, method, code, reason, origin, durationMs }: CallEnd): EndedCall {
  const error = reason === '' || origin === '' ? undefined : { reason, origin }
  return { door, method, code, durationMs, error }
}
