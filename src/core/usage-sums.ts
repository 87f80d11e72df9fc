// The port for sums over the ledger.
import type { Page, PageQuery } from './page.ts'

/** What sums can be grouped by; `day` is the UTC day on which the call ended, `key` who in the tenant made it. */
export const USAGE_DIMENSIONS = ['day', 'model', 'provider', 'key', 'tenant'] as const

/** A dimension from the list. */
export type UsageDimensionName = (typeof USAGE_DIMENSIONS)[number]

/** Asks for sums. An empty list of models, providers or keys means all of them. */
export interface UsageQuery {
  readonly groupBy: readonly UsageDimensionName[]
  /** Calls that ended at this instant or later, in milliseconds since the Unix epoch. */
  readonly from: number
  /** Calls that ended before this instant, in milliseconds since the Unix epoch. */
  readonly until: number
  readonly models: readonly string[]
  readonly providers: readonly string[]
  readonly keys: readonly string[]
  /** Absent: every tenant. */
  readonly tenant?: string
}

/** The sum over a group of calls. A dimension that is not grouped by is empty. */
export interface UsageSum {
  /** `YYYY-MM-DD`. */
  readonly day: string
  readonly model: string
  readonly provider: string
  readonly key: string
  readonly tenant: string
  /** Calls, each counted once however many attempts were billed. */
  readonly requests: number
  /** Calls among them that failed or were cancelled. */
  readonly errors: number
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly cacheWriteTokens: bigint
  readonly outputTokens: bigint
  readonly reasoningTokens: bigint
  /** What is known to have been spent, in billionths of a US dollar. */
  readonly nanoUsd: bigint
  /** Calls whose cost is not known, or not whole, and is missing in the sum. */
  readonly unknownCost: number
  /** Calls whose tokens were not, or not finally, reported by the provider. */
  readonly estimated: number
}

/** Sums over what was used. */
export interface UsageSums {
  /** Sums by group, the newest day first, then the dearest first. */
  sums(query: UsageQuery & PageQuery): Promise<Page<UsageSum>>
  /** The sum over all groups, each call counted once. */
  total(query: Omit<UsageQuery, 'groupBy'>): Promise<UsageSum>
}
