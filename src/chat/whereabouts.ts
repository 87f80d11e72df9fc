// With which model the conversation of a call is: asked before `auto` chooses, remembered when it has.
import type { Affinity, Kept } from '../routing/affinity.ts'
import { usesAuto } from '../routing/names.ts'
import type { Walk } from '../routing/walk.ts'
import { originOf, type Run } from './response.ts'
import type { Settled } from './settle.ts'

/** What is remembered of a call. */
type Answered = Pick<Run, 'call' | 'request' | 'messages' | 'answering'> &
  Partial<Pick<Run, 'conversation'>> & {
    readonly walk: Pick<Walk, 'attempts'> | undefined
  }

/** The question for the model that the conversation is with. */
export function keptOf(
  { call, request, messages }: Run,
  affinity: Affinity,
): () => Promise<Kept | undefined> | Kept | undefined {
  return () => affinity.of(call.caller.tenant, request, messages)
}

/** Remembers who answered, where `auto` chose and may choose again. */
export function remember(
  { call, request, messages, conversation, answering, walk }: Answered,
  { usage }: Settled,
  affinity: Affinity,
): void {
  if (answering === undefined || !usesAuto(request)) return
  const isAlone = walk?.attempts.every(attempt => attempt === answering || !attempt.mayBeBilled())
  affinity.remember({
    tenant: call.caller.tenant,
    request,
    messages,
    conversationId: conversation?.id,
    ...originOf(answering),
    // Its own: of several attempts the usage is the sum, and only what it read itself can be in its cache.
    inputTokens: answering.counts()?.inputTokens ?? (isAlone ? usage?.inputTokens : undefined) ?? 0,
  })
}
