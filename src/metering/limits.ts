// Limits of callers: counted when a call is let in and before each attempt, and given back or settled on every way out.
import type { AliasConfig, RulesConfig } from '../config/snapshot.ts'
import type { CallAdmission } from '../core/call.ts'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { LimitFacts, Policy } from '../core/limits.ts'
import type { Holder, Reservation, Reserved, Settling, Shared } from '../core/shared.ts'
import type { UsageSums } from '../core/usage-sums.ts'
import { type AttemptNeed, countsSize } from './attempt-amounts.ts'
import { type Held, reserveAttempt } from './attempt-limits.ts'
import { createBudgetStart } from './budget-start.ts'
import { createHolders } from './holders.ts'
import { factsOf, limitError } from './limit-errors.ts'
import { createLimitNews, type LimitSink } from './limit-news.ts'
import { type AppliedLimit, createCallerRules, storedBytesOf } from './limit-rules.ts'
import { reservationOf, untilRoomMs } from './limit-windows.ts'
import { createLooseHolds } from './loose-holds.ts'

/** What `createLimits` needs. */
export interface LimitsDeps {
  readonly shared: Pick<Shared, 'reserve' | 'settle' | 'renew' | 'adjust' | 'claim' | 'set' | 'remove'>
  readonly clock: Clock
  /** The rules of the configuration now. */
  readonly rules: () => RulesConfig | undefined
  /** Names of one's own for models, by which limits and policies may go as well. Default: there are none. */
  readonly aliases?: () => readonly AliasConfig[]
  /** Other names of a model. Default: there are none. */
  readonly aliasesOf?: (provider: string, id: string) => readonly string[]
  readonly onEvent?: LimitSink | undefined
  /** Whether several processes that count together hear of a counter for the first time. Absent: there is only this one. */
  readonly firstOfAll?: ((counter: string) => Promise<boolean>) | undefined
  /** Takes what goes wrong with the shared state while nobody waits for it. */
  readonly onFault: (fault: unknown) => void
  /** Where spending is written down, the surest first: budgets go on from there after a start. Default: nowhere. */
  readonly ledgers?: readonly Pick<UsageSums, 'sums'>[]
  /** How often what is held is renewed, in milliseconds. */
  readonly renewEveryMs?: number
}

/** What a call was let in with, until it ends. */
export interface Admission extends CallAdmission {
  /** The call is over. Only the first time does anything. */
  end(): void
}

/** The limits of one caller, as far as they are about what it asks for. */
export interface CallerLimits {
  /** Whether the tokens of a request matter: a limit counts them, or a policy allows only so many. */
  readonly needsTokens: boolean
  /** What the caller may ask for. */
  readonly policies: readonly Policy[]
  /** Reserves what an attempt may take, at once where nobody else counts. Undefined: no limit counts it. */
  reserve(need: AttemptNeed): Held
}

/** The limits of all callers. */
export interface Limits {
  /**
   * Lets a call in: undefined at once when nothing is counted, and an admission at once where nobody else counts. Rejects with
   * RATE_LIMITED or TOO_MANY_CALLS. Whoever gets an admission must end it. `requestId` is named in what is told of limits.
   */
  admit(caller: Caller, method: string, requestId?: string): undefined | Admission | Promise<Admission>
  /** What holds for what a caller asks for; undefined when nothing does. */
  of(caller: Caller): CallerLimits | undefined
  /** Bytes of files that a tenant may store, where the configuration says so. */
  storedBytes(tenant: string): number | undefined
  /** How many holders run: calls that are counted as running, and attempts whose truth is not known. */
  running(): number
  /** Renews nothing any more. */
  close(): void
}

/** What is asked for a call that is let in: the same for all calls of a caller in one second. */
interface Entry {
  readonly second: number
  readonly reservations: readonly Reservation[]
  /** Counters of what is held while the call runs. */
  readonly held: readonly string[]
  /** That all of it is given back. */
  readonly given: readonly Settling[]
}

/** What a call was let in with. */
interface LetIn {
  readonly holder: Holder
  readonly entry: Entry
  readonly limits: readonly AppliedLimit[]
  /** What each of them holds with the call. */
  readonly used: readonly number[]
  readonly now: number
}

/** Whoever asks how we are must always get an answer. */
const UNLIMITED = ['grpc.health.v1.', 'grpc.reflection.']
/** Reads what another call has begun, and begins none. */
const RESUMING = 'exai.v1.ChatService/ResumeStream'

