// Writes an answer of connect-es to the port, at the pace of its reader.
import type { UniversalServerResponse } from '@connectrpc/connect/protocol'
import type { PortResponse } from '../../server/port-handler.ts'
import { drained, finish, flushHeader, isOpen, write } from '../http/pace.ts'
import { answerSizes } from './sizes.ts'

/**
 * Writes a whole answer. Who ends the call ends the waiting for its reader, too, so that the end is made and stands behind what
 * waits; a source that does not end then is held back again. Resolves when it has been handed to the system or when the client has left.
 * `sent` hears how long each piece is without its compression.
 */
export async function writeReply(
  res: PortResponse,
  reply: UniversalServerResponse,
  signal?: AbortSignal,
  sent?: (bytes: number) => void,
): Promise<void> {
  const { status, header = new Headers(), body } = reply
  res.statusCode = status
  header.forEach((value, name) => void res.setHeader(name, value))
  const sizeOf = answerSizes(header)
  if (body !== undefined && header.has('content-length')) {
    // A unary answer of Connect is one piece: header and body leave in one write.
    for await (const chunk of body) {
      sent?.(sizeOf(chunk))
      return finish(res, chunk)
    }
  }
  if (body !== undefined) {
    for await (const chunk of body) {
      if (!isOpen(res)) return
      sent?.(sizeOf(chunk))
      if (!write(res, chunk)) await drained(res, signal)
    }
  }
  if (!isOpen(res)) return
  const trailers: Record<string, string> = {}
  // Known only now: the status of a gRPC call is made when its stream has ended.
  reply.trailer?.forEach((value, name) => {
    trailers[name] = value
  })
  if (reply.trailer !== undefined) {
    // Node forgets the trailers of an answer whose header leaves together with its end.
    if (!res.headersSent) flushHeader(res, status)
    res.addTrailers(trailers)
  }
  await finish(res)
}
