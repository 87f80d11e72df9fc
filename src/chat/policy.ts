// What a policy says of a request before anybody is asked: its tools, and how long it may be.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../core/errors.ts'
import type { Policy } from '../core/limits.ts'

/** The name under which a policy speaks of the search of a provider. */
const WEB_SEARCH = 'web_search'

/** Throws PERMISSION_DENIED for a tool that the request declares and the caller may not use. */
export function checkTools(request: CompleteRequest, policies: readonly Policy[]): void {
  if (policies.length === 0) return
  const names = [...request.tools.map(({ name }) => name), ...(request.webSearch ? [WEB_SEARCH] : [])]
  for (const { allowedTools, deniedTools } of policies) {
    const forbidden = names.find(
      name => deniedTools.includes(name) || (allowedTools.length > 0 && !allowedTools.includes(name)),
    )
    if (forbidden === undefined) continue
    throw new GatewayError(
      'PERMISSION_DENIED',
      `the policy of the caller does not allow the tool ${JSON.stringify(forbidden.slice(0, 80))}; leave it out`,
    )
  }
}

/** Throws PERMISSION_DENIED for a prompt that is longer than the caller may send. */
export function checkLength(tokens: number, policies: readonly Policy[]): void {
  const most = longestPrompt(policies)
  if (tokens <= most) return
  throw new GatewayError(
    'PERMISSION_DENIED',
    `the prompt has ${tokens} tokens, and the policy of the caller allows ${most}; shorten it`,
  )
}

/** Whether a prompt of at most so many tokens is surely not longer than the caller may send. */
export function isShort(tokens: number, policies: readonly Policy[]): boolean {
  return tokens <= longestPrompt(policies)
}

function longestPrompt(policies: readonly Policy[]): number {
  return Math.min(...policies.map(({ maxPromptTokens = Number.POSITIVE_INFINITY }) => maxPromptTokens))
}
