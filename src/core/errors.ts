// The one error class of the service and the closed table of reasons, with the code and side of each.
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import type { Route } from '#gen/exai/v1/route_pb'
import type { LimitFacts } from './limits.ts'

/** Canonical status codes, numbered as in gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const StatusCode = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

/** Name of a canonical status code that this service answers. */
export type StatusName = keyof typeof StatusCode

/** On whose side the cause of an error is. */
export type Origin = 'client' | 'gateway' | 'upstream'

interface ReasonRow {
  readonly code: StatusName
  readonly origin: Origin
}

/** Every reason with its status code and the side that usually causes it. Whoever adds a reason adds a row. */
export const REASONS = {
  INVALID_REQUEST: { code: 'INVALID_ARGUMENT', origin: 'client' },
  UNSUPPORTED: { code: 'INVALID_ARGUMENT', origin: 'client' },
  CONTEXT_TOO_LONG: { code: 'INVALID_ARGUMENT', origin: 'client' },
  UNAUTHENTICATED: { code: 'UNAUTHENTICATED', origin: 'client' },
  PERMISSION_DENIED: { code: 'PERMISSION_DENIED', origin: 'client' },
  MODEL_NOT_FOUND: { code: 'NOT_FOUND', origin: 'client' },
  FILE_NOT_FOUND: { code: 'NOT_FOUND', origin: 'client' },
  CONVERSATION_NOT_FOUND: { code: 'NOT_FOUND', origin: 'client' },
  STREAM_NOT_FOUND: { code: 'NOT_FOUND', origin: 'client' },
  KEY_NOT_FOUND: { code: 'NOT_FOUND', origin: 'client' },
  NO_CANDIDATE: { code: 'FAILED_PRECONDITION', origin: 'gateway' },
  CONTENT_REFUSED: { code: 'FAILED_PRECONDITION', origin: 'upstream' },
  IDEMPOTENCY_MISMATCH: { code: 'FAILED_PRECONDITION', origin: 'client' },
  RATE_LIMITED: { code: 'RESOURCE_EXHAUSTED', origin: 'gateway' },
  BUDGET_SPENT: { code: 'RESOURCE_EXHAUSTED', origin: 'gateway' },
  TOO_MANY_CALLS: { code: 'RESOURCE_EXHAUSTED', origin: 'gateway' },
  OVERLOADED: { code: 'RESOURCE_EXHAUSTED', origin: 'gateway' },
  STORAGE_FULL: { code: 'RESOURCE_EXHAUSTED', origin: 'gateway' },
  UPSTREAM_UNAVAILABLE: { code: 'UNAVAILABLE', origin: 'upstream' },
  UPSTREAM_LIMITED: { code: 'UNAVAILABLE', origin: 'upstream' },
  UPSTREAM_CREDENTIALS: { code: 'UNAVAILABLE', origin: 'upstream' },
  SHUTTING_DOWN: { code: 'UNAVAILABLE', origin: 'gateway' },
  UPSTREAM_BROKEN: { code: 'ABORTED', origin: 'upstream' },
  STREAM_LOST: { code: 'ABORTED', origin: 'gateway' },
  OUTCOME_UNKNOWN: { code: 'ABORTED', origin: 'gateway' },
  DEADLINE_EXCEEDED: { code: 'DEADLINE_EXCEEDED', origin: 'client' },
  CANCELLED: { code: 'CANCELLED', origin: 'client' },
  INTERNAL: { code: 'INTERNAL', origin: 'gateway' },
} as const satisfies Record<Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>, ReasonRow>

/** A reason from the closed list. */
export type Reason = keyof typeof REASONS

/** What a failure counts against: the provider's circuit, our key everywhere, our key with this model, or nobody. */
export type Against = 'provider' | 'key' | 'key_model' | 'nobody'

/** What a provider has against one of our keys; `concurrency` is a limit of calls at once, `permission` is about one model. */
export type KeyTrouble = 'auth' | 'permission' | 'quota' | 'plan_window' | 'rate_limit' | 'concurrency'

/** What an error may say beside its reason and message. */
export interface GatewayErrorDetails {
  /** Provider that was asked. */
  readonly provider?: string
  /** Model that was asked. */
  readonly model?: string
  /** How long to wait before the same call may succeed, in milliseconds, 0 or more. */
  readonly retryDelayMs?: number
  /** The limit of the caller that stands in the way. */
  readonly limit?: LimitFacts
  /** Who was tried and skipped. */
  readonly route?: Route
  /** Overrides the usual side of the reason. */
  readonly origin?: Origin
  /** HTTP status that the provider answered. */
  readonly upstreamStatus?: number
  /** The provider's own error code. */
  readonly upstreamCode?: string
  /** What a failure of a provider counts against. Absent: what its reason says by itself. Never sent to a client. */
  readonly against?: Against
  /** What exactly the provider has against the key, when it counts against a key. Never sent to a client. */
  readonly keyTrouble?: KeyTrouble
  /** How long what it counts against stays out, in milliseconds, 0 or more. Absent: the usual time. Never sent to a client. */
  readonly cooldownMs?: number
  /** Whether it is certain that the provider did not take the request up: it can be sent again and is not billed twice. Never sent to a client. */
  readonly isUntaken?: true
  /** How long until a key of the provider can be asked again, in milliseconds; 0: another one can at once. Never sent to a client. */
  readonly keyBackMs?: number
  /** Whether this very error ends many calls, so that what is made of it may be kept. Never sent to a client. */
  readonly isStanding?: true
  /** The original fault; it is logged, and never sent to a client. */
  readonly cause?: unknown
}

/** The only error that the inside of this service throws. Its message is for the caller: it names the thing and the remedy. */
export class GatewayError extends Error {
  readonly reason: Reason
  readonly details: GatewayErrorDetails

  constructor(reason: Reason, message: string, details: GatewayErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'GatewayError'
    this.reason = reason
    this.details = details
  }

  /** The canonical status code of the reason. */
  get code(): StatusName {
    return REASONS[this.reason].code
  }

  /** The side that caused it. */
  get origin(): Origin {
    return this.details.origin ?? REASONS[this.reason].origin
  }

  /** The same error with more details; given ones win over present ones. */
  with(details: GatewayErrorDetails): GatewayError {
    return new GatewayError(this.reason, this.message, { ...this.details, ...details })
  }

  /** The only way from a caught value to an error of ours: an unknown one becomes INTERNAL with a neutral message. */
  static from(value: unknown): GatewayError {
    if (value instanceof GatewayError) return value
    return new GatewayError('INTERNAL', 'internal error', { cause: value })
  }
}

/** The number of a reason on the wire. */
export function wireReason(reason: Reason): ErrorReason {
  return ErrorReason[reason]
}

/** The reason of a number on the wire; undefined for none, and for one that is not in the list. */
export function reasonOfWire(wire: ErrorReason): Reason | undefined {
  return reasonsByWire.get(wire)
}

// One step where the compiler cannot see that the keys of the table are its names.
const reasonsByWire = new Map((Object.keys(REASONS) as Reason[]).map(reason => [wireReason(reason), reason]))
