// What a call carries through every layer: who, until when, and the signal that ends it.
import type { Caller } from './caller.ts'

/** One call, seen from the inside. The server's Exchange is one. */
export interface Call {
  /** Request id: from `x-request-id` or made; in every log line and error of the call. */
  readonly id: string
  readonly caller: Caller
  /** When the call began, on the monotonic clock, in milliseconds. */
  readonly startedAtMs: number
  /** When the call must be over, on the monotonic clock, in milliseconds. */
  readonly deadlineAtMs: number
  /** Aborts when the client leaves, the deadline passes or the process ends; its reason is a GatewayError. */
  readonly signal: AbortSignal
  /** Adds facts to the call's one log line, such as who answered. Never a prompt, an answer or a secret. */
  note(facts: CallFacts): void
}

/** What the inside of the service knows of a call that its log line should say. */
export interface CallFacts {
  readonly provider?: string
  readonly model?: string
  readonly responseId?: string
  readonly attempts?: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** Cost in billionths of a US dollar; absent when unknown. */
  readonly nanoUsd?: bigint
  /** From the call's start to the first output, in milliseconds. */
  readonly firstTokenMs?: number
}