/** Makes the limits. Nothing is counted, and nothing waits, for a caller who has none. */
export function createLimits(deps: LimitsDeps): Limits {
  const { shared, clock, rules, onFault } = deps
  const rulesOf = createCallerRules(rules, deps.aliases)
  const news = createLimitNews(deps.onEvent, deps.firstOfAll)
  const holders = createHolders({ shared, clock, onFault, renewEveryMs: deps.renewEveryMs })
  const known = new WeakMap<object, CallerLimits>()
  const ready = createBudgetStart({
    shared,
    ledgers: deps.ledgers ?? [],
    now: clock.now,
    onFault,
    aliasesOf: deps.aliasesOf,
  })
  const loose = createLooseHolds()
  const attempts = { shared, holders, news, loose, now: clock.now, onFault, ready }
  const entries = new WeakMap<readonly AppliedLimit[], Entry>()

  function entryOf(limits: readonly AppliedLimit[], now: number): Entry {
    const second = Math.floor(now / 1_000)
    let entry = entries.get(limits)
    if (entry?.second !== second) {
      const reservations = limits.map(limit => reservationOf(limit, 1, now))
      const held = reservations.filter(({ isForGood }) => !isForGood).map(({ counter }) => counter)
      entry = { second, reservations, held, given: held.map(counter => ({ counter, amount: 0 })) }
      entries.set(limits, entry)
    }
    return entry
  }

  function admitted(limits: readonly AppliedLimit[], requestId?: string): Admission | Promise<Admission> {
    const now = clock.now()
    const holder = holders.make()
    const entry = entryOf(limits, now)
    const answer = shared.reserve(entry.reservations, holder)
    const letIn = (reserved: Reserved): Admission | Promise<Admission> => {
      if (!reserved.ok) return refused(limits[reserved.index], reserved, now, requestId)
      news.used(limits, entry.reservations, reserved.used, requestId)
      return admissionOf({ holder, entry, limits, used: reserved.used, now })
    }
    return answer instanceof Promise ? answer.then(letIn) : letIn(answer)
  }

  async function refused(
    limit: AppliedLimit | undefined,
    { used, isOutage }: Extract<Reserved, { readonly ok: false }>,
    now: number,
    requestId?: string,
  ): Promise<never> {
    if (limit === undefined)
      throw new GatewayError('INTERNAL', 'a limit that nobody asked for stands in the way')
    news.refused(limit, used, requestId)
    const roomInMs = isOutage === true ? undefined : await untilRoomMs(limit, 1, now, shared)
    throw limitError({ limit, used, amount: 1, now, isOutage, roomInMs })
  }

  function admissionOf({ holder, entry, limits, used, now }: LetIn): Admission {
    const { reservations, held, given } = entry
    const place = holders.holds(holder, held)
    let isCounted = true
    return {
      giveBack() {
        if (!isCounted) return
        isCounted = false
        for (const { counter, isForGood } of reservations)
          if (isForGood) shared.adjust(counter, -1)?.catch(onFault)
      },
      requestLimit: () => tightest(limits, used, now),
      end: () => holders.settle(place, given),
    }
  }

  return {
    admit(caller, method, requestId) {
      const all = rulesOf(caller)?.atAdmission ?? []
      const limits = method === RESUMING ? all.filter(({ kind }) => kind !== 'requests_per_minute') : all
      if (limits.length === 0 || UNLIMITED.some(prefix => method.startsWith(prefix))) return undefined
      return admitted(limits, requestId)
    },
    of(caller) {
      const found = rulesOf(caller)
      if (found === undefined || found.atAttempt.length + found.policies.length === 0) return undefined
      let limits = known.get(found)
      if (limits === undefined) {
        const { atAttempt, policies } = found
        limits = {
          needsTokens:
            atAttempt.some(countsSize) ||
            policies.some(({ maxPromptTokens }) => maxPromptTokens !== undefined),
          policies,
          reserve: need => reserveAttempt(atAttempt, need, attempts),
        }
        known.set(found, limits)
      }
      return limits
    },
    storedBytes: tenant => storedBytesOf(tenant, rules()),
    running: holders.running,
    close: holders.close,
  }
}

function tightest(
  limits: readonly AppliedLimit[],
  used: readonly number[],
  now: number,
): LimitFacts | undefined {
  let least: LimitFacts | undefined
  for (const [index, limit] of limits.entries()) {
    if (limit.kind !== 'requests_per_minute') continue
    const facts = factsOf({ limit, used: used[index] ?? 0, now })
    if (least === undefined || facts.remaining < least.remaining) least = facts
  }
  return least
}
