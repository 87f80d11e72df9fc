// Ends calls whose request body does not arrive in time, on both HTTP versions.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerRequest } from 'node:http2'
import { timers } from '../core/timer-wheel.ts'
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

/**
 * Watches the body of one request until its call is over. Returns what is to be called then; undefined, and nothing to pay, for
 * a request without a body.
 */
export const watchBody = ({ req, res, timeoutMs, onExpired }: BodyWatch): (() => void) | undefined => {
  if (timeoutMs === 0 || !hasBody(req)) return undefined
  // It is not stopped when the body is here: nearly all calls are over before their time is, and else nothing is cut.
  const timer = timers.start(timeoutMs, () => {
    const isCut = 'stream' in req ? cutHttp2(req) : cutHttp1(req, res)
    if (isCut) onExpired()
  })
  return () => timers.stop(timer)
}
