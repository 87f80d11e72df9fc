// What is known of a call while it runs, in one object that is filled: a copy for each fact would cost more than the fact.
import type { CallFacts } from '../core/call.ts'

/** Facts, of which any may be missing. */
export type Facts = { readonly [Name in keyof CallFacts]: CallFacts[Name] | undefined }

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
  const now: Facts = {
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
  return { now, note: more => void Object.assign(now, more) }
}
