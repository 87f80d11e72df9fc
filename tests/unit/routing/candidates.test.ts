// Who may answer and in which order, on a small catalogue whose prices and abilities can be read at a glance.
import { describe, expect, it } from 'vitest'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ModelEntry, ModelPrice } from '../../../src/core/model.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { planRoute } from '../../../src/routing/candidates.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'

const now = Date.parse('2026-06-01T00:00:00Z')

/** Dollars per million tokens. A typical question is 1,000 tokens in and 500 out. */
const price = (input: number, output: number): ModelPrice => ({
  input: BigInt(input) * 1_000_000_000n,
  output: BigInt(output) * 1_000_000_000n,
  cachedInput: undefined,
  cacheWrite: undefined,
  tiers: [],
})
const model = (provider: string, id: string, over: Partial<ModelEntry> = {}): ModelEntry => ({
  ...assumedEntry(provider, id),
  ...over,
})

const models: readonly ModelEntry[] = [
  // 1,000 × 10 + 500 × 10 = 15,000 micro-dollars.
  model('east', 'big', { price: price(10, 10), aliases: ['flagship'] }),
  // 1,000 × 1 + 500 × 20 = 11,000: cheap to ask and dear to answer.
  model('east', 'talker', { price: price(1, 20) }),
  // 1,000 × 2 + 500 × 2 = 3,000.
  model('west', 'small', { price: price(2, 2) }),
  // 1,000 × 4 + 500 × 4 = 6,000.
  model('west', 'big', { price: price(4, 4) }),
  model('west', 'mystery'),
  model('west', 'trial', { price: price(0, 0), status: 'preview' }),
  model('west', 'gone', { price: price(0, 0), shutdown: '2026-05-30' }),
  model('west', 'last-day', { price: price(9, 9), shutdown: '2026-06-01' }),
  model('west', 'vectors', { endpoints: ['embeddings'], shutdown: '2027-01-01' }),
  model('sandbox', 'sandbox', { price: price(0, 0) }),
  model('north', 'far', { price: price(1, 1) }),
]
const provider = (id: string, unusableReason = ''): Provider => ({
  ...createScriptedProvider(id, []),
  unusableReason,
})
const [east, west, sandbox] = [provider('east'), provider('west'), provider('sandbox')]

