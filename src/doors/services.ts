// What doors hand calls to: the one pipeline behind all of them.
import type { TenantFiles } from '../files/files.ts'
import type { Chat } from './connect/chat.ts'
import type { Embeddings } from './connect/embeddings.ts'
import type { Monitoring } from './connect/monitoring.ts'

/** The services behind every door. Everything throws GatewayError, and ends when the call's signal aborts. */
export interface Services {
  readonly chat: Chat
  readonly embeddings: Embeddings
  readonly files: TenantFiles
  readonly monitoring: Monitoring
}
