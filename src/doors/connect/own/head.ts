// The header of an answer, and what an error adds to it.
import type { ConnectError } from '@connectrpc/connect'
import { mergeNonProtocolHeaders } from '@connectrpc/connect/protocol'
import { trailerMux } from '@connectrpc/connect/protocol-connect'
import type { OwnCall } from './call.ts'

/** Sets the header of an answer in envelopes. Of what its handler sets later nothing is sent. */
export function setStreamHead({ res, context, shape, encoding }: OwnCall): void {
  res.statusCode = 200
  const { touchedHeader } = context
  if (touchedHeader === undefined) {
    // In the order of their names, as the fields of Headers come.
    if (encoding !== undefined && shape.protocol === 'connect') res.setHeader(shape.encodingField, encoding)
    res.setHeader('content-type', shape.type)
    if (encoding !== undefined && shape.protocol !== 'connect') res.setHeader(shape.encodingField, encoding)
  } else touchedHeader.forEach((value, name) => void res.setHeader(name, value))
}

/** What the header of an answer of Connect's unary calls says. */
export interface PlainHead {
  readonly status: number
  /** Length of the body as it is sent, in bytes. */
  readonly sizeBytes: number
  readonly encoding?: string | undefined
}

/** Sets the header of an answer of Connect's unary calls, which has the trailers in it, too. */
export function setPlainHead(call: OwnCall, { status, sizeBytes, encoding }: PlainHead): void {
  const { res, context, shape } = call
  res.statusCode = status
  if (context.touchedHeader === undefined && context.touchedTrailer === undefined) {
    if (encoding !== undefined) res.setHeader('content-encoding', encoding)
    res.setHeader('content-length', String(sizeBytes))
    res.setHeader('content-type', shape.type)
    return
  }
  const all = trailerMux(context.responseHeader, context.responseTrailer)
  if (encoding !== undefined) all.set('content-encoding', encoding)
  all.set('content-length', String(sizeBytes))
  all.forEach((value, name) => void res.setHeader(name, value))
}

/** Makes the header that of an error of Connect's unary calls. */
export function addError({ context }: OwnCall, error: ConnectError): void {
  context.responseHeader.set('content-type', 'application/json')
  mergeNonProtocolHeaders(context.responseHeader, error.metadata)
}
