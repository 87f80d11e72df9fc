// The Anthropic-compatible door: what stands under /v1/messages, in the words of Anthropic's REST API.
import type { Door } from '../../server/door.ts'
import { createHttpDoor } from '../http/door.ts'
import type { Services } from '../services.ts'
import { anthropicErrors } from './errors.ts'
import { messageRoutes } from './routes.ts'

/** What `createAnthropicDoor` needs. */
export interface AnthropicDoorDeps extends Services {
  /** The largest request body in bytes. */
  readonly maxRequestBytes: number
}

/** Makes the door. */
export function createAnthropicDoor(deps: AnthropicDoorDeps): Door {
  return createHttpDoor({
    name: 'anthropic',
    routes: messageRoutes(deps),
    errors: anthropicErrors,
    maxRequestBytes: deps.maxRequestBytes,
    claims: path => /^\/v1\/messages(?:\/|$)/.test(path),
  })
}
