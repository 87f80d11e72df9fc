// Plain HTTP answers of the server itself: JSON, text, and the error that says what to do.
import type { GatewayError } from '../core/errors.ts'
import type { PortRequest, PortResponse } from './port-handler.ts'

/** A plain answer. */
export interface Reply {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A JSON answer. */
export function json(status: number, value: unknown, headers: Reply['headers'] = {}): Reply {
  return {
    status,
    contentType: 'application/json; charset=utf-8',
    body: `${JSON.stringify(value)}\n`,
    headers,
  }
}

/** A refusal in JSON, in the form that Connect gives an error: `code` and `message`. */
export function refused(status: number, error: GatewayError): Reply {
  return json(status, { code: error.code.toLowerCase(), message: error.message })
}

/** Sends an answer. To HEAD it sends the header alone. */
export function send(req: PortRequest, res: PortResponse, reply: Reply): void {
  const headers = {
    'content-type': reply.contentType,
    'content-length': String(Buffer.byteLength(reply.body)),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...reply.headers,
  }
  res.statusCode = reply.status
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  if (req.method === 'HEAD') res.end()
  else res.end(reply.body)
}

/** The path of a request without its query. */
export function pathOf(req: PortRequest): string {
  const url = req.url ?? ''
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}
