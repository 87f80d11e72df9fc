// Who follows the first one, what is looked at, and what holds or ends the stay of a conversation.
import { describe, expect, it } from 'vitest'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { Kept } from '../../../src/routing/affinity.ts'
import { planRoute } from '../../../src/routing/candidates.ts'
import {
  alike,
  askAuto,
  autoDeps,
  autoModels,
  type Given,
  listAuto,
  planAuto,
} from '../../support/auto-catalogue.ts'

const order = (...args: Parameters<typeof planAuto>): readonly string[] =>
  planAuto(...args).map(({ model }) => model)
const reasons = (...args: Parameters<typeof planAuto>): readonly string[] =>
  planAuto(...args).map(({ reason }) => reason)
const without = (...names: readonly string[]): readonly ModelEntry[] =>
  autoModels.filter(({ provider, id }) => !names.includes(`${provider}/${id}`))
const kept = (name: string, hold: Kept['hold'], cachedTokens = 0): Kept => {
  const [provider = '', model = ''] = name.split('/')
  return { provider, model, hold, cachedTokens }
}

describe('whoever follows the first one', () => {
  it('is of another provider where there is one, so that a dead provider does not take all', () => {
    // Units of a chat: every 1.204, sees 1.505, mini 1.602, main 1.806.
    expect(order()).toEqual(['west/every', 'south/sees', 'east/mini'])
    expect(order({}, { models: without('south/sees', 'south/front') })).toEqual([
      'west/every',
      'east/mini',
      'east/main',
    ])
    expect(reasons({}, { models: without('south/sees', 'south/front') }).slice(1)).toEqual([
      'auto: chat wants an everyday model; next best',
      'auto: chat wants an everyday model; next best',
    ])
    // Main 1.806 would be next, but nano 2 is of the third provider.
    const given = { models: without('west/every') }
    expect(order({}, given)).toEqual(['south/sees', 'east/mini', 'west/nano'])
    expect(reasons({}, given)[2]).toBe('auto: chat wants an everyday model; next provider')
  })

  it('is not of another provider where that is too weak, but the last one is', () => {
    // Tool use takes 3: of south and east only sees and front are left, and mini is too weak.
    const models = without('east/main', 'west/every')
    expect(order({ tools: [{ name: 'look' }] }, { models })).toEqual([
      'south/front',
      'south/sees',
      'east/mini',
    ])
  })

  it('is the first one again of one provider alone', () => {
    expect(order({ routing: { allow: ['east'] } })).toEqual(['east/mini', 'east/main'])
  })
})

describe('an open circuit', () => {
  it('is named where it changes the choice', () => {
    const { candidates, skipped } = listAuto({}, { open: ['west/every'] })
    expect(candidates.map(one => one.model.id)).toEqual(['sees', 'mini', 'nano'])
    expect(skipped).toEqual([
      { provider: 'west', model: 'every', reason: Skip.CIRCUIT_OPEN, message: 'its circuit is open' },
    ])
  })

  it('is asked for only of those who would come first', () => {
    const asked: string[] = []
    const deps = autoDeps()
    planRoute(askAuto(), {
      ...deps,
      circuits: {
        refusal(provider, model) {
          asked.push(`${provider}/${model}`)
          return undefined
        },
      },
    })
    expect(asked).toEqual(['west/every', 'south/sees', 'east/mini'])
  })
})

describe('a model of which no key is left', () => {
  const keyless = (...ids: readonly string[]) => {
    const deps = autoDeps()
    const providers = deps.providers.map(one => ({
      ...one,
      keysLeft: (model: string) => (ids.includes(model) ? 0 : 1),
    }))
    return planRoute(askAuto(), { ...deps, providers })
  }

  it('is passed over while there are others', () => {
    const { candidates, skipped } = keyless('every')
    expect(candidates[0]?.model.id).toBe('sees')
    expect(skipped).toMatchObject([{ model: 'every', reason: Skip.NO_KEY, message: 'no key can ask it now' }])
  })

  it('is asked when there is nobody else: it knows best why nobody answers', () => {
    const all = autoModels.map(({ id }) => id)
    expect(keyless(...all).candidates).toHaveLength(1)
  })
})

