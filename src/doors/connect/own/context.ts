// What a handler gets to know of its call, made only as far as it asks.

import type { DescMethod } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import type { PortRequest } from '../../../server/port-handler.ts'
import { headerOf } from '../request.ts'
import { contextOf, type Served } from '../served.ts'
import type { Shape } from './shape.ts'

/** The context of one call, and what its handler has put into it. */
export interface OwnContext {
  readonly context: HandlerContext
  /** Header of the answer, with the fields of the protocol; undefined when the handler has not touched it. */
  header(): Headers | undefined
  /** The same of what follows the answer. */
  trailer(): Headers | undefined
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
export function createContext({ req, served, method, shape, encoding }: ContextParts): OwnContext {
  let requestHeader: Headers | undefined
  let header: Headers | undefined
  let trailer: Headers | undefined
  return {
    context: {
      method,
      service: method.parent,
      requestMethod: 'POST',
      protocolName: shape.protocol,
      values: contextOf(served),
      timeoutMs: noTimeout,
      get signal() {
        return served.exchange.signal
      },
      get url() {
        return `http://localhost${req.url ?? '/'}`
      },
      get requestHeader() {
        requestHeader ??= headerOf(req, served)
        return requestHeader
      },
      get responseHeader() {
        header ??= new Headers({
          'content-type': shape.type,
          ...(encoding === undefined || !shape.isEnveloped ? {} : { [shape.encodingField]: encoding }),
        })
        return header
      },
      get responseTrailer() {
        trailer ??= new Headers(shape.protocol === 'connect' ? {} : { 'grpc-status': '0' })
        return trailer
      },
    },
    header: () => header,
    trailer: () => trailer,
  }
}

// The exchange keeps the deadline.
function noTimeout(): undefined {}
