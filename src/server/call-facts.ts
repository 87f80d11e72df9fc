// What is known of a call while it runs, in one object that is filled: a copy for each fact would cost more than the fact.
import type { CallFacts } from '../core/call.ts'

/** Facts, of which any may be missing. */
export type Facts = { readonly [Name in keyof CallFacts]: CallFacts[Name] | undefined }

type Known = { -readonly [Name in keyof CallFacts]-?: CallFacts[Name] | undefined }

/** The facts of one call, as far as they are known. */
export interface KnownFacts {
  /** What is known; changes with what is noted. */
  readonly now: Facts
  /** Adds facts; later ones count. */
  note(more: Facts): void
}

/** Begins with none. */
export function nothingKnown(): KnownFacts {
  // All names from the beginning: the object keeps its shape.
  const now: Known = {
    provider: undefined,
    model: undefined,
    responseId: undefined,
    attempts: undefined,
    inputTokens: undefined,
    outputTokens: undefined,
    nanoUsd: undefined,
    firstTokenMs: undefined,
    firstOutputMs: undefined,
    overheadMs: undefined,
    usage: undefined,
    cost: undefined,
    isStreaming: undefined,
    user: undefined,
    conversationId: undefined,
    isReplayed: undefined,
    route: undefined,
  }
  return { now, note: more => add(now, more) }
}

// One by one: the general ways to copy one object into another take ten times as long.
function add(now: Known, more: Facts): void {
  if (more.provider !== undefined) now.provider = more.provider
  if (more.model !== undefined) now.model = more.model
  if (more.responseId !== undefined) now.responseId = more.responseId
  if (more.attempts !== undefined) now.attempts = more.attempts
  if (more.inputTokens !== undefined) now.inputTokens = more.inputTokens
  if (more.outputTokens !== undefined) now.outputTokens = more.outputTokens
  if (more.nanoUsd !== undefined) now.nanoUsd = more.nanoUsd
  if (more.firstTokenMs !== undefined) now.firstTokenMs = more.firstTokenMs
  if (more.firstOutputMs !== undefined) now.firstOutputMs = more.firstOutputMs
  if (more.overheadMs !== undefined) now.overheadMs = more.overheadMs
  if (more.usage !== undefined) now.usage = more.usage
  if (more.cost !== undefined) now.cost = more.cost
  if (more.isStreaming !== undefined) now.isStreaming = more.isStreaming
  if (more.user !== undefined) now.user = more.user
  if (more.conversationId !== undefined) now.conversationId = more.conversationId
  if (more.isReplayed !== undefined) now.isReplayed = more.isReplayed
  if (more.route !== undefined) now.route = more.route
}
