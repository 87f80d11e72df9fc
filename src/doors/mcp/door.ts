// The mcp door.
import type { Door } from '../../server/door.ts'
import type { Services } from '../services.ts'

/** What `createMcpDoor` needs. */
export interface McpDoorDeps extends Services {
  /** The largest request body in bytes. */
  readonly maxRequestBytes: number
}

/** Makes the door. */
export function createMcpDoor(_deps: McpDoorDeps): Door {
  return { asks: () => undefined, serve: () => undefined, refuse: () => undefined }
}
