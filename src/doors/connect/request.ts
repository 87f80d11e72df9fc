// What the door reads in the header of a request.
import type { PortRequest } from '../../server/port-handler.ts'
import { protocolOf, timeoutHeaderOf } from './protocol.ts'
import type { Served } from './served.ts'

/** The path of a request, without what follows a question mark. */
export function pathOf({ url = '' }: PortRequest): string {
  const at = url.indexOf('?')
  return at < 0 ? url : url.slice(0, at)
}

/** Whether the header names a compression of the body: of Connect's unary calls, of its streams, or of gRPC. */
export function isCompressed({ headers }: PortRequest): boolean {
  return (
    isNamed(headers['content-encoding']) ||
    isNamed(headers['connect-content-encoding']) ||
    isNamed(headers['grpc-encoding'])
  )
}

function isNamed(encoding: string | readonly string[] | undefined): boolean {
  return encoding !== undefined && encoding !== 'identity'
}

/**
 * The fields of a header as handlers see them. The exchange keeps the deadline: connect-es would refuse a longer one than ours,
 * and would keep a second timer. One that cannot be read stays, so that connect-es refuses it.
 */
export function headerOf(req: PortRequest, { exchange }: Served): Headers {
  const header = new Headers()
  const kept = exchange.asked.timeoutMs === undefined ? undefined : timeoutHeaderOf(protocolOf(req))
  for (const [name, value] of Object.entries(req.headers)) {
    if (name.startsWith(':') || name === kept || value === undefined) continue
    for (const item of typeof value === 'string' ? [value] : value) header.append(name, item)
  }
  return header
}
