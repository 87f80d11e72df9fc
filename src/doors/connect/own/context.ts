// What a handler gets to know of its call, made only as far as it asks.
import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { ContextValues, HandlerContext } from '@connectrpc/connect'
import type { PortRequest } from '../../../server/port-handler.ts'
import { headerOf } from '../request.ts'
import { contextOf, type Served } from '../served.ts'
import type { Shape } from './shape.ts'

/** The context of one call, and what its handler has put into it. */
export interface OwnContext extends HandlerContext {
  /** Header of the answer, with the fields of the protocol; undefined as long as the handler has not touched it. */
  readonly touchedHeader: Headers | undefined
  /** The same of what follows the answer. */
  readonly touchedTrailer: Headers | undefined
}

/** What a context is made of. */
export interface ContextParts {
  readonly req: PortRequest
  readonly served: Served
  readonly method: DescMethod
  readonly shape: Shape
  /** The compression that an answer in envelopes names. */
  readonly encoding: string | undefined
}

/** Makes the context of one call. */
export function createContext(parts: ContextParts): OwnContext {
  return new LazyContext(parts)
}

// A class, because V8 makes a hidden class of its own for each object whose literal has a getter: a microsecond, and garbage
// that only the major collector finds, with all that the getter sees.
class LazyContext implements OwnContext {
  readonly requestMethod = 'POST'
  readonly method: DescMethod
  readonly service: DescService
  readonly protocolName: string
  readonly values: ContextValues
  readonly timeoutMs = noTimeout
  touchedHeader: Headers | undefined = undefined
  touchedTrailer: Headers | undefined = undefined
  readonly #parts: ContextParts
  #requestHeader: Headers | undefined = undefined

  constructor(parts: ContextParts) {
    const { method, shape, served } = parts
    this.method = method
    this.service = method.parent
    this.protocolName = shape.protocol
    this.values = contextOf(served)
    this.#parts = parts
  }

  get signal(): AbortSignal {
    return this.#parts.served.exchange.signal
  }

  get url(): string {
    return `http://localhost${this.#parts.req.url ?? '/'}`
  }

  get requestHeader(): Headers {
    const { req, served } = this.#parts
    this.#requestHeader ??= headerOf(req, served)
    return this.#requestHeader
  }

  get responseHeader(): Headers {
    const { shape, encoding } = this.#parts
    this.touchedHeader ??= new Headers({
      'content-type': shape.type,
      ...(encoding === undefined || !shape.isEnveloped ? {} : { [shape.encodingField]: encoding }),
    })
    return this.touchedHeader
  }

  get responseTrailer(): Headers {
    this.touchedTrailer ??= new Headers(this.protocolName === 'connect' ? {} : { 'grpc-status': '0' })
    return this.touchedTrailer
  }
}

// The exchange keeps the deadline.
function noTimeout(): undefined {}
