// The anthropic door.
import type { Door } from '../../server/door.ts'
import type { Services } from '../services.ts'

/** What `createAnthropicDoor` needs. */
export interface AnthropicDoorDeps extends Services {
  /** The largest request body in bytes. */
  readonly maxRequestBytes: number
}

/** Makes the door. */
export function createAnthropicDoor(_deps: AnthropicDoorDeps): Door {
  return { asks: () => undefined, serve: () => undefined, refuse: () => undefined }
}
