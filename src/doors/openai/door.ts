// The openai door.
import type { Door } from '../../server/door.ts'
import type { Services } from '../services.ts'

/** What `createOpenAiDoor` needs. */
export interface OpenAiDoorDeps extends Services {
  /** The largest request body in bytes. */
  readonly maxRequestBytes: number
}

/** Makes the door. */
export function createOpenAiDoor(_deps: OpenAiDoorDeps): Door {
  return { asks: () => undefined, serve: () => undefined, refuse: () => undefined }
}
