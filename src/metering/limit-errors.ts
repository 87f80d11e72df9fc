// What a caller is told that runs into a limit: which one of whom, what is used of it, and when there is room again.
import { GatewayError, type Reason } from '../core/errors.ts'
import type { LimitFacts, LimitKind } from '../core/limits.ts'
import type { AppliedLimit } from './limit-rules.ts'
import { resetAtMs, SLICE_MS } from './limit-windows.ts'

/** A limit that stood in the way. */
export interface LimitRefusal {
  readonly limit: AppliedLimit
  /** What is used of it already, what running calls hold included. */
  readonly used: number
  /** What was asked for. */
  readonly amount: number
  /** In milliseconds since the Unix epoch. */
  readonly now: number
  /** Refused because replicas cannot count together now. */
  readonly isOutage?: boolean | undefined
  /** In how many milliseconds there is room again. Absent: not known. */
  readonly roomInMs?: number | undefined
}

type CallLimitKind = Exclude<LimitKind, 'stored_bytes'>

const REASONS = {
  requests_per_minute: 'RATE_LIMITED',
  tokens_per_minute: 'RATE_LIMITED',
  concurrent_calls: 'TOO_MANY_CALLS',
  day_budget: 'BUDGET_SPENT',
  month_budget: 'BUDGET_SPENT',
} as const satisfies Record<CallLimitKind, Reason>

/** How soon asking again makes sense where nobody knows when a call will end, in milliseconds. */
const SOON_MS = 1_000
/** The same while replicas cannot count together. */
const OUTAGE_MS = 2_000

/** Name of a limit for people and headers, such as `day_budget of tenant acme for openai/gpt-5`. */
export function limitName({ kind, whose, model }: AppliedLimit): string {
  return `${kind} of ${whose}${model === undefined ? '' : ` for ${model}`}`
}

/** How a limit stands. */
export function factsOf({ limit, used, now }: Omit<LimitRefusal, 'amount'>): LimitFacts {
  const { kind, value } = limit
  const isRunning = kind === 'concurrent_calls' || kind === 'stored_bytes'
  return {
    name: limitName(limit),
    limit: value,
    remaining: Math.max(0, value - used),
    ...(isRunning ? {} : { resetAtMs: resetAtMs(kind, now) }),
  }
}

/** The error of a limit that stood in the way. */
export function limitError(refusal: LimitRefusal): GatewayError {
  const { limit, amount, now, isOutage, roomInMs } = refusal
  const kind = limit.kind === 'stored_bytes' ? 'concurrent_calls' : limit.kind
  const facts = factsOf(refusal)
  if (isOutage === true)
    return new GatewayError(
      REASONS[kind],
      `${facts.name} cannot be counted together with the other replicas now, and then it lets nobody pass; ask again soon`,
      { limit: facts, retryDelayMs: OUTAGE_MS },
    )
  // What is more than the whole limit will not fit later either.
  const isEver = amount <= limit.value
  const delayMs = roomInMs ?? delayOf(kind, now)
  const again = isEver ? againOf(kind, delayMs, facts) : tooMuchOf(kind)
  return new GatewayError(REASONS[kind], `${sentenceOf(kind, facts, refusal)}; ${again}`, {
    limit: facts,
    ...(isEver ? { retryDelayMs: delayMs } : {}),
  })
}

function sentenceOf(
  kind: CallLimitKind,
  { name, limit }: LimitFacts,
  { used, amount }: LimitRefusal,
): string {
  switch (kind) {
    case 'requests_per_minute':
      return `${name} is ${limit}, and ${used} were begun in the last minute`
    case 'tokens_per_minute':
      return `${name} is ${limit}, of which ${used} are used, and this call may need ${amount}`
    case 'concurrent_calls':
      return `${name} is ${limit}, and ${used} are running`
    case 'day_budget':
    case 'month_budget':
      return `${name} is ${usdOf(limit)} USD, of which ${usdOf(used)} USD are spent or held by running calls, and this call may cost ${usdOf(amount)} USD`
    default:
      return kind satisfies never
  }
}

function againOf(kind: CallLimitKind, delayMs: number, { resetAtMs: at = 0 }: LimitFacts): string {
  switch (kind) {
    case 'requests_per_minute':
    case 'tokens_per_minute':
      return `ask again in ${Math.ceil(delayMs / 1000)} s`
    case 'concurrent_calls':
      return 'ask again when one has ended'
    case 'day_budget':
    case 'month_budget':
      return `it begins anew at ${new Date(at).toISOString()}`
    default:
      return kind satisfies never
  }
}

function tooMuchOf(kind: CallLimitKind): string {
  return kind === 'tokens_per_minute' || kind === 'day_budget' || kind === 'month_budget'
    ? 'shorten it or set a lower max_output_tokens'
    : 'it lets nothing pass'
}

function delayOf(kind: CallLimitKind, now: number): number {
  switch (kind) {
    case 'requests_per_minute':
    case 'tokens_per_minute':
      return SLICE_MS - (now % SLICE_MS)
    case 'concurrent_calls':
      return SOON_MS
    case 'day_budget':
    case 'month_budget':
      return resetAtMs(kind, now) - now
    default:
      return kind satisfies never
  }
}

/** Nano-USD as USD, without zeros that say nothing. */
function usdOf(nanoUsd: number): string {
  const text = (nanoUsd / 1e9).toFixed(9)
  return text.replace(/(\.\d\d\d*?)0+$/, '$1')
}
