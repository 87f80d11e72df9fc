// Where connect-es lets us in: an interceptor around every handler, and a gate in front of every request.
import { ConnectError, type HandlerContext, type Interceptor } from '@connectrpc/connect'
import { GatewayError } from '../../core/errors.ts'
import { explain } from './errors.ts'
import { type Served, servedOf } from './served.ts'

/** Turns whatever a handler throws, at once or in the middle of its stream, into the error that clients get. */
export const explaining: Interceptor = next => async req => {
  const served = servedOf(req.contextValues)
  const incoming = req.stream
    ? { ...req, message: explained(req.message, { ...served, isRead: false }) }
    : req
  served.isRead = true
  try {
    const res = await next(incoming)
    // A stream begins after this returns: only its messages show how it ends.
    return res.stream ? { ...res, message: explained(res.message, served) } : res
  } catch (error) {
    throw explain(error, served)
  }
}

async function* explained<T>(messages: AsyncIterable<T>, served: Served): AsyncGenerator<T> {
  try {
    yield* messages
  } catch (error) {
    throw explain(error, served)
  }
}

/**
 * Watches a call from before its body is read. What connect-es refuses by itself, such as malformed JSON or a message that
 * is too large, meets no interceptor; but it aborts the signal of the context with that error before it writes the answer.
 */
export function watchRefusals(context: HandlerContext): void {
  const served = servedOf(context.values)
  const { signal } = context
  const onAbort = (): void => {
    const reason: unknown = signal.reason
    if (reason instanceof ConnectError) explain(reason, served)
    // An AbortError is how a good call ends; a GatewayError comes from the exchange itself.
    else if (reason instanceof Error && !(reason instanceof GatewayError) && reason.name !== 'AbortError') {
      explain(reason, served)
    }
  }
  signal.addEventListener('abort', onAbort, { once: true })
}
