// The Connect door: every service of the contract, and health and reflection, over gRPC, gRPC-Web and Connect.
import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { MethodImpl, ServiceImpl } from '@connectrpc/connect'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { file_exai_v1_error } from '#gen/exai/v1/error_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import { Health } from '#gen/health/v1/health_pb'
import type { KeyAdministration } from '../../access/administration.ts'
import type { TenantFiles } from '../../files/files.ts'
import type { Door } from '../../server/door.ts'
import { accessService } from './access.ts'
import { type Chat, chatService } from './chat.ts'
import { type Embeddings, embeddingsService } from './embeddings.ts'
import { filesService } from './files.ts'
import { type HealthSource, healthService } from './health.ts'
import { type Monitoring, monitoringService } from './monitoring.ts'
import { reflectionServices } from './reflection.ts'
import { createRouter, type ServiceRouter, WRITE_MAX_BYTES } from './router.ts'
import { createServingDoor } from './serving.ts'

/** What `createConnectDoor` needs. */
export interface ConnectDoorDeps {
  readonly chat: Chat
  readonly embeddings: Embeddings
  readonly files: TenantFiles
  readonly monitoring: Monitoring
  readonly access: KeyAdministration
  readonly health: HealthSource
  /** The largest request message after decompression, in bytes. */
  readonly maxRequestBytes: number
  /** Whether connect-es serves every call, and none is served directly: for tests that compare the two. */
  readonly isOfficial?: boolean | undefined
}

// Methods that take more than others. A file of 4 MiB is 5.6 MB of base64 in JSON.
const ownMaxBytes: ReadonlyMap<DescMethod, number> = new Map([
  [FilesService.method.createFile, 6 * 1024 * 1024],
])

const services = [
  ChatService,
  FilesService,
  MonitoringService,
  AccessService,
  EmbeddingsService,
  Health,
] as const

/** Makes the door. */
export function createConnectDoor(deps: ConnectDoorDeps): Door {
  return createServingDoor({
    router: createMethods(deps),
    maxBytesOf: method => maxBytesOf(deps, method),
    // Probes would hide the calls.
    isCounted: method => method?.parent !== Health,
    isOfficial: deps.isOfficial,
  })
}

function maxBytesOf({ maxRequestBytes }: ConnectDoorDeps, method: DescMethod | undefined): number {
  const own = method === undefined ? undefined : ownMaxBytes.get(method)
  return Math.max(own ?? 0, maxRequestBytes)
}

function createMethods(deps: ConnectDoorDeps): ServiceRouter {
  const router = createRouter()
  const add = <T extends DescService>(service: T, there: ServiceImpl<T>): void => {
    const handlers: Record<string, unknown> = { ...there }
    for (const method of service.methods) {
      // The map was made from this service's own descriptor; a name cannot carry the type of its method.
      const handler = handlers[method.localName] as MethodImpl<DescMethod>
      router.rpc<DescMethod>(method, handler, {
        readMaxBytes: maxBytesOf(deps, method),
        // What is in files is mostly packed already, and packing it again costs five times as much as sending it.
        ...(method === FilesService.method.downloadFile ? { compressMinBytes: WRITE_MAX_BYTES } : {}),
      })
    }
  }
  // No method names ErrorInfo, but every error carries one, and grpcurl wants to show it.
  const reflection = reflectionServices(
    [...services, ServerReflection, ServerReflectionAlpha],
    [file_exai_v1_error],
  )
  add(ChatService, chatService(deps.chat))
  add(FilesService, filesService(deps.files))
  add(MonitoringService, monitoringService(deps.monitoring))
  add(AccessService, accessService(deps.access))
  add(EmbeddingsService, embeddingsService(deps.embeddings))
  add(Health, healthService(deps.health))
  add(ServerReflection, reflection.v1)
  add(ServerReflectionAlpha, reflection.v1alpha)
  return router
}
