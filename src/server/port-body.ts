// Ends calls whose request body does not arrive in time, on both HTTP versions.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerRequest } from 'node:http2'
import type { PortRequest, PortResponse } from './port-handler.ts'

/** What `watchBody` needs. */
export type BodyWatch = {
  readonly req: PortRequest
  readonly res: PortResponse
  /** How long the body may take from now on, in milliseconds; 0 is for ever. */
  readonly timeoutMs: number
  /** Called when the call is cut. */
  readonly onExpired: () => void
}

// Written past the response, which belongs to the handler and may be half made.
const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

const hasBody = (req: PortRequest): boolean =>
  'stream' in req
    ? !req.stream.endAfterHeaders
    : req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0

const cutHttp1 = (req: IncomingMessage, res: PortResponse): boolean => {
  const { socket } = req
  if (req.complete || socket.destroyed) return false
  // A response that waits behind an earlier one, or has begun, must not have a status line written into it.
  const isNext = 'assignSocket' in res && isUnsent(res, req)
  if (isNext) socket.write(TIMED_OUT)
  socket.destroy()
  return true
}

const isUnsent = (res: ServerResponse, req: IncomingMessage): boolean =>
  res.socket === req.socket && !res.headersSent && req.socket.writable

const cutHttp2 = ({ stream }: Http2ServerRequest): boolean => {
  if (stream.destroyed || stream.closed || stream.state.remoteClose === 1) return false
  stream.close(constants.NGHTTP2_CANCEL)
  return true
}

/** Watches the body of one request until all of it is here or its call is over. A request without a body costs nothing. */
export const watchBody = ({ req, res, timeoutMs, onExpired }: BodyWatch): void => {
  if (timeoutMs === 0 || !hasBody(req)) return
  const timer = setTimeout(() => {
    const isCut = 'stream' in req ? cutHttp2(req) : cutHttp1(req, res)
    if (isCut) onExpired()
  }, timeoutMs)
  const stop = (): void => clearTimeout(timer)
  // Of the request, not of the response: an answer before the end of the body must not free a peer that drips on.
  req.once('end', stop)
  req.once('close', stop)
}
