// What a call carries through every layer: who, until when, and the signal that ends it.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import type { RouteSchema } from '#gen/exai/v1/route_pb'
import type { Cost, Usage } from '#gen/exai/v1/usage_pb'
import type { Caller } from './caller.ts'
import type { GatewayError } from './errors.ts'
import type { LimitFacts } from './limits.ts'
import type { Ending } from './settlement.ts'
import type { CallTrace } from './trace.ts'

/** What a call was let in with. */
export interface CallAdmission {
  /** Counts the call among those of the minute no more: it joins another one, or reads what that has left. */
  giveBack(): void
  /** How the limit of requests a minute stood that had the least room left beside this call; undefined when none counts it. */
  requestLimit(): LimitFacts | undefined
}

/** One call, seen from the inside. */
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
  /** The recording that is made of it; absent: none. */
  readonly recording?: CallRecording
  /** Absent: it is not traced. */
  readonly trace?: CallTrace | undefined
  /** Absent: nothing was counted to let it in. */
  readonly admission?: CallAdmission | undefined
}

/** How a recorded call ended, as whoever reads the recording is told. */
export type RecordedEnd =
  | {
      readonly type: 'completed'
      /** The response as `completed` carries it, stripped of what was sent before. */
      readonly response: MessageInitShape<typeof CompleteResponseSchema>
    }
  | { readonly type: 'failed'; readonly error: GatewayError }

/** What a recording has to do with the call that it is made of. */
export interface CallRecording {
  /** Id of the answer: the mark was set under it before anybody is asked. */
  readonly responseId: string
  /**
   * What the settlement has to say about the mark, so that the recording ends in the same transaction as the call. To be
   * asked for once, when all events before the end have been read. Absent: no mark was set.
   */
  ending(end: RecordedEnd): Ending | undefined
}

/** A call that a client waits for. The server's Exchange is one. */
export interface ClientCall extends Call {
  /** Begins work for the call that may outlive the client: to be called before the call has ended, and closed in any case. */
  detach(): DetachedCall
}

/**
 * Work for a call that goes on when the client has left. It keeps the call's identity and deadline, and its signal does not
 * know of the client any more. The process does not end before it, or ends it with SHUTTING_DOWN. What is noted goes to the
 * client's log line while there is a client, and else to a line of its own at its end.
 */
export interface DetachedCall extends Call {
  /** Ends the work through its signal. The first reason counts. */
  abort(reason: GatewayError): void
  /** Says that the work is over, and how it failed if it did. Only the first time does anything. */
  close(failure?: GatewayError): void
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
  /** From sending the request to its first output, in milliseconds. */
  readonly firstTokenMs?: number
  /** From the call's beginning to its first output, in milliseconds. */
  readonly firstOutputMs?: number
  /** What of the call's time was spent here and not in waiting for a provider, in milliseconds. */
  readonly overheadMs?: number
  readonly usage?: Usage
  readonly cost?: Cost
  /** Whether the answer comes as a stream. */
  readonly isStreaming?: boolean
  /** The end user as the caller named it. */
  readonly user?: string
  readonly conversationId?: string
  /** Whether the answer is one that was recorded before. */
  readonly isReplayed?: boolean
  /** How the call finds its model, as far as it has come. Asked for at the end at the latest. */
  readonly route?: () => MessageInitShape<typeof RouteSchema>
}
