// Takes services in and keeps each method twice: as a handler of connect-es, and as it was given, for whoever serves it directly.
import type { DescMethod, DescService, Registry } from '@bufbuild/protobuf'
import {
  createConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type MethodImpl,
  type MethodImplSpec,
  type ServiceImpl,
} from '@connectrpc/connect'
import type { Compression, UniversalHandler, UniversalHandlerOptions } from '@connectrpc/connect/protocol'
import { compressionGzip } from '@connectrpc/connect-node'
import { explaining, watchRefusals } from './interceptor.ts'
import { guardedCompression } from './piece-guard.ts'

/** Limits of one method. */
export interface MethodLimits {
  /** The largest request message after decompression, in bytes. */
  readonly readMaxBytes: number
  /** From which size on a message is packed for whoever takes that, in bytes. */
  readonly compressMinBytes?: number
}

/** What all methods of a router have in common. */
export interface RouterOptions extends Pick<UniversalHandlerOptions, 'writeMaxBytes' | 'compressMinBytes'> {
  readonly compression: Compression
  readonly jsonOptions: NonNullable<UniversalHandlerOptions['jsonOptions']>
}

/** A method as it was given. */
export interface GivenMethod {
  readonly spec: MethodImplSpec
  readonly limits: Required<MethodLimits>
  readonly options: RouterOptions
}

/** The methods that are served. */
export interface ServiceRouter {
  /** Of two handlers for one path the later one counts. */
  readonly handlers: readonly UniversalHandler[]
  /** The same methods as they were given, by their paths. */
  readonly given: ReadonlyMap<string, GivenMethod>
  /** Adds a service; what is not implemented answers that. */
  service<T extends DescService>(service: T, there: Partial<ServiceImpl<T>>, limits: MethodLimits): void
  /** Adds one method. */
  rpc<M extends DescMethod>(method: M, there: MethodImpl<M>, limits: MethodLimits): void
}

// Below this the gain is less than a packet and the price is 0.3 ms of CPU.
const COMPRESS_MIN_BYTES = 8 * 1024

/** The largest message that is written, in bytes. */
export const WRITE_MAX_BYTES = 64 * 1024 * 1024

/** Makes an empty router. The registry has the messages that stand in an Any in JSON. */
export function createRouter(registry?: Registry): ServiceRouter {
  const options: RouterOptions = {
    compression: guardedCompression(compressionGzip),
    compressMinBytes: COMPRESS_MIN_BYTES,
    writeMaxBytes: WRITE_MAX_BYTES,
    // A misspelt field must not be lost without a word; ProtoJSON says so, too
    // (https://protobuf.dev/programming-guides/json/#json-options).
    jsonOptions: { ignoreUnknownFields: false, ...(registry === undefined ? {} : { registry }) },
  }
  const { compression, ...others } = options
  const router = createConnectRouter({
    ...others,
    acceptCompression: [compression],
    interceptors: [explaining],
    requestGate: watchRefusals,
  })
  const given = new Map<string, GivenMethod>()
  const keep = (spec: MethodImplSpec, limits: MethodLimits): void => {
    const { method } = spec
    given.set(`/${method.parent.typeName}/${method.name}`, {
      spec,
      limits: { compressMinBytes: options.compressMinBytes, ...limits },
      options,
    })
  }
  return {
    handlers: router.handlers,
    given,
    service: (service, there, limits) => {
      router.service(service, there, limits)
      for (const spec of Object.values(createServiceImplSpec(service, there).methods)) keep(spec, limits)
    },
    rpc: (method, there, limits) => {
      router.rpc(method, there, limits)
      keep(createMethodImplSpec(method, there), limits)
    },
  }
}
