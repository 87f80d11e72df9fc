// The words of the command line for values of the contract, and back.
import { Key_State, Limit_Kind, Limit_OutagePolicy as Outage, Scope } from '#gen/exai/v1/key_pb'

/** Scopes by their words. */
export const SCOPES: Readonly<Record<string, Scope>> = {
  chat: Scope.CHAT,
  files: Scope.FILES,
  monitoring: Scope.MONITORING,
  admin: Scope.ADMIN,
}

/** States of keys by their words. */
export const STATES: Readonly<Record<string, Key_State>> = {
  active: Key_State.ACTIVE,
  expired: Key_State.EXPIRED,
  revoked: Key_State.REVOKED,
}

/** Kinds of limits that a key can have, by their words. */
export const KINDS: Readonly<Record<string, Limit_Kind>> = {
  requests_per_minute: Limit_Kind.REQUESTS_PER_MINUTE,
  tokens_per_minute: Limit_Kind.TOKENS_PER_MINUTE,
  concurrent_calls: Limit_Kind.CONCURRENT_CALLS,
  day_budget: Limit_Kind.DAY_BUDGET,
  month_budget: Limit_Kind.MONTH_BUDGET,
}

/** What a limit does in an outage, by words. */
export const OUTAGES: Readonly<Record<string, Outage>> = {
  allow: Outage.ALLOW,
  share: Outage.SHARE,
  deny: Outage.DENY,
}

/** The word for a value; `unknown` for one of a newer service. */
export function wordOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(table).find(word => table[word] === value) ?? 'unknown'
}
