// The OpenAI-compatible door: what stands under /v1, in the words of OpenAI's REST API.
import type { Door } from '../../server/door.ts'
import { createHttpDoor } from '../http/door.ts'
import type { Services } from '../services.ts'
import { chatRoutes } from './chat.ts'
import { embeddingRoutes } from './embeddings.ts'
import { openAiErrors } from './errors.ts'
import { fileRoutes } from './files.ts'
import { modelRoutes } from './models.ts'
import { responseRoutes } from './responses.ts'

/** What `createOpenAiDoor` needs. */
export interface OpenAiDoorDeps extends Services {
  /** The largest request body in bytes. */
  readonly maxRequestBytes: number
}

/** Makes the door. */
export function createOpenAiDoor(deps: OpenAiDoorDeps): Door {
  return createHttpDoor({
    name: 'openai',
    routes: [chatRoutes, responseRoutes, embeddingRoutes, modelRoutes, fileRoutes].flatMap(routesOf =>
      routesOf(deps),
    ),
    errors: openAiErrors,
    maxRequestBytes: deps.maxRequestBytes,
    // Messages are Anthropic's: another door answers for them.
    claims: path => /^\/v1(?:\/|$)/.test(path) && !/^\/v1\/messages(?:\/|$)/.test(path),
  })
}
