// Limits and policies, as keys, tenants and the config file carry them.

/** What a limit counts, and with it the unit of its value: calls, tokens, calls at once, nano-USD, nano-USD, bytes. */
export const LIMIT_KINDS = [
  'requests_per_minute',
  'tokens_per_minute',
  'concurrent_calls',
  'day_budget',
  'month_budget',
  'stored_bytes',
] as const

/** A kind from the list. */
export type LimitKind = (typeof LIMIT_KINDS)[number]

/** What a limit does while the store that replicas count in together is out of reach. */
export const OUTAGE_POLICIES = ['allow', 'share', 'deny'] as const

/** A policy from the list: let pass, count in this process alone, or refuse. */
export type OutagePolicy = (typeof OUTAGE_POLICIES)[number]

/** One limit: so much of one kind, for all models or for one. */
export interface Limit {
  readonly kind: LimitKind
  /** A whole number from 0 to 2^53 - 1, in the unit of the kind; 0 allows nothing. */
  readonly value: number
  /** `provider/id`, or an id at every provider. Absent: all models together. */
  readonly model?: string | undefined
  /** Absent: `share`. */
  readonly outagePolicy?: OutagePolicy | undefined
}

/** What may be asked for. An empty list of what is allowed means everything that is not denied; what is denied wins. */
export interface Policy {
  /** Each `provider/id`, an id at every provider, or `provider/*`, matched without letter case. */
  readonly allowedModels: readonly string[]
  readonly deniedModels: readonly string[]
  /** Names of tools that a request declares, `web_search` among them. */
  readonly allowedTools: readonly string[]
  readonly deniedTools: readonly string[]
  /** In tokens, history and files included. Absent: only the model's own window. */
  readonly maxPromptTokens?: number | undefined
}

/** Limits and policy of one tenant, from the config file. */
export interface TenantRules {
  readonly limits: readonly Limit[]
  readonly policy?: Policy | undefined
}

/** How a limit stands, for whoever ran into it. */
export interface LimitFacts {
  /** Which limit of whom, such as `day_budget of tenant acme`. */
  readonly name: string
  /** In the unit of its kind. */
  readonly limit: number
  /** What is left of it, in the same unit. */
  readonly remaining: number
  /** When all of it is surely free again, in milliseconds since the Unix epoch. Absent: when something that runs has ended. */
  readonly resetAtMs?: number | undefined
}

/** What an attempt really took. */
export interface AttemptTruth {
  /** Input and output. */
  readonly tokens: number
  /** Absent: not known, and what was reserved counts. */
  readonly nanoUsd?: bigint | undefined
}

/** What is held of the caller's limits for an attempt, until it is known what it took. */
export interface AttemptHold {
  /** The cap to be sent, in tokens. Undefined: as the request says. */
  readonly outputCap: number | undefined
  /** Puts the truth in the place of what was reserved. Only the first end counts. */
  settle(truth: AttemptTruth): void
  /** Counts what was reserved as taken, because nobody will know. */
  keep(): void
  /** Gives all of it back: nobody can have billed it. `wasAsked`: as a request it counts all the same. */
  giveBack(wasAsked: boolean): void
}
