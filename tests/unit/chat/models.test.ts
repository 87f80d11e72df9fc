// What ListModels and CountTokens say.
import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { ListModelsResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { Model_ReasoningMode as Mode, Model_StructuredOutput as Structured } from '#gen/exai/v1/model_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { countTokens as counted, listModels } from '../../../src/chat/models.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { CountInput, Provider } from '../../../src/core/provider.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { NO_CONVERSATIONS } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const known: ModelEntry = {
  ...assumedEntry('one', 'known'),
  aliases: ['k'],
  notes: 'a model',
  contextWindow: 1000,
  maxInputTokens: 900,
  maxOutputTokens: 100,
  modalitiesIn: ['text', 'image'],
  modalitiesOut: ['text'],
  tools: false,
  structuredOutput: 'json_object',
  reasoning: 'always',
  reasoningEfforts: ['none', 'xhigh'],
  status: 'deprecated',
  shutdown: '2026-07-01',
  price: {
    input: 2n,
    cachedInput: 1n,
    cacheWrite: undefined,
    output: 8n,
    tiers: [{ aboveInputTokens: 500, input: 4n, cachedInput: undefined, cacheWrite: 5n, output: 16n }],
  },
}
const models = [
  known,
  assumedEntry('two', 'plain'),
  { ...assumedEntry('one', 'vectors'), endpoints: ['embeddings'] as const },
  assumedEntry('elsewhere', 'foreign'),
]
const now = () => Date.parse('2026-06-01T00:00:00Z')
const catalogue = createCatalogue({ models: { asOf: '2026-01-01', problems: [], models }, now })
const one = createScriptedProvider('one', [])
const two = { ...createScriptedProvider('two', []), unusableReason: 'TWO_API_KEY is not set' }
const routing = { catalogue, providers: [two, one], now }
const listed = (provider = '') => create(ListModelsResponseSchema, listModels(provider, routing)).models

describe('the list of models', () => {
  it('has every model of the configured providers, in configured order', () => {
    expect(listed().map(({ provider, id }) => `${provider}/${id}`)).toEqual([
      'two/plain',
      'one/known',
      'one/vectors',
    ])
  })

  it('has the models of one provider when asked, and none of an unknown one', () => {
    expect(listed('one').map(({ id }) => id)).toEqual(['known', 'vectors'])
    expect(listed('elsewhere')).toEqual([])
  })

  it('says what is known of a model', () => {
    expect(listed('one')[0]).toMatchObject({
      id: 'known',
      aliases: ['k'],
      description: 'a model',
      contextWindowTokens: 1000,
      maxInputTokens: 900,
      maxOutputTokens: 100,
      inputModalities: ['text', 'image'],
      outputModalities: ['text'],
      tools: false,
      structuredOutput: Structured.JSON,
      reasoning: Mode.ALWAYS,
      reasoningEfforts: [ReasoningEffort.NONE, ReasoningEffort.XHIGH],
      lifecycle: 'deprecated',
      // 2026-07-01T00:00:00Z.
      shutdownTime: { seconds: 1_782_864_000n, nanos: 0 },
      unroutableReason: '',
      price: {
        inputNanoUsdPerMillion: 2n,
        cachedInputNanoUsdPerMillion: 1n,
        outputNanoUsdPerMillion: 8n,
        priceVersion: catalogue.version,
        tiers: [
          {
            aboveInputTokens: 500,
            inputNanoUsdPerMillion: 4n,
            cacheWriteNanoUsdPerMillion: 5n,
            outputNanoUsdPerMillion: 16n,
          },
        ],
      },
    })
    expect(listed('one')[0]?.price?.cacheWriteNanoUsdPerMillion).toBeUndefined()
  })

  it('leaves the unknown out: 0 for sizes, and no price at all', () => {
    const [plain] = listed('two')
    expect(plain).toMatchObject({ contextWindowTokens: 0, maxOutputTokens: 0, reasoning: Mode.OPTIONAL })
    expect(plain?.price).toBeUndefined()
    expect(plain?.shutdownTime).toBeUndefined()
  })

  it('has after them what an open-ended provider lists and nobody described', () => {
    const told = [assumedEntry('one', 'KNOWN'), assumedEntry('one', 'k'), assumedEntry('one', 'new')]
    const open = createCatalogue({
      models: { asOf: '2026-01-01', problems: [], models },
      now,
      openEnded: ['one'],
      listings: { of: () => told, find: () => undefined },
    })
    const { models: all = [] } = listModels('', { ...routing, catalogue: open })
    expect(all.map(({ provider, id }) => `${provider}/${id}`)).toEqual([
      'two/plain',
      'one/known',
      'one/vectors',
      'one/new',
    ])
  })

  it('can be sent whatever size and day a provider claims', () => {
    const vast = { contextWindow: 2 ** 40, maxOutputTokens: 2 ** 31, shutdown: '2026-99-99' }
    const told = [{ ...assumedEntry('one', 'vast'), ...vast }]
    const open = createCatalogue({
      models: { asOf: '2026-10-01', models: [], problems: [] },
      now,
      openEnded: ['one'],
      listings: { of: () => told, find: () => undefined },
    })
    const list = create(ListModelsResponseSchema, listModels('one', { ...routing, catalogue: open }))
    expect(() => toBinary(ListModelsResponseSchema, list)).not.toThrow()
    expect(list.models).toMatchObject([
      { id: 'vast', contextWindowTokens: 2_147_483_647, maxOutputTokens: 2_147_483_647 },
    ])
    expect(list.models[0]?.shutdownTime).toBeUndefined()
  })

  it('says why a model cannot be asked now', () => {
    expect(listed().map(({ unroutableReason }) => unroutableReason)).toEqual([
      'TWO_API_KEY is not set',
      '',
      'vectors is an embedding model and cannot chat: call Embed',
    ])
  })
})

