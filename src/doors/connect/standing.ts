// Answers of an error that ends many calls: whoever has too much to do must not make each of them anew.
import type { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../server/exchange.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { clientErrorOf } from './errors.ts'
import { MOULD_ID_MAX, MOULD_ID_MIN, type Mould, mouldOf, standInOf } from './mould.ts'
import { errorReply, protocolOf } from './protocol.ts'

/**
 * Answers with an error, byte for byte as any other, and tells the exchange. Returns the length of the body in bytes; undefined,
 * and nothing is done, where the error does not stand or the id of the request is too short or too long.
 */
export type AnswerStanding = (
  req: PortRequest,
  res: PortResponse,
  exchange: Pick<Exchange, 'id' | 'fail'>,
  error: GatewayError,
) => number | undefined

/** An answer but for the id of its request. */
interface Cast {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: Mould])[]
  /** In Latin-1, which says every byte. */
  readonly body: Mould | undefined
}

// What an answer depends on beside the error and the id. The type itself is only given back.
const TYPES = { rpc: 'application/grpc', stream: 'application/connect+', unary: 'application/json' } as const
type Form = keyof typeof TYPES

/** Makes it; plain errors are without ErrorInfo. */
export function createStandingErrors(isPlain: boolean): AnswerStanding {
  const kept = new WeakMap<GatewayError, Record<Form, Map<number, Cast>>>()
  const castsOf = (error: GatewayError, form: Form): Map<number, Cast> => {
    const known = kept.get(error)
    if (known !== undefined) return known[form]
    const fresh = { rpc: new Map(), stream: new Map(), unary: new Map() }
    kept.set(error, fresh)
    return fresh[form]
  }

  return (req, res, exchange, error) => {
    const { id } = exchange
    if (error.details.isStanding !== true || id.length < MOULD_ID_MIN || id.length > MOULD_ID_MAX)
      return undefined
    const type = req.headers['content-type'] ?? ''
    const form = formOf(req, type)
    const casts = castsOf(error, form)
    const cast = casts.get(id.length) ?? castOf(error, form, { length: id.length, isPlain })
    casts.set(id.length, cast)
    exchange.fail(error)
    res.statusCode = cast.status
    for (const [name, value] of cast.headers)
      res.setHeader(name, form !== 'unary' && name === 'content-type' ? type : value(id))
    return end(req, res, cast.body?.(id))
  }
}

function formOf(req: PortRequest, type: string): Form {
  if (protocolOf(req) !== 'connect') return 'rpc'
  return type.startsWith(TYPES.stream) ? 'stream' : 'unary'
}

function castOf(
  error: GatewayError,
  form: Form,
  { length, isPlain }: { readonly length: number; readonly isPlain: boolean },
): Cast {
  const standIn = standInOf(length)
  const { status, headers, body } = errorReply(TYPES[form], clientErrorOf(error, standIn, { isPlain }))
  return {
    status,
    headers: [...headers].map(([name, value]) => [name, mouldOf(value, standIn)] as const),
    body: body === undefined ? undefined : mouldOf(Buffer.from(body).toString('latin1'), standIn),
  }
}

function end(req: PortRequest, res: PortResponse, body: string | undefined): number {
  if (body === undefined || req.method === 'HEAD') {
    res.end()
    return 0
  }
  res.end(body, 'latin1')
  return body.length
}
