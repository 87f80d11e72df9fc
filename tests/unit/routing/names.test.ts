// Configured chains of fallback models, circuits and outages: who follows, who is left out, and what is answered then.
import { describe, expect, it } from 'vitest'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { listCandidates, planRoute } from '../../../src/routing/candidates.ts'
import { usesAuto } from '../../../src/routing/names.ts'
import { askAuto, autoDeps, type Given } from '../../support/auto-catalogue.ts'

const chains = new Map([
  ['main', ['every', 'nobody-has-it', 'SEES']],
  ['south/front', ['main']],
  ['auto', ['nano']],
])
function planOf(over: Parameters<typeof askAuto>[0], given: Given = {}, known = chains) {
  const { candidates, skipped } = planRoute(askAuto(over), { ...autoDeps(given), chains: known })
  return {
    order: candidates.map(one => `${one.provider.id}/${one.model.id}`),
    reasons: candidates.map(one => one.reason),
    skipped: skipped.map(one => [`${one.provider}/${one.model}`, one.reason]),
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

describe('a configured chain', () => {
  it('follows an explicit model, and passes over what nobody serves', () => {
    const { order, reasons } = planOf({ model: 'main' })
    expect(order).toEqual(['east/main', 'west/every', 'south/sees'])
    expect(reasons).toEqual(['explicit model', 'configured fallback', 'configured fallback'])
  })

  it.each(['MAIN', 'east/main', 'East/Main'])('is found for %s, too', name => {
    expect(planOf({ model: name }).order).toHaveLength(3)
  })

  it('is found for the bare id of what is configured as provider/id, and does not go on from chain to chain', () => {
    expect(planOf({ model: 'front' }).order).toEqual(['south/front', 'east/main'])
  })

  it('gives way to the fallback models of the request', () => {
    expect(planOf({ model: 'main', routing: { fallbackModels: ['nano'] } }).order).toEqual([
      'east/main',
      'west/nano',
    ])
  })

  it('is nothing for auto, nor for a model without one', () => {
    expect(planOf({ model: 'auto' }).order).not.toContain('west/nano')
    expect(planOf({ model: 'mini' }).order).toEqual(['east/mini'])
  })
})

describe('an open circuit', () => {
  it('passes over an explicit model, which its fallbacks follow', () => {
    const { order, skipped } = planOf({ model: 'main' }, { open: ['east/main'] })
    expect(order).toEqual(['west/every', 'south/sees'])
    expect(skipped).toEqual([['east/main', Skip.CIRCUIT_OPEN]])
  })

  it('of everybody is UNAVAILABLE with the time until the first of them is tried', () => {
    const refusal = refusalOf({ model: 'mini' }, { open: ['east/mini'] })
    expect([refusal.reason, refusal.code]).toEqual(['UPSTREAM_UNAVAILABLE', 'UNAVAILABLE'])
    expect(refusal.message).toBe('east/mini: its circuit is open')
    expect(refusal.details).toMatchObject({ provider: 'east', model: 'mini', retryDelayMs: 30_000 })
    const all = ['west/nano', 'east/mini', 'west/every', 'south/sees', 'east/main', 'south/front']
    expect(refusalOf({}, { open: all }).reason).toBe('UPSTREAM_UNAVAILABLE')
  })

  it('beside keys that are out answers with whoever is back first', () => {
    // The keys are back in 20 s, the circuit is tried in 30 s.
    const over = { model: 'mini', routing: { fallbackModels: ['every'] } }
    const refusal = refusalOf(over, { open: ['east/mini'], out: ['west'] })
    expect(refusal).toMatchObject({ reason: 'UPSTREAM_LIMITED', details: { retryDelayMs: 20_000 } })
  })

  it('does not hide that the others cannot do it', () => {
    const over = { model: 'mini', routing: { fallbackModels: ['every'], deny: ['every'] } }
    const { skipped } = listCandidates(askAuto(over), autoDeps({ open: ['east/mini'] }))
    expect(skipped.map(one => one.reason)).toEqual([Skip.CIRCUIT_OPEN, Skip.POLICY])
  })
})

it.each<[Parameters<typeof askAuto>[0], boolean]>([
  [{ model: 'auto' }, true],
  [{ model: 'AUTO' }, true],
  [{ model: 'main', routing: { fallbackModels: ['Auto'] } }, true],
  [{ model: 'main', routing: { fallbackModels: ['every'] } }, false],
  [{ model: 'main' }, false],
])('whether %j leaves the choice to auto: %s', (over, expected) => {
  expect(usesAuto(askAuto(over))).toBe(expected)
})
