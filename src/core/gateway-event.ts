// What happens in the service: plain values that become log lines, numbers and messages to watchers.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RouteAttemptSchema, RouteSchema } from '#gen/exai/v1/route_pb'
import type { Cost, Usage } from '#gen/exai/v1/usage_pb'
import type { Reason } from './errors.ts'
import type { LimitKind } from './limits.ts'
import type { AttemptCause } from './settlement.ts'

/** How a circuit lets calls pass. */
export type CircuitStateName = 'closed' | 'open' | 'half_open'

/** How a call stands or ended. */
export type CallStand = 'running' | 'succeeded' | 'failed' | 'cancelled'

/** One call as monitoring knows it. Never a prompt, an answer or a secret. */
export interface CallRecord {
  readonly requestId: string
  /** Empty when the call makes no answer that has an id. */
  readonly responseId: string
  readonly method: string
  /** How it came in, such as `grpc`. */
  readonly door: string
  /** Empty: nobody who is known. */
  readonly tenant: string
  readonly keyId: string
  readonly keyLabel: string
  readonly user: string
  readonly conversationId: string
  /** When it began, in milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** How long it took, in milliseconds. Absent while it runs. */
  readonly durationMs?: number | undefined
  /** From its beginning to its first output, in milliseconds. Absent: there was none. */
  readonly firstTokenMs?: number | undefined
  /** What of its time was spent here and not in waiting for a provider, in milliseconds. Absent while it runs. */
  readonly overheadMs?: number | undefined
  readonly isStreaming: boolean
  readonly stand: CallStand
  /** Present when it failed or was cancelled. */
  readonly error?: Reason | undefined
  /** On whose side the cause was; present with `error`. */
  readonly origin?: 'client' | 'gateway' | 'upstream' | undefined
  /** Who answered. Empty: nobody did. */
  readonly provider: string
  readonly model: string
  readonly usage?: Usage | undefined
  readonly cost?: Cost | undefined
  /** Absent when it used no model. */
  readonly route?: MessageInitShape<typeof RouteSchema> | undefined
  readonly isReplayed: boolean
  /** Of the body, as it is without compression; grows while the call runs. */
  readonly requestBytes: number
  readonly responseBytes: number
}

/** What became of a file. */
export type FileAction = 'created' | 'deleted' | 'expired' | 'copied' | 'copy_failed' | 'copy_removed'

/** One thing that happened. */
export type GatewayEvent =
  | {
      readonly type: 'circuit.changed'
      readonly provider: string
      readonly model: string
      readonly from: CircuitStateName
      readonly to: CircuitStateName
      /** Why, one sentence such as `12 of 20 calls failed`. */
      readonly reason: string
    }
  | { readonly type: 'config.taken'; readonly version: number }
  /** A changed file was refused whole, and the configuration before it stays. */
  | { readonly type: 'config.refused'; readonly version: number; readonly problems: readonly string[] }
  /** A call began, or ended. One that is refused before it is known who calls only ends. */
  | { readonly type: 'request.started' | 'request.ended'; readonly request: CallRecord }
  | AttemptEvent
  | LimitEvent
  | FileEvent
  | AlertEvent

/** An attempt at a provider began or ended. */
export interface AttemptEvent {
  readonly type: 'attempt.started' | 'attempt.ended'
  readonly requestId: string
  readonly tenant: string
  /** Its place among those of its call, from 0. */
  readonly index: number
  readonly cause: AttemptCause
  readonly attempt: MessageInitShape<typeof RouteAttemptSchema>
}

/** A call ran into a limit, or nine tenths of one are used. */
export interface LimitEvent {
  readonly type: 'limit.refused' | 'limit.near'
  readonly kind: LimitKind
  /** Empty: for everybody together. */
  readonly tenant: string
  /** Whose it is, for people. */
  readonly whose: string
  /** Id of the key, or the subject. Empty or absent: all of the tenant. */
  readonly owner?: string | undefined
  /** Absent: all models together. */
  readonly model?: string | undefined
  readonly used: number
  readonly limit: number
  /** The call that was refused, or that came too near. Absent: not known. */
  readonly requestId?: string | undefined
}

/** Something became of a file. */
export interface FileEvent {
  readonly type: 'file.changed'
  readonly action: FileAction
  readonly tenant: string
  readonly fileId: string
  readonly mimeType: string
  readonly sizeBytes: number
  /** The call that did it. Absent: none. */
  readonly requestId?: string | undefined
  /** Who holds the copy, when it is about one. */
  readonly provider?: string | undefined
  /** Why it failed, if it did. */
  readonly error?: Reason | undefined
}

/** An alert began or ended. */
export interface AlertEvent {
  readonly type: 'alert.began' | 'alert.ended'
  /** Such as `backlog_old`. */
  readonly name: string
  readonly isGrave: boolean
  /** What is wrong and what helps, one sentence. */
  readonly message: string
  /** Empty: the service as a whole. */
  readonly tenant: string
  /** Empty: none. */
  readonly provider: string
  readonly model: string
}

/** Takes what happens. */
export type EventSink = (event: GatewayEvent) => void
