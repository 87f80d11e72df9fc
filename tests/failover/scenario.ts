// What a scenario of the failover suite is: what the providers do, what the caller does, and what must come of it.
import type { Reason, StatusName } from '../../src/core/errors.ts'
import type { AnswerChange } from '../support/upstream/answer.ts'
import type { RawReply } from '../support/upstream/script.ts'

/** Every provider, each the preferred one once; the one behind it in the circle is the fallback. */
export const PROVIDERS = ['openai', 'glm', 'kimi', 'minimax'] as const

/** One of them. */
export type ProviderName = (typeof PROVIDERS)[number]

/** How the caller asks. */
export const SHAPES = ['unary', 'stream'] as const

/** One of them. */
export type Shape = (typeof SHAPES)[number]

/** The two who may answer a call. */
export type Who = 'preferred' | 'fallback'

/** What a provider says when it answers: known beforehand, so that no expectation comes out of the service. */
export interface Told {
  readonly text: string
  readonly inputTokens: number
  readonly outputTokens: number
  /** US dollars for a million tokens. */
  readonly inputPrice: number
  readonly outputPrice: number
  /** What the answer costs: tokens times price, in billionths of a US dollar. */
  readonly nanoUsd: number
}

/** What a double does with one request, or with `times` of them. */
export interface Turn {
  readonly faults?: readonly string[]
  readonly answer?: AnswerChange
  readonly raw?: RawReply
  readonly times?: number
}

/** A key of a provider. `refused`: the provider does not know it. `dead`: nobody listens at its base URL. */
export interface Key {
  readonly state: 'good' | 'refused' | 'dead'
  /** Keys of one account share its limits. */
  readonly account?: string
  /** A dead one's base URL is another than that of dead ones without this. */
  readonly place?: 'elsewhere'
}

/** How a provider behaves. */
export interface Play {
  /** What it does with each request in turn; the last one for ever. Default: it answers. */
  readonly turns?: readonly Turn[] | ((told: Told) => readonly Turn[])
  /** Instead of a provider: a port where nobody listens, one that never takes a connection, or one deaf to our leaving. */
  readonly place?: 'nobody' | 'busy' | 'deaf'
  /** Default: one good key. */
  readonly keys?: readonly Key[]
  /** Context window in tokens. Default: 100000 of the preferred one, 200000 of the fallback. */
  readonly window?: number
}

/** When a caller leaves: once the provider has its request, has begun to answer, or when this kind of event arrives. */
export type Leave = 'asked' | 'begun' | 'text' | 'tool call' | 'fallback asked'

/** One call. */
export interface CallPlan {
  readonly want: Want
  readonly idempotencyKey?: string
  /** Told to the service, and not kept by the client. */
  readonly deadlineMs?: number
  readonly leave?: Leave
  /** Says something else than the other calls. */
  readonly words?: string
  /** Done just before. */
  readonly before?:
    | 'the provider ends idle connections'
    | 'the circuit has been open long enough'
    | 'an operator opens its circuit'
    | 'an operator resets its circuit'
  /** What the caller allows: to ask a second one beside a slow first one, or to go on with a text that broke. */
  readonly allows?: 'hedge' | 'reroute'
  /** It asks for a resume window, cuts its stream at the first text, and resumes it. */
  readonly isResumed?: true
  /** Begins together with the call before it. */
  readonly isBeside?: true
  /** As often as this, one after another. */
  readonly times?: number
}

/** One way a scenario goes, for one shape or both. */
export interface Case {
  readonly preferred?: Play
  /** `none`: the call names no fallback model. Default: it answers. */
  readonly fallback?: Play | 'none'
  readonly hasTool?: true
  readonly calls: readonly CallPlan[]
  /** Requests that reach each double. Default: as many as the attempts of all calls. */
  readonly reach?: Partial<Readonly<Record<Who, number>>>
}

/** One scenario. */
export interface Scenario {
  readonly name: string
  /** What it shows, as a clause with the provider as its subject. */
  readonly shows: string
  /** Why this must come of it. */
  readonly why: string
  readonly cases: Partial<Readonly<Record<Shape, Case>>>
  /** It needs circuits that stay open for a moment only, and not for the usual 30 s. */
  readonly opensBriefly?: true
  /** Default: all. */
  readonly providers?: readonly ProviderName[]
}

/** One attempt, as the route must show it. */
export interface WantAttempt {
  readonly who: Who
  readonly outcome: 'SUCCEEDED' | 'FAILED' | 'BROKEN' | 'CANCELLED'
  readonly error?: Reason
  /** Label of the key. Default: not looked at. */
  readonly key?: string
  /** The provider's own code. Default: not looked at. */
  readonly upstreamCode?: string
}

/**
 * What a call books: what the answering provider reported, what this service counted itself, `both`: what the answering one
 * reported and what was counted for the first one that was asked, or nothing at all.
 */
export type Booked = 'reported' | 'counted' | 'both' | 'nothing'

interface WantAnything {
  readonly attempts: readonly WantAttempt[]
  /** Longest time from the call to its end, in milliseconds. */
  readonly withinMs: number
  /** Shortest time, where a wait was asked for. */
  readonly atLeastMs?: number
  readonly booked: Booked
}

/** What must come of a call. */
export type Want =
  | (WantAnything & {
      readonly end: 'answered'
      readonly by: Who
      readonly isReplay?: true
      /** The text breaks in the middle and is gone on with: by the same one to its end, by another with its own text. */
      readonly hasSeam?: true
    })
  | (WantAnything & {
      readonly end: 'failed'
      readonly code: StatusName
      readonly reason: Reason
      /** What the caller has got of the answer. */
      readonly text: 'none' | 'beginning'
      /** Bounds of the wait that the error tells, in milliseconds. Default: not looked at. */
      readonly retryDelayMs?: readonly [least: number, most: number]
    })
  /** The caller left; the attempts are those that the log counts. */
  | (WantAnything & { readonly end: 'left' })
