// A call with limits on its way through real stages, to scripted providers with prices.
import { expect, onTestFinished } from 'vitest'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import type { RulesConfig } from '../../../src/config/snapshot.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { Delta } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Limit } from '../../../src/core/limits.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import { createLimits } from '../../../src/metering/limits.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import type { WalkOver } from '../../support/walk-rig.ts'

/** What a token of output costs. */
export const NANO_USD_PER_TOKEN = 1_000
/** A provider that is out. */
export const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'it answered 500', { upstreamStatus: 500 })

/** A model whose input is free, and whose output costs a thousand nano-USD a token. */
function priced(provider: string, { output, most, search }: Who): ModelEntry {
  const sizes = { maxOutputTokens: most, ...(search && { contextWindow: search.window }) }
  const entry = { ...assumedEntry(provider, `${provider}-model`), ...sizes }
  const price =
    output === undefined
      ? undefined
      : {
          input: 0n,
          cachedInput: undefined,
          cacheWrite: undefined,
          output,
          tiers: [],
          webSearch: search?.fee,
        }
  return { ...entry, price }
}

/** An answer that says how many tokens it wrote. */
export function writing(outputTokens: number): readonly Step[] {
  const counts = {
    inputTokens: 5,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens,
    reasoningTokens: 0,
  }
  const [text = [], end = []] = saying('Hi') as readonly (readonly Delta[])[]
  return [text, [{ type: 'usage', counts }], end]
}

/** A provider: what it does with each attempt, and its price of a million tokens of output. Absent: not known. */
export interface Who {
  readonly scripts: readonly (readonly Step[])[]
  readonly output?: bigint | undefined
  /** The most tokens that its model writes. Absent: not known. */
  readonly most?: number
  /** It searches the web in so many requests at most, each with so long a question, at so much for a search. Absent: it does not. */
  readonly search?: { readonly rounds: number; readonly window: number; readonly fee: bigint }
}

/** Providers `one`, `two`, … with their scripts, asked in this order, and a tenant with limits. */
export function setUp(
  who: readonly Who[],
  rules: Partial<RulesConfig> | readonly Limit[],
  walk: WalkOver = {},
) {
  const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
  const given = Array.isArray(rules)
    ? { tenants: [{ tenant: 'default', limits: rules as readonly Limit[] }] }
    : rules
  const limits = createLimits({
    shared,
    clock: systemClock,
    rules: () => ({ tenants: [], models: [], policies: [], ...given }),
    onFault: fault => expect.unreachable(String(fault)),
  })
  onTestFinished(limits.close)
  onTestFinished(shared.close)
  const providers = who.map((one, index) => {
    const id = ['one', 'two', 'three'][index] ?? 'more'
    const provider = createScriptedProvider(id, one.scripts, [priced(id, one)])
    return Object.assign(provider, one.search && { searchRounds: one.search.rounds })
  })
  const rig = createCompletionRig(providers, { callers: limits, walk })
  /** What is left of a budget, by what does not fit any more. */
  const left = async (): Promise<number> => {
    const model = { provider: 'none', id: 'none', aliases: [] }
    const answer = await limits
      .of({ tenant: 'default', subject: '', scopes: [] })
      ?.reserve({ model, inputTokens: 0, outputTokens: 1, mayShrink: false, cost: () => 1_000_000_000n })
    return answer !== undefined && 'error' in answer
      ? (answer.error.details.limit?.remaining ?? Number.NaN)
      : Number.NaN
  }
  return { ...rig, providers, limits, left }
}

/** The price of a million tokens of output. */
export const PRICE = 1_000_000_000n
/** A budget that pays for so many tokens. */
export const budget = (tokens: number): readonly Limit[] => [
  { kind: 'day_budget', value: tokens * NANO_USD_PER_TOKEN },
]
/** A question with a cap. */
export const request = (over: object = {}) =>
  ask('hello', { model: 'one-model', maxOutputTokens: 100, ...over })
/** Lets the second provider answer, too. */
export const fallback = { routing: { fallbackModels: ['two-model'] } }
