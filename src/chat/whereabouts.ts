// With which model the conversation of a call is: asked before `auto` chooses, remembered when it has.
import type { Affinity, Kept } from '../routing/affinity.ts'
import { usesAuto } from '../routing/names.ts'
import { originOf, type Run } from './response.ts'
import type { Settled } from './settle.ts'

/** The question for the model that the conversation is with. */
export function keptOf(
  { call, request, messages }: Run,
  affinity: Affinity,
): () => Promise<Kept | undefined> | Kept | undefined {
  return () => affinity.of(call.caller.tenant, request, messages)
}

/** Remembers who answered, where `auto` chose and may choose again. */
export function remember(
  { call, request, messages, answering }: Run,
  { usage }: Settled,
  affinity: Affinity,
): void {
  if (answering === undefined || !usesAuto(request)) return
  affinity.remember({
    tenant: call.caller.tenant,
    request,
    messages,
    ...originOf(answering),
    inputTokens: usage?.inputTokens ?? 0,
  })
}
