// Whether a model can be sent a chat now, or texts to be embedded.
import type { ModelEndpoint, ModelEntry } from '../core/model.ts'

const chatEndpoints: readonly ModelEndpoint[] = ['chat/completions', 'responses', 'anthropic/v1/messages']
const dayMs = 86_400_000

/** What is asked of a model: an answer to a chat, or vectors of texts. */
export type Task = 'chat' | 'embed'

/**
 * Says why a model cannot be sent a chat now, or texts to be embedded; empty when it can. `now` is in milliseconds since 1970.
 * The shutdown day itself still counts as served, because providers name a day and not an hour.
 */
export function unroutableReason(entry: ModelEntry, now: number, task: Task = 'chat'): string {
  if (now >= lastMomentOf(entry)) {
    return `${entry.id} was shut down by ${entry.provider} on ${entry.shutdown}`
  }
  if (entry.status === 'shutdown') return `${entry.id} was shut down by ${entry.provider}`
  if (task === 'embed')
    return entry.endpoints.includes('embeddings') ? '' : `${entry.id} is no embedding model`
  if (entry.endpoints.some(endpoint => chatEndpoints.includes(endpoint))) return ''
  return entry.endpoints.includes('embeddings')
    ? `${entry.id} is an embedding model and cannot chat: call Embed`
    : `${entry.id} has no endpoint for chats`
}

/** When a model with an announced end is gone, in milliseconds since 1970; infinite without one. */
export function lastMomentOf({ shutdown }: Pick<ModelEntry, 'shutdown'>): number {
  const endMs = shutdown === undefined ? Number.NaN : Date.parse(shutdown) + dayMs
  // A provider's own list may say any day, such as the 99th.
  return Number.isNaN(endMs) ? Number.POSITIVE_INFINITY : endMs
}
