// What the door knows of a call while connect-es works on it, and the way to find it from within.
import {
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../server/exchange.ts'

/** A call in the hands of connect-es. */
export interface Served {
  readonly exchange: Exchange
  /** The largest request message of its method, in bytes. */
  readonly maxRequestBytes: number
  /** Whether the request has been read: from then on a fault that connect-es reports is ours. */
  isRead: boolean
  /** Says what of a request in JSON does not fit its message, once that could not be read; undefined when nothing better is known. */
  misfit?: () => string | undefined
  /** The errors that have been explained, for a contract without ErrorInfo: errors of its handlers pass as they are. */
  readonly plainErrors?: WeakSet<Error>
}

const servedKey = createContextKey<Served | undefined>(undefined, { description: 'call' })

/** Values for one call of a handler of connect-es. */
export function contextOf(served: Served): ContextValues {
  return createContextValues().set(servedKey, served)
}

/** The call that these values belong to. */
export function servedOf(values: ContextValues): Served {
  const served = values.get(servedKey)
  if (served === undefined) throw new GatewayError('INTERNAL', 'a handler was called past the door')
  return served
}

/** The exchange of the call that a handler serves. */
export function exchangeOf(context: HandlerContext): Exchange {
  return servedOf(context.values).exchange
}
