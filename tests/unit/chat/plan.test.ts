// What length, price ceiling and several keys do to a call: who is asked with what, and what it is told.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteAttempt_Outcome as Outcome, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { planCall } from '../../../src/chat/plan.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const price = {
  input: 2_000_000_000n,
  output: 10_000_000_000n,
  cachedInput: undefined,
  cacheWrite: undefined,
  tiers: [],
}
const entry = (provider: string, over: Partial<ModelEntry>): ModelEntry => ({
  ...assumedEntry(provider, `${provider}-model`),
  ...over,
})

async function complete(providers: readonly Provider[], ...request: Parameters<typeof ask>) {
  const rig = createCompletionRig(providers)
  return create(CompleteResponseSchema, await rig.complete(createTestCall().call, ask(...request)))
}

describe('a price ceiling', () => {
  const ceiling = { routing: { maxCostNanoUsd: 1_000_000_000n } }

  it('caps an answer that the request leaves open, and warns', async () => {
    const one = createScriptedProvider(
      'one',
      [saying('Hi')],
      [entry('one', { price, maxOutputTokens: 128_000 })],
    )
    const answer = await complete([one], 'hi', ceiling)
    expect(one.asked[0]?.request.maxOutputTokens).toBe(16_384)
    expect(answer.warnings).toMatchObject([
      {
        reason: Warning_Reason.CLAMPED,
        field: 'max_output_tokens',
        message: '16384: with routing.max_cost_nano_usd an answer needs a cap, and the request sets none',
      },
    ])
  })

  it('sends the most that a model writes without a warning', async () => {
    const one = createScriptedProvider('one', [saying('Hi')], [entry('one', { price, maxOutputTokens: 500 })])
    const answer = await complete([one], 'hi', ceiling)
    expect(one.asked[0]?.request.maxOutputTokens).toBe(500)
    expect(answer.warnings).toEqual([])
  })

  it('leaves a cap as it is', async () => {
    const one = createScriptedProvider('one', [saying('Hi')], [entry('one', { price })])
    const answer = await complete([one], 'hi', { ...ceiling, maxOutputTokens: 20_000 })
    expect(one.asked[0]?.request.maxOutputTokens).toBe(20_000)
    expect(answer.warnings).toEqual([])
  })

  it('passes over who may cost more, and says so in the route', async () => {
    const dear = createScriptedProvider('one', [saying('Hi')], [entry('one', { price, maxOutputTokens: 50 })])
    const free = createScriptedProvider(
      'two',
      [saying('Hi')],
      [entry('two', { price: { ...price, input: 0n, output: 0n } })],
    )
    const routing = { maxCostNanoUsd: 1_000n, fallbackModels: ['two-model'] }
    const answer = await complete([dear, free], 'hello world', { routing })
    expect(answer.provider).toBe('two')
    expect(dear.asked).toEqual([])
    // 9 × 2,000 + 50 × 10,000.
    expect(answer.route?.skipped).toMatchObject([
      {
        provider: 'one',
        reason: Skip.PRICE,
        message: 'may cost 518000 nano-USD, and routing.max_cost_nano_usd is 1000',
      },
    ])
  })
})

describe('a request that is too long for its model', () => {
  const small = () => createScriptedProvider('one', [saying('Hi')], [entry('one', { contextWindow: 500 })])
  // 600 words, the space after the last one, and 7 around the one message.
  const long = 'word '.repeat(600)

  it('is refused before anybody is asked', async () => {
    const one = small()
    await expect(complete([one], long)).rejects.toMatchObject({
      reason: 'CONTEXT_TOO_LONG',
      message:
        'nobody can answer for model "one-model": one/one-model: needs 608 tokens, its context window is 500',
    })
    expect(one.asked).toEqual([])
  })

  it('is answered by a fallback that it fits', async () => {
    const two = createScriptedProvider('two', [saying('Hi')])
    const answer = await complete([small(), two], long, { routing: { fallbackModels: ['two-model'] } })
    expect(answer.provider).toBe('two')
  })

  it('only by its characters is counted, and passes', async () => {
    // 600 characters are more than 500, and 125 tokens less.
    const one = small()
    await complete([one], 'word '.repeat(120))
    expect(one.asked).toHaveLength(1)
  })
})

describe('tokens', () => {
  const catalogue = createCatalogue({
    models: {
      asOf: '2026-01-01',
      problems: [],
      models: [entry('one', { contextWindow: 100, price, maxOutputTokens: 10 })],
    },
    now: () => 0,
  })
  const routing = { catalogue, providers: [createScriptedProvider('one', [])], now: () => 0 }
  const counts = (...request: Parameters<typeof ask>): boolean => {
    const made = ask(...request)
    const plan = planCall(
      made,
      made.messages,
      { routing, counter: createTokenCounter() },
      createTestCall().call.signal,
    )
    return plan instanceof Promise
  }

  it('are counted only where characters leave it open whether the request fits', () => {
    // 7 are added for the one message.
    expect(counts('a'.repeat(93))).toBe(false)
    expect(counts('a'.repeat(94))).toBe(true)
    expect(counts('a'.repeat(84), { maxOutputTokens: 10 })).toBe(true)
  })

  it('are counted for a price ceiling', () => {
    expect(counts('a', { routing: { maxCostNanoUsd: 10n ** 12n } })).toBe(true)
  })
})

describe('a provider with several keys', () => {
  const refused = () => new GatewayError('UPSTREAM_CREDENTIALS', 'refused', { upstreamStatus: 401 })
  const keyed = (scripts: Parameters<typeof createScriptedProvider>[1], left: () => number) => {
    const one = createScriptedProvider('one', scripts)
    return { asked: one.asked, provider: { ...one, keysLeft: left } }
  }
  const outcomes = ({ route }: Awaited<ReturnType<typeof complete>>) =>
    route?.attempts.map(({ provider, outcome }) => [provider, outcome])

  it('is asked again when it refused the key', async () => {
    const { provider } = keyed([[refused()], [refused()], saying('Hi')], () => 3)
    const answer = await complete([provider], 'hi')
    expect(outcomes(answer)).toEqual([
      ['one', Outcome.FAILED],
      ['one', Outcome.FAILED],
      ['one', Outcome.SUCCEEDED],
    ])
    expect(answer.route?.reason).toBe('explicit model')
    expect(answer.route?.skipped).toEqual([])
  })

  it('is asked three times at most', async () => {
    const { asked, provider } = keyed([[refused()]], () => 9)
    await expect(complete([provider], 'hi')).rejects.toMatchObject({ reason: 'UPSTREAM_CREDENTIALS' })
    expect(asked).toHaveLength(3)
  })

  it('is asked once when it was down, and the next candidate follows', async () => {
    const { asked, provider } = keyed([[new GatewayError('UPSTREAM_UNAVAILABLE', 'down')]], () => 3)
    const two = createScriptedProvider('two', [saying('here')])
    const answer = await complete([provider, two], 'hi', { routing: { fallbackModels: ['two-model'] } })
    expect(outcomes(answer)).toEqual([
      ['one', Outcome.FAILED],
      ['two', Outcome.SUCCEEDED],
    ])
    expect(asked).toHaveLength(1)
  })

  it('is not asked again when the keys have run out meanwhile', async () => {
    const { asked, provider } = keyed([[refused()]], () => (asked.length === 0 ? 2 : 0))
    await expect(complete([provider], 'hi')).rejects.toMatchObject({
      reason: 'UPSTREAM_CREDENTIALS',
      message: 'refused',
    })
    expect(asked).toHaveLength(1)
  })
})
