// The MCP door: tells requests of its path by their header, and hands them to a server that is loaded when it is first asked.
import type { GatewayError } from '../../core/errors.ts'
import type { Door } from '../../server/door.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { discardRest } from '../http/body.ts'
import { errorHeaders, tell } from '../http/errors.ts'
import { cut } from '../http/pace.ts'
import { CARRIER, type McpDoorDeps, type McpRequest, REFUSED } from './carrier.ts'
import { refusalBody } from './errors.ts'

/** Where the door is; a base URL may end in a slash. */
const PATH = /^\/mcp\/?(?:\?|$)/

/** Makes the door. */
export function createMcpDoor(deps: McpDoorDeps): Door {
  let loading: Promise<typeof import('./http.ts')> | undefined
  return {
    asks: req => (PATH.test(req.url ?? '') && req.method !== 'OPTIONS' ? CARRIER : undefined),
    serve(req, res, exchange) {
      const request = { req, res, exchange }
      loading ??= import('./http.ts')
      loading
        .then(({ serveMcp }) => serveMcp(deps, request))
        .then(
          refusal => {
            if (refusal !== undefined) count(deps, request, refusal)
          },
          (thrown: unknown) => refuse(deps, request, thrown),
        )
        .finally(() => {
          exchange.close()
          discardRest(req)
        })
    },
    refuse(req, res, exchange, error) {
      refuse(deps, { req, res, exchange }, error)
      exchange.close()
      discardRest(req)
    },
  }
}

/** Refuses a whole request. */
function refuse(deps: McpDoorDeps, request: McpRequest, thrown: unknown): void {
  const { req, res, exchange } = request
  const told = tell(thrown, exchange)
  // Clients of the older revisions ask for a stream and end sessions in passing, and 405 is how to say that there are none.
  if (told.status !== 405) count(deps, request, told.error)
  if (res.headersSent) {
    cut(res)
    return
  }
  for (const [name, value] of Object.entries(errorHeaders(told))) res.setHeader(name, value)
  writeJson(req, res, told.status, refusalBody(told))
}

/** Nobody knows which call a refused request carries, and it counts as one. */
function count({ calls }: McpDoorDeps, { req, exchange }: McpRequest, error: GatewayError): void {
  exchange.fail(error)
  calls.refused({ req, exchange }, REFUSED, error)
}

function writeJson(req: PortRequest, res: PortResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value)
  res.statusCode = status
  res.setHeader('content-type', 'application/json')
  res.setHeader('content-length', String(Buffer.byteLength(body)))
  res.setHeader('cache-control', 'no-store')
  if (req.method === 'HEAD') res.end()
  else res.end(body)
}
