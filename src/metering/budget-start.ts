// Lets budgets go on where they were: what the ledger has of a day or month is counted before anything else is, by one process.
import { GatewayError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import type { Shared } from '../core/shared.ts'
import type { UsageSums } from '../core/usage-sums.ts'
import { type AppliedLimit, countsModel } from './limit-rules.ts'
import { beganAtMs, counterAt, isBudget, reservationOf } from './limit-windows.ts'

/** What `createBudgetStart` needs. */
export interface BudgetStartDeps {
  readonly shared: Pick<Shared, 'reserve' | 'claim' | 'set' | 'remove'>
  /** Where spending is written down, the surest first. Of several that tell different sums the largest counts. */
  readonly ledgers: readonly Pick<UsageSums, 'sums'>[]
  readonly now: () => number
  /** Takes why a ledger cannot be read. */
  readonly onFault: (fault: unknown) => void
  /** Other names of a model that is in the ledger: a limit may go by one of them. Default: there are none. */
  readonly aliasesOf?: ((provider: string, id: string) => readonly string[]) | undefined
}

/** So long another process may take to read its ledger, in milliseconds; then we read ours. */
const CLAIM_MS = 5_000
const READ_MS = 60 * 60 * 1000
const READING = Uint8Array.of(1)
const READ = Uint8Array.of(2)
const LOOK_EVERY_MS = 50
/** So many budgets are remembered as begun. */
const BEGUN_MAX = 10_000
const PAGE = 500
const MONTH_MS = 32 * 24 * 60 * 60 * 1000

/** Makes what is called before a budget is counted: undefined when there is nothing to wait for. Rejects with INTERNAL. */
export function createBudgetStart(
  deps: BudgetStartDeps,
): (limits: readonly AppliedLimit[]) => Promise<void> | undefined {
  const { shared, ledgers, now, onFault, aliasesOf = () => [] } = deps
  const begun = new Map<string, Promise<void> | true>()

  async function usedOf(counter: string): Promise<number> {
    // What never fits changes nothing, and says how much there is.
    const answer = await shared.reserve([{ counter, amount: 1, max: 0, ttlMs: 1 }])
    return answer.ok ? 0 : answer.used
  }

  /** Says whether the budget is counted from its beginning now. */
  async function begin(limit: AppliedLimit, counter: string): Promise<boolean> {
    if ((await usedOf(counter)) > 0) return true
    const name = `limit-begun:${counter}`
    for (;;) {
      const before = await shared.claim(name, READING, CLAIM_MS)
      if (before === undefined) break
      // Somebody else reads, or has read: of a budget of which nothing is spent that is all there is to see.
      if (before[0] === READ[0] || (await usedOf(counter)) > 0) return true
      await pause(LOOK_EVERY_MS, new AbortController().signal)
    }
    const spent = await spentOf(limit).catch(async (caught: unknown) => {
      await shared.remove(name)
      throw caught
    })
    const amount = Math.min(Number(spent), Number.MAX_SAFE_INTEGER)
    const question = { ...reservationOf(limit, amount, now()), counter, max: Number.MAX_SAFE_INTEGER }
    const answer = await shared.reserve([question])
    // Replicas cannot count together now, and the limit lets nobody pass meanwhile: it has not begun.
    if (answer.ok) await shared.set(name, READ, READ_MS)
    else await shared.remove(name)
    return answer.ok
  }

  async function spentOf(limit: AppliedLimit): Promise<bigint> {
    const sums = await Promise.allSettled(ledgers.map(ledger => sumOf(ledger, limit)))
    let most: bigint | undefined
    for (const sum of sums) {
      if (sum.status === 'rejected') onFault(sum.reason)
      else if (most === undefined || sum.value > most) most = sum.value
    }
    if (most === undefined && ledgers.length > 0)
      throw new GatewayError('INTERNAL', 'what was spent of a budget cannot be read')
    return most ?? 0n
  }

  async function sumOf(ledger: Pick<UsageSums, 'sums'>, limit: AppliedLimit): Promise<bigint> {
    const kind = limit.kind === 'day_budget' ? 'day_budget' : 'month_budget'
    const query = {
      groupBy: ['provider', 'model'],
      from: beganAtMs(kind, now()),
      until: now() + MONTH_MS,
      models: [],
      providers: [],
      keys: limit.owner === '' ? [] : [limit.owner],
      ...(limit.tenant === '' ? {} : { tenant: limit.tenant }),
      limit: PAGE,
    } as const
    let sum = 0n
    let after: string | undefined
    do {
      const page = await ledger.sums(after === undefined ? query : { ...query, after })
      for (const { provider, model: id, nanoUsd } of page.items)
        if (countsModel(limit, { provider, id, aliases: aliasesOf(provider, id) })) sum += nanoUsd
      after = page.next
    } while (after !== undefined)
    return sum
  }

  function started(limit: AppliedLimit): Promise<void> | undefined {
    const counter = counterAt(limit, now())
    const known = begun.get(counter)
    if (known === true) return undefined
    if (known !== undefined) return known
    const work = begin(limit, counter).then(
      isBegun => {
        if (isBegun) begun.set(counter, true)
        else begun.delete(counter)
      },
      (caught: unknown) => {
        begun.delete(counter)
        throw caught
      },
    )
    for (const oldest of begun.keys()) {
      if (begun.size < BEGUN_MAX) break
      begun.delete(oldest)
    }
    begun.set(counter, work)
    return work
  }

  return limits => {
    const waiting: Promise<void>[] = []
    for (const limit of limits) {
      const start = isBudget(limit.kind) ? started(limit) : undefined
      if (start !== undefined) waiting.push(start)
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined)
  }
}
