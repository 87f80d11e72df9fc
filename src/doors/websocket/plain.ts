// Answers plain requests at the places of the WebSocket: they are told to upgrade.
import { GatewayError } from '../../core/errors.ts'
import type { Door } from '../../server/door.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { discardRest } from '../http/body.ts'
import { DOOR } from './task.ts'

/** Makes a door that refuses whatever comes by a path of the endpoints without wanting to upgrade. */
export function createPlainDoor(paths: readonly string[]): Door {
  const refuse: Door['refuse'] = (req, res, exchange, error) => {
    exchange.fail(error)
    write(res, error)
    exchange.close()
    discardRest(req)
  }
  return {
    asks: req =>
      req.method !== 'OPTIONS' && paths.includes(pathOf(req))
        ? { door: DOOR, method: 'unknown', protocol: DOOR, isWatch: false, isCounted: true }
        : undefined,
    serve: (req, res, exchange) => refuse(req, res, exchange, upgradeRequired(req)),
    // Whoever lacks a credential here lacks the upgrade first of all.
    refuse: (req, res, exchange, error) =>
      refuse(req, res, exchange, error.reason === 'UNAUTHENTICATED' ? upgradeRequired(req) : error),
  }
}

function upgradeRequired(req: PortRequest): GatewayError {
  return new GatewayError(
    'INVALID_REQUEST',
    `${pathOf(req)} is a WebSocket: connect with GET, HTTP/1.1 and Upgrade: websocket`,
  )
}

const STATUS = { INVALID_REQUEST: 426, PERMISSION_DENIED: 403 } as const
const STATUS_BUSY = 503

function write(res: PortResponse, { code, reason, message }: GatewayError): void {
  const isUpgrade = reason === 'INVALID_REQUEST'
  res.statusCode = isUpgrade || reason === 'PERMISSION_DENIED' ? STATUS[reason] : STATUS_BUSY
  res.setHeader('content-type', 'application/json; charset=utf-8')
  // HTTP/2 knows no such fields (RFC 9113 8.2.2).
  if (isUpgrade && !('stream' in res)) {
    res.setHeader('upgrade', 'websocket')
    res.setHeader('connection', 'upgrade')
  }
  res.end(`${JSON.stringify({ code: code.toLowerCase(), message })}\n`)
}

function pathOf(req: PortRequest): string {
  return (req.url ?? '').split('?', 1)[0] ?? ''
}
