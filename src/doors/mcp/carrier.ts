// A request that carries MCP messages, as the door sees it before anybody knows which call is in it.
import type { Exchange } from '../../server/exchange.ts'
import type { InnerCalls } from '../../server/inner-calls.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import type { Services } from '../services.ts'
import type { Cancels } from './cancels.ts'

/** What `createMcpDoor` needs. */
export interface McpDoorDeps extends Services {
  /** The largest request body in bytes. */
  readonly maxRequestBytes: number
  /** Opens the calls that requests carry. */
  readonly calls: InnerCalls
  /** The requests that can be cancelled. */
  readonly cancels: Cancels
  /** The version of this service. */
  readonly version: string
}

/** A request on its way through the door. */
export interface McpRequest {
  readonly req: PortRequest
  readonly res: PortResponse
  readonly exchange: Exchange
}

/** Which call it carries, only its body tells: that call is counted by itself. */
export const CARRIER = {
  door: 'mcp',
  method: 'unknown',
  protocol: 'mcp',
  isWatch: false,
  isCounted: false,
} as const

/** Nobody knows which RPC a refused request was for, and it counts as a call. */
export const REFUSED = { ...CARRIER, isCounted: true } as const
