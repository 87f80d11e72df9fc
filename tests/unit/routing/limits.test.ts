// Who is left out for length, price or place, and how often a candidate with several keys stands in the plan.
import { describe, expect, it } from 'vitest'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ModelEntry, ModelPrice } from '../../../src/core/model.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { listCandidates, planRoute } from '../../../src/routing/candidates.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'

/** Nano-USD for each token, in and out alike. */
const each = (nanoUsd: bigint): ModelPrice => ({
  input: nanoUsd * 1_000_000n,
  output: nanoUsd * 1_000_000n,
  cachedInput: undefined,
  cacheWrite: undefined,
  tiers: [],
})
const model = (provider: string, id: string, over: Partial<ModelEntry>): ModelEntry => ({
  ...assumedEntry(provider, id),
  maxOutputTokens: 50,
  ...over,
})
const models: readonly ModelEntry[] = [
  model('east', 'short', { price: each(1n), contextWindow: 100 }),
  model('east', 'long', { price: each(10n), contextWindow: 1_000 }),
  model('west', 'long', { price: each(20n), contextWindow: 2_000, tools: false }),
  model('west', 'mystery', { contextWindow: 2_000 }),
  model('sandbox', 'sandbox', { price: each(0n) }),
]
const provider = (id: string, keysLeft?: number): Provider => ({
  ...createScriptedProvider(id, []),
  ...(keysLeft === undefined ? {} : { keysLeft: () => keysLeft }),
})
const everybody = [provider('east'), provider('west'), provider('sandbox')]

const catalogue = createCatalogue({
  models: { asOf: '2026-01-01', problems: [], models },
  now: () => 0,
})
const depsOf = (providers: readonly Provider[]) => ({ catalogue, providers, now: () => 0 })

function planOf(
  over: Parameters<typeof ask>[1],
  { inputTokens, providers = everybody }: { inputTokens?: number; providers?: readonly Provider[] } = {},
) {
  const plan = planRoute(ask('hi', over), depsOf(providers), { inputTokens })
  return {
    order: plan.candidates.map(one => `${one.provider.id}/${one.model.id}`),
    skipped: plan.skipped.map(skip => [`${skip.provider}/${skip.model}`, skip.reason, skip.message]),
  }
}

function refusalOf(...args: Parameters<typeof planOf>): GatewayError {
  try {
    planOf(...args)
  } catch (error) {
    if (error instanceof GatewayError) return error
  }
  throw new Error('the request was not refused')
}

describe('a request that is too long', () => {
  it('passes over the models that it does not fit, and names them', () => {
    const fallback = { model: 'short', routing: { fallbackModels: ['east/long'] } }
    expect(planOf(fallback, { inputTokens: 100 }).order).toEqual(['east/short', 'east/long'])
    expect(planOf(fallback, { inputTokens: 101 })).toEqual({
      order: ['east/long'],
      skipped: [['east/short', Skip.CAPABILITY, 'needs 101 tokens, its context window is 100']],
    })
    expect(planOf({ model: 'auto' }, { inputTokens: 1_500 }).order).toEqual(['west/long', 'west/mystery'])
  })

  it('is CONTEXT_TOO_LONG where it fits nobody', () => {
    const refusal = refusalOf({ model: 'short' }, { inputTokens: 101 })
    expect([refusal.reason, refusal.code]).toEqual(['CONTEXT_TOO_LONG', 'INVALID_ARGUMENT'])
    expect(refusal.message).toBe(
      'nobody can answer for model "short": east/short: needs 101 tokens, its context window is 100',
    )
    expect(refusalOf({ model: 'auto' }, { inputTokens: 3_000 }).reason).toBe('CONTEXT_TOO_LONG')
  })

  it('is UNSUPPORTED or NO_CANDIDATE where others are left out for something else', () => {
    const tools = [{ name: 'look' }]
    expect(refusalOf({ model: 'long', tools }, { inputTokens: 1_500 }).reason).toBe('UNSUPPORTED')
    const routing = { deny: ['west'] }
    expect(refusalOf({ model: 'long', routing }, { inputTokens: 1_500 }).reason).toBe('NO_CANDIDATE')
  })

  it('is not judged where nobody has counted', () => {
    expect(planOf({ model: 'short', maxOutputTokens: 1_000_000 }).order).toEqual(['east/short'])
  })
})

describe('a price ceiling', () => {
  // 40 tokens in and the 50 that each model writes at most: 90 tokens.
  const facts = { inputTokens: 40 }

  it('leaves out what may cost more and what has no price, each with its numbers', () => {
    const { order, skipped } = planOf({ model: 'auto', routing: { maxCostNanoUsd: 900n } }, facts)
    // Both are so cheap that no price counts: their ids break the tie.
    expect(order).toEqual(['east/long', 'east/short'])
    expect(skipped).toEqual([
      ['west/long', Skip.PRICE, 'may cost 1800 nano-USD, and routing.max_cost_nano_usd is 900'],
      ['west/mystery', Skip.PRICE, 'its price is not known, and routing.max_cost_nano_usd is 900'],
      ['sandbox/sandbox', Skip.SANDBOX, 'a real provider is configured'],
    ])
  })

  it('that nobody keeps to is NO_CANDIDATE', () => {
    const refusal = refusalOf({ model: 'long', routing: { maxCostNanoUsd: 899n } }, facts)
    expect(refusal.reason).toBe('NO_CANDIDATE')
    expect(refusal.message).toBe(
      'nobody can answer for model "long": ' +
        'east/long: may cost 900 nano-USD, and routing.max_cost_nano_usd is 899; ' +
        'west/long: may cost 1800 nano-USD, and routing.max_cost_nano_usd is 899',
    )
  })

  it('gives each candidate the cap that it was judged by', () => {
    const request = ask('hi', { model: 'short', routing: { maxCostNanoUsd: 900n } })
    expect(planRoute(request, depsOf(everybody), facts).candidates).toMatchObject([{ outputCap: 50 }])
  })
})

describe('the sandbox', () => {
  it('is named as passed over by auto beside a real provider, unless the request names it', () => {
    const passedOver = ['sandbox/sandbox', Skip.SANDBOX, 'a real provider is configured']
    expect(planOf({ model: 'auto' }).skipped).toEqual([passedOver])
    expect(planOf({ model: 'short', routing: { fallbackModels: ['auto'] } }).skipped).toEqual([passedOver])
    expect(planOf({ model: 'short' }).skipped).toEqual([])
    const named = planOf({ model: 'auto', routing: { fallbackModels: ['sandbox'] } })
    expect(named.order.at(-1)).toBe('sandbox/sandbox')
    expect(named.skipped).toEqual([])
  })

  it('does not change why a request is refused', () => {
    const refusal = refusalOf({ model: 'auto' }, { inputTokens: 3_000 })
    expect(refusal.message).not.toContain('sandbox')
  })
})

describe('a candidate with several keys', () => {
  it('stands once in the plan', () => {
    const { candidates } = planRoute(
      ask('hi', { model: 'short', routing: { fallbackModels: ['west/long'] } }),
      depsOf([provider('east', 3), provider('west')]),
    )
    expect(candidates.map(one => one.provider.id)).toEqual(['east', 'west'])
  })

  it('is listed once, and skipped once', () => {
    const deps = depsOf([provider('east', 3), provider('west', 3)])
    const listing = listCandidates(ask('hi', { model: 'long', routing: { deny: ['west'] } }), deps)
    expect(listing.candidates).toHaveLength(1)
    expect(listing.skipped).toHaveLength(1)
  })
})
