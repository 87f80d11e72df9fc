// What ExplainRoute says: who would be asked, what it could cost, who not and why, and that nobody is asked.
import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ExplainRouteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { explainRoute } from '../../../src/chat/explain.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { NO_CONVERSATIONS } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const price = {
  input: 2_000_000_000n,
  output: 10_000_000_000n,
  cachedInput: undefined,
  cacheWrite: undefined,
  tiers: [],
}
const models: readonly ModelEntry[] = [
  { ...assumedEntry('one', 'known'), price, maxOutputTokens: 100, contextWindow: 500 },
  { ...assumedEntry('one', 'blind'), modalitiesIn: ['text'], tools: false },
  { ...assumedEntry('two', 'mystery'), maxOutputTokens: 100 },
]
const one = createScriptedProvider('one', [])
const two = createScriptedProvider('two', [])
const catalogue = createCatalogue({
  models: { asOf: '2026-01-01', problems: [], models },
  now: () => 0,
})
const counter = createTokenCounter()

type Over = Parameters<typeof ask>[1]

async function explained(over: Over, providers: readonly Provider[] = [one, two]) {
  const routing = { catalogue, providers, now: () => 0 }
  // "hello world" is 2 tokens of o200k; one message adds 4 and the answer's priming 3.
  const request = ask('hello world', over)
  const answer = await explainRoute(createTestCall().call, request, {
    routing: { ...routing, configVersion: 7 },
    counter,
    conversations: NO_CONVERSATIONS,
  })
  return create(ExplainRouteResponseSchema, answer)
}

describe('the explanation of a route', () => {
  it('names who would be asked, in order, and what each may cost at most', async () => {
    const answer = await explained({ model: 'known', routing: { fallbackModels: ['mystery'] } })
    expect(answer).toMatchObject({
      requestedModel: 'known',
      inputTokens: 9,
      configVersion: 7,
      skipped: [],
      candidates: [
        // 9 × 2,000 + 100 × 10,000.
        { provider: 'one', model: 'known', reason: 'explicit model', maxCostNanoUsd: 1_018_000n },
        { provider: 'two', model: 'mystery', reason: 'fallback model' },
      ],
    })
    expect(answer.candidates[1]?.maxCostNanoUsd).toBeUndefined()
  })

  it('takes the cap of the request into the price', async () => {
    const { candidates } = await explained({ model: 'known', maxOutputTokens: 10 })
    expect(candidates).toMatchObject([{ maxCostNanoUsd: 118_000n }])
  })

  it('asks nobody', async () => {
    await explained({ model: 'auto' })
    expect([one.asked, two.asked]).toEqual([[], []])
  })

  it('says why nobody would be asked, instead of failing', async () => {
    const tools = [{ name: 'look' }]
    expect(await explained({ model: 'blind', tools })).toMatchObject({
      candidates: [],
      skipped: [
        { provider: 'one', model: 'blind', reason: Skip.CAPABILITY, message: 'it cannot call tools' },
      ],
    })
    expect(await explained({ model: 'known', routing: { maxCostNanoUsd: 1_017_999n } })).toMatchObject({
      candidates: [],
      skipped: [
        {
          reason: Skip.PRICE,
          message: 'may cost 1018000 nano-USD, and routing.max_cost_nano_usd is 1017999',
        },
      ],
    })
    expect(await explained({ model: 'known', routing: { deny: ['one'] } })).toMatchObject({
      candidates: [],
      skipped: [{ reason: Skip.POLICY }],
    })
  })

  it('says that a request is too long, or that every key is out, in the same way', async () => {
    const long = { messages: ask('word '.repeat(600)).messages }
    // 600 words, the space after the last one, and 7 around the one message.
    expect(await explained({ ...long, model: 'known' })).toMatchObject({
      candidates: [],
      inputTokens: 608,
      skipped: [{ reason: Skip.CAPABILITY, message: 'needs 608 tokens, its context window is 500' }],
    })
    const outage = new GatewayError('UPSTREAM_CREDENTIALS', 'every key of one is out')
    const out = { ...one, unusableReason: outage.message, outage }
    expect(await explained({ model: 'known' }, [out])).toMatchObject({
      candidates: [],
      skipped: [{ reason: Skip.NO_KEY, message: 'every key of one is out' }],
    })
  })

  it('names a candidate with several keys once', async () => {
    const { candidates } = await explained({ model: 'known' }, [{ ...one, keysLeft: () => 3 }])
    expect(candidates).toHaveLength(1)
  })

  it('can be sent whatever price a model has', async () => {
    const wild = { ...assumedEntry('three', 'wild'), maxOutputTokens: 2 ** 40 }
    const routing = {
      catalogue: createCatalogue({
        models: {
          asOf: '2026-01-01',
          problems: [],
          models: [{ ...wild, price: { ...price, output: 10n ** 18n } }],
        },
        now: () => 0,
      }),
      providers: [createScriptedProvider('three', [])],
      now: () => 0,
    }
    const answer = create(
      ExplainRouteResponseSchema,
      await explainRoute(createTestCall().call, ask('hi', { model: 'wild' }), {
        routing: { ...routing, configVersion: 1 },
        counter,
        conversations: NO_CONVERSATIONS,
      }),
    )
    expect(() => toBinary(ExplainRouteResponseSchema, answer)).not.toThrow()
    expect(answer.candidates[0]?.maxCostNanoUsd).toBe(9_223_372_036_854_775_807n)
  })
})

describe('a request that Complete refuses', () => {
  const refused: readonly (readonly [string, Over, string])[] = [
    ['a field that is wrong', { model: 'known', temperature: 3 }, 'INVALID_REQUEST'],
    [
      'a conversation that is not there',
      { model: 'known', conversationId: 'conv_1' },
      'CONVERSATION_NOT_FOUND',
    ],
    ['a message without parts', { model: 'known', messages: [{ role: 2 }] }, 'INVALID_REQUEST'],
    ['a model that nobody has', { model: 'nope' }, 'MODEL_NOT_FOUND'],
    [
      'a fallback that nobody has',
      { model: 'known', routing: { fallbackModels: ['nope'] } },
      'MODEL_NOT_FOUND',
    ],
  ]
  it.each(refused)('for %s is refused here, too', async (_, over, reason) => {
    await expect(explained(over)).rejects.toMatchObject({ reason })
  })

  it('because it was over is so here, too', async () => {
    const { call, end } = createTestCall()
    end(new GatewayError('DEADLINE_EXCEEDED', 'too late'))
    const routing = { catalogue, providers: [one], now: () => 0 }
    await expect(
      explainRoute(call, ask('hi', { model: 'known' }), {
        routing: { ...routing, configVersion: 1 },
        counter,
        conversations: NO_CONVERSATIONS,
      }),
    ).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
  })

  it.each([
    ['a tool that the policy denies', { webSearch: {} }],
    ['a prompt that is too long for the policy', {}],
  ])('for %s is refused here, too', async (_, over) => {
    const none = { allowedModels: [], deniedModels: [], allowedTools: [] }
    const policies = [{ ...none, deniedTools: ['web_search'], maxPromptTokens: 1 }]
    await expect(
      explainRoute(createTestCall().call, ask('hello world', { model: 'known', ...over }), {
        routing: { catalogue, providers: [one], now: () => 0, configVersion: 1 },
        counter,
        conversations: NO_CONVERSATIONS,
        limits: { of: () => ({ needsTokens: true, policies, reserve: () => undefined }) },
      }),
    ).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' })
  })
})