function planOf(
  name: string,
  routing: NonNullable<Parameters<typeof ask>[1]>['routing'] = {},
  providers: readonly Provider[] = [east, west, sandbox],
  known = models,
) {
  const table = { asOf: '2026-01-01', problems: [], models: known }
  const catalogue = createCatalogue({ models: table, now: () => now })
  const plan = planRoute(ask('hi', { model: name, routing }), { catalogue, providers, now: () => now })
  return {
    order: plan.candidates.map(one => `${one.provider.id}/${one.model.id}`),
    reasons: plan.candidates.map(one => one.reason),
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

describe('a model that is named', () => {
  it.each([
    ['small', ['west/small']],
    ['SMALL', ['west/small']],
    ['west/big', ['west/big']],
    ['flagship', ['east/big']],
    ['East/Flagship', ['east/big']],
    ['last-day', ['west/last-day']],
  ])('%s means %j', (name, order) => {
    expect(planOf(name).order).toEqual(order)
    expect(planOf(name).reasons).toEqual(['explicit model'])
  })

  it('and served by several providers makes all of them candidates, in configured order', () => {
    expect(planOf('big').order).toEqual(['east/big', 'west/big'])
    expect(planOf('big', {}, [west, east]).order).toEqual(['west/big', 'east/big'])
  })

  it('is followed by its fallback models, each of them once', () => {
    const plan = planOf('small', { fallbackModels: ['big', 'SMALL', 'west/big'] })
    expect(plan.order).toEqual(['west/small', 'east/big', 'west/big'])
    expect(plan.reasons).toEqual(['explicit model', 'fallback model', 'fallback model'])
  })

  it('is followed by at most seven others', () => {
    const crowd = Array.from({ length: 9 }, (_, index) => model('west', `m${index}`))
    const names = crowd.map(({ id }) => id)
    const { order } = planOf('m0', { fallbackModels: names.slice(1) }, [west], crowd)
    expect(order).toEqual(names.slice(0, 8).map(id => `west/${id}`))
  })

  it('but not known is MODEL_NOT_FOUND with what it resembles', () => {
    const refusal = refusalOf('smal')
    expect(refusal.reason).toBe('MODEL_NOT_FOUND')
    expect(refusal.message).toBe('no configured provider serves a model named "smal"; near matches: small')
  })

  it('but like nothing there is leads to ListModels, and a long name is cut', () => {
    expect(refusalOf('q'.repeat(200)).message).toBe(
      `no configured provider serves a model named "${'q'.repeat(80)}…"; ListModels shows what there is`,
    )
  })

  it('but of a provider that is not configured says which one that is', () => {
    for (const name of ['far', 'north/far']) {
      const refusal = refusalOf(name)
      expect(refusal.reason).toBe('MODEL_NOT_FOUND')
      expect(refusal.message).toBe(
        `model "${name}" belongs to north, which is not configured; ListModels shows what is`,
      )
    }
  })

  it('as a fallback is looked for as well', () => {
    expect(refusalOf('small', { fallbackModels: ['nope'] }).message).toContain('"nope"')
  })
})

describe('auto', () => {
  // Without a judged name the price tells the quality: small is an everyday model, both bigs are strong, talker is frontier.
  // All are good enough for a chat, so the lowest cost decides: 2 for a million tokens, then 4, 9, 10 and 20.
  it('takes the best for the request, then the best of another provider, and never the sandbox', () => {
    const plan = planOf('auto')
    expect(plan.order).toEqual(['west/small', 'east/big', 'west/big'])
    expect(plan.reasons).toEqual([
      'auto: chat wants an everyday model; lowest cost',
      'auto: chat wants an everyday model; next provider',
      'auto: chat wants an everyday model; next best',
    ])
  })

  it('takes models of unknown price last', () => {
    expect(planOf('AUTO', { deny: ['small', 'east'] }).order).toEqual([
      'west/big',
      'west/last-day',
      'west/mystery',
    ])
  })

  it('passes over previews, models that are gone and models that cannot chat, without naming them', () => {
    const { order, skipped } = planOf('auto', { allow: ['trial', 'gone', 'vectors', 'mystery'] })
    expect(order).toEqual(['west/mystery'])
    expect(skipped.map(([name]) => name)).not.toContain('west/gone')
  })

  it('takes the sandbox where no real provider can be used', () => {
    const order = ['sandbox/sandbox']
    const reasons = ['auto: no real provider is configured']
    expect(planOf('auto', {}, [sandbox])).toMatchObject({ order, reasons })
    expect(planOf('auto', {}, [provider('east', 'EAST_API_KEY is not set'), sandbox])).toMatchObject({
      order,
      reasons,
    })
  })

  it('passes over a provider without a key', () => {
    const { order } = planOf('auto', {}, [east, provider('west', 'WEST_API_KEY is not set'), sandbox])
    expect(order).toEqual(['east/big', 'east/talker'])
  })

  it('leaves the models that it has no room for to the fallback models', () => {
    expect(planOf('auto', { fallbackModels: ['east/talker'] }).order).toEqual([
      'west/small',
      'east/big',
      'west/big',
      'east/talker',
    ])
  })

  it('may itself be a fallback', () => {
    const plan = planOf('flagship', { fallbackModels: ['auto'] })
    expect(plan.order).toEqual(['east/big', 'west/small', 'east/talker', 'west/big'])
    expect(plan.reasons[1]).toBe('auto: chat wants an everyday model; lowest cost')
  })

  it('says so when no provider offers anything', () => {
    expect(refusalOf('auto', {}, [provider('south')]).message).toBe(
      'nobody can answer for model "auto": no provider offers a chat model',
    )
  })
})

describe('a policy', () => {
  it.each([
    ['a provider', 'EAST'],
    ['a model', 'Big'],
    ['a model of a provider', 'east/BIG'],
    ['an alias', 'FlagShip'],
    ['an alias of a provider', 'east/flagship'],
  ])('names %s in any letter case', (_, name) => {
    expect(planOf('east/big', { allow: [name] }).order).toEqual(['east/big'])
    const refusal = refusalOf('east/big', { deny: [name] })
    expect(refusal.reason).toBe('NO_CANDIDATE')
    expect(refusal.message).toBe('nobody can answer for model "east/big": east/big: routing.deny names it')
  })

  it('that denies wins over one that allows', () => {
    const plan = planOf('big', { allow: ['east', 'west'], deny: ['west'] })
    expect(plan.order).toEqual(['east/big'])
    expect(plan.skipped).toEqual([['west/big', Skip.POLICY, 'routing.deny names it']])
  })

  it('that allows others skips everybody else', () => {
    expect(planOf('big', { allow: ['west'] }).skipped).toEqual([
      ['east/big', Skip.POLICY, 'routing.allow does not name it'],
    ])
  })
})

describe('a candidate that cannot be asked', () => {
  it('is skipped as shut down, from the day after its last', () => {
    const plan = planOf('gone', { fallbackModels: ['small'] })
    expect(plan.order).toEqual(['west/small'])
    expect(plan.skipped).toEqual([['west/gone', Skip.SHUTDOWN, 'gone was shut down by west on 2026-05-30']])
    expect(refusalOf('gone').reason).toBe('NO_CANDIDATE')
  })

  it('is UNSUPPORTED where it cannot chat, although its last day is known', () => {
    const refusal = refusalOf('vectors')
    expect(refusal.reason).toBe('UNSUPPORTED')
    expect(refusal.message).toContain('vectors is an embedding model and cannot chat')
  })

  it('is skipped without a key, and the next one is asked', () => {
    const plan = planOf('big', {}, [provider('east', 'EAST_API_KEY is not set'), west])
    expect(plan.order).toEqual(['west/big'])
    expect(plan.skipped).toEqual([['east/big', Skip.NO_KEY, 'EAST_API_KEY is not set']])
  })

  it('is UNAVAILABLE until the earliest return, and never the sandbox, while every key is out for a while', () => {
    const out = (id: string, retryDelayMs: number): Provider => ({
      ...provider(id, `every key of ${id} is out`),
      outage: new GatewayError('UPSTREAM_CREDENTIALS', `every key of ${id} is out`, { retryDelayMs }),
    })
    const providers = [out('east', 60_000), out('west', 20_000), sandbox]
    const refusal = refusalOf('auto', {}, providers)
    expect(refusal).toMatchObject({ reason: 'UPSTREAM_CREDENTIALS', details: { retryDelayMs: 20_000 } })
    expect(refusalOf('east/big', {}, providers).details.retryDelayMs).toBe(60_000)
  })

  it('names at most three reasons', () => {
    const crowd = Array.from({ length: 5 }, (_, index) => model('west', `m${index}`))
    const fallbackModels = crowd.slice(1).map(({ id }) => id)
    expect(refusalOf('m0', { fallbackModels, deny: ['west'] }, [west], crowd).message).toBe(
      'nobody can answer for model "m0": west/m0: routing.deny names it; west/m1: routing.deny names it; ' +
        'west/m2: routing.deny names it and 2 more',
    )
  })
})