describe('a count of tokens', () => {
  const deps = { routing, counter: createTokenCounter(), clock: systemClock, conversations: NO_CONVERSATIONS }

  it('names who would be asked first, and is an estimate', async () => {
    const count = await counted(createTestCall().call, ask('hello world', { model: 'K' }), deps)
    // "hello world" is 2 tokens of o200k; one message adds 4 and the answer's priming 3.
    expect(count).toEqual({
      inputTokens: 9,
      provenance: Provenance.ESTIMATED,
      provider: 'one',
      model: 'known',
    })
  })

  it.each([
    ['a broken rule', { model: 'known', temperature: 3 }, 'INVALID_REQUEST'],
    ['an empty message', { model: 'known', messages: [{ role: 2 as const }] }, 'INVALID_REQUEST'],
    ['an unknown model', { model: 'nope' }, 'MODEL_NOT_FOUND'],
    ['a model without a key', { model: 'plain' }, 'NO_CANDIDATE'],
  ])('is refused for %s, as the call itself would be', async (_, over, reason) => {
    const failed = counted(createTestCall().call, ask('hi', over), deps)
    await expect(failed).rejects.toMatchObject({ reason })
  })

  it('asks nobody about a model or a tool that the caller may not use', async () => {
    const policies = [
      { allowedModels: [], deniedModels: ['one/*'], allowedTools: [], deniedTools: ['web_search'] },
    ]
    const limits = { of: () => ({ needsTokens: false, policies, reserve: () => undefined }) }
    for (const over of [{ model: 'known' }, { model: 'auto', webSearch: {} }])
      await expect(
        counted(createTestCall().call, ask('hi', over), { ...deps, limits }),
      ).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' })
  })

  it('ends with its call', async () => {
    const { call, end } = createTestCall()
    end(new GatewayError('CANCELLED', 'the client left'))
    const failed = counted(call, ask('hi', { model: 'known' }), deps)
    await expect(failed).rejects.toMatchObject({ reason: 'CANCELLED' })
  })
})

describe('a count of the provider', () => {
  const asked: CountInput[] = []
  const counting = (countTokens: Provider['countTokens'], deadlineInMs = 600_000) => {
    const one = { ...createScriptedProvider('one', []), ...(countTokens && { countTokens }) }
    const { call, end } = createTestCall()
    const deps = {
      routing: { ...routing, providers: [two, one] },
      counter: createTokenCounter(),
      clock: systemClock,
      conversations: NO_CONVERSATIONS,
    }
    const request = ask('hello world', {
      model: 'toolbox',
      tools: [{ name: 'look', description: 'hello world' }],
      responseFormat: { format: { case: 'jsonSchema', value: { name: 'world', schema: {} } } },
    })
    const toolbox = assumedEntry('one', 'toolbox')
    const catalogue = createCatalogue({
      models: { asOf: '2026-01-01', problems: [], models: [toolbox] },
      now,
    })
    const count = counted({ ...call, deadlineAtMs: performance.now() + deadlineInMs }, request, {
      ...deps,
      routing: { ...deps.routing, catalogue },
    })
    return { count, end }
  }
  // 9 of the messages as above, "look" 1, "hello world" 2, and the format: "world" 1, "{}" 1.
  const estimated = { inputTokens: 14, provenance: Provenance.ESTIMATED, provider: 'one', model: 'toolbox' }

  it('is reported, and is of the whole request', async () => {
    const { count } = counting(async input => {
      asked.push(input)
      return { tokens: 21, notCounted: [] }
    })
    expect(await count).toEqual({ ...estimated, inputTokens: 21, provenance: Provenance.REPORTED })
    expect(asked).toMatchObject([{ model: { id: 'toolbox' }, messages: [{}], request: { tools: [{}] } }])
  })

  it.each([
    [['tools'], 103],
    [['tools', 'response_format'], 105],
  ])('without its %s is an estimate, to which ours of them is added', async (notCounted, inputTokens) => {
    const { count } = counting(async () => ({ tokens: 100, notCounted }))
    expect(await count).toEqual({ ...estimated, inputTokens })
  })

  it.each<[string, Provider['countTokens']]>([
    ['has none', undefined],
    ['has none for the model', async () => undefined],
    ['fails', async () => Promise.reject(new GatewayError('UPSTREAM_UNAVAILABLE', 'one is down'))],
    ['says more than there can be', async () => ({ tokens: 2 ** 31, notCounted: [] })],
  ])('is estimated here when it %s', async (_, countTokens) => {
    expect(await counting(countTokens).count).toEqual(estimated)
  })

  const silent: Provider['countTokens'] = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

  it('is estimated here when it takes half of the time that is left', async () => {
    expect(await counting(silent, 100).count).toEqual(estimated)
  })

  it('ends with its call', async () => {
    const { count, end } = counting(silent)
    end(new GatewayError('CANCELLED', 'the client left'))
    await expect(count).rejects.toMatchObject({ reason: 'CANCELLED' })
  })
})
