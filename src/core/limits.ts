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