describe('models that are equally good', () => {
  const twin = (provider: string, id: string, released?: string): ModelEntry => {
    const [model] = autoModels.filter(one => one.id === 'every')
    if (model === undefined) throw new Error('the table has no such model')
    return { ...model, provider, id, released }
  }

  it('come in configured order, of one provider the newer one first, and then the smaller id', () => {
    const models = [twin('south', 's'), twin('west', 'w'), twin('east', 'old', '2025-01'), twin('east', 'b')]
    const more = [twin('east', 'a'), twin('east', 'new', '2026-01')]
    const plan = planAuto({}, { models: [...models, ...more] })
    expect(plan.map(({ model }) => model)).toEqual(['east/new', 'west/w', 'south/s'])
    expect(plan[0]?.reason).toBe('auto: chat wants an everyday model; first of equals')
    const rest = planAuto({ routing: { allow: ['east'] } }, { models: [...models, ...more] })
    expect(rest.map(({ model }) => model)).toEqual(['east/new', 'east/old', 'east/a'])
  })

  it('but for a price that nobody knows come before that one', () => {
    const unknown = { ...twin('east', 'unknown'), price: undefined }
    expect(order({}, { models: [unknown, twin('west', 'w')] })).toEqual(['west/w', 'east/unknown'])
  })
})

describe('a conversation', () => {
  it('is at home before all others, who follow as they would', () => {
    const plan = planAuto({}, { kept: kept('east/main', 'signed') })
    expect(plan).toEqual([
      { model: 'east/main', reason: "auto: stays with the conversation's model (signed reasoning)" },
      { model: 'west/every', reason: 'auto: chat wants an everyday model; next best' },
      { model: 'south/sees', reason: 'auto: chat wants an everyday model; next best' },
    ])
  })

  it('finds its model in any letter case, and as a guest where auto does not offer it', () => {
    expect(order({}, { kept: kept('east/MAIN', 'warm') })[0]).toBe('east/main')
    const models = autoModels.map(one => (one.id === 'main' ? { ...one, status: 'preview' as const } : one))
    expect(order({}, { models, kept: kept('east/main', 'signed') })[0]).toBe('east/main')
    expect(order({}, { models, kept: kept('west/every', 'signed') })).not.toContain('east/main')
  })

  it('leaves a model that is gone, and says when that was', () => {
    const models = autoModels.map(one => (one.id === 'main' ? { ...one, shutdown: '2026-11-20' } : one))
    expect(planAuto({}, { models, kept: kept('east/main', 'signed') })[0]).toEqual({
      model: 'west/every',
      reason: 'auto: left east/main because main was shut down by east on 2026-11-20',
    })
  })

  it('that the request takes elsewhere does not count there', () => {
    const plan = listAuto({ routing: { fallbackModels: ['front'] } }, { kept: kept('west/every', 'warm') })
    expect(plan.candidates.map(one => one.model.id)).toEqual(['every', 'sees', 'mini', 'front'])
    const explicit = listAuto(
      { model: 'every', routing: { fallbackModels: ['auto'] } },
      { kept: kept('west/every', 'warm') },
    )
    expect(explicit.candidates.map(one => one.reason).slice(0, 2)).toEqual([
      'explicit model',
      'auto: chat wants an everyday model; best quality',
    ])
  })

  it('saves by its cache what makes it worth to stay', () => {
    // Of 10,000 tokens in and 500 out nearly all are cached for nothing: 0.5 of 10.5 thousand are left, 1.3 powers of ten.
    const models = autoModels.map(one =>
      one.id === 'front' && one.price !== undefined
        ? { ...one, price: { ...one.price, cachedInput: 0n } }
        : one,
    )
    const given: Given = { models, inputTokens: 10_000 }
    const cold = planAuto({}, { ...given, kept: kept('south/front', 'loose') })
    expect(cold[0]?.model).toBe('west/every')
    const warm = planAuto({}, { ...given, kept: kept('south/front', 'loose', 10_000) })
    expect(warm[0]).toEqual({
      model: 'south/front',
      reason: "auto: stays with the conversation's model (none is clearly better)",
    })
  })

  it('of many turns never flaps, however the numbers jump', () => {
    let home: Kept | undefined
    const seen: string[] = []
    for (let turn = 0; turn < 60; turn += 1) {
      // Each turn another model is three times as quick as usual, and another one fails a tenth of its calls.
      const names = autoModels.map(({ provider, id }) => `${provider}/${id}`)
      const live = {
        [names[turn % names.length] ?? '']: { ...alike, firstTokenMs: 100, tokensPerSecond: 300 },
        [names[(turn + 2) % names.length] ?? '']: { ...alike, successRate: 0.9 },
      }
      const [first] = planAuto({}, { live, kept: home })
      const name = first?.model ?? ''
      seen.push(name)
      home = kept(name, 'loose')
    }
    expect(new Set(seen).size).toBe(1)
  })
})
