// Finding models by name, suggesting names, and saying why a model cannot be used.
import { describe, expect, test } from 'vitest'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry, type ConfiguredModel } from '../../../src/catalogue/configured.ts'
import { unroutableReason } from '../../../src/catalogue/entry.ts'

const day = (date: string) => Date.parse(`${date}T00:00:00Z`)
const configured: readonly ConfiguredModel[] = [
  { provider: 'relay', id: 'glm-5.3' },
  { provider: 'relay', id: 'Meta/llama-5', aliases: ['gpt-6-sol', 'llama'] },
]

function catalogue(models: readonly ConfiguredModel[] = configured, at = day('2026-11-22')) {
  return createCatalogue({
    models: bundledModels(),
    now: () => at,
    configured: models,
    openEnded: ['ollama'],
  })
}

describe('find', () => {
  const all = ['openai', 'glm', 'kimi', 'minimax', 'relay', 'ollama']
  test.each([
    ['an id', 'gpt-6-sol', all, ['openai gpt-6-sol']],
    ['an id in another case', 'GPT-6-Sol', all, ['openai gpt-6-sol']],
    ['an id whose own case is mixed', 'minimax-m3', all, ['minimax MiniMax-M3']],
    ['a provider and id', 'kimi/kimi-k3', all, ['kimi kimi-k3']],
    ['a provider and id in another case', 'OpenAI/GPT-6-SOL', all, ['openai gpt-6-sol']],
    ['an alias', 'gpt-5.6', all, ['openai gpt-5.6-sol']],
    ['a provider and alias', 'openai/GPT-5.6-2026-07-09', all, ['openai gpt-5.6-sol']],
    ['an id of two providers', 'glm-5.3', ['glm', 'relay'], ['glm glm-5.3', 'relay glm-5.3']],
    ['the same in the other order', 'glm-5.3', ['relay', 'glm'], ['relay glm-5.3', 'glm glm-5.3']],
    ['an id of two providers, one named', 'relay/glm-5.3', all, ['relay glm-5.3']],
    ['an id with a slash of its own', 'meta/llama-5', all, ['relay Meta/llama-5']],
    ['the same behind its provider', 'relay/meta/llama-5', all, ['relay Meta/llama-5']],
    ['an alias that is another model’s id', 'gpt-6-sol', ['relay', 'openai'], ['openai gpt-6-sol']],
    ['that alias where the id is not served', 'gpt-6-sol', ['relay'], ['relay Meta/llama-5']],
    ['any id of an open-ended provider', 'ollama/Qwen3:8b', all, ['ollama Qwen3:8b']],
    ['an unknown id with no provider named', 'qwen3:8b', all, []],
    ['nothing behind an open-ended provider', 'ollama/', all, []],
    ['an open-ended provider that is not configured', 'ollama/qwen3:8b', ['openai'], []],
    ['an endless id of an open-ended provider', `ollama/${'x'.repeat(4_096)}`, all, []],
    ['an id of a provider that is not configured', 'kimi-k3', ['openai'], []],
    ['another provider’s id', 'openai/kimi-k3', all, []],
    ['a vendor’s other name, which is no provider id', 'zai/glm-5.3', all, []],
    ['auto, which is not a model', 'auto', all, []],
    ['an empty name', '', all, []],
  ])('resolves %s', (_, name, providers, found) => {
    const matches = catalogue().find(name, { providers })
    expect(matches.map(entry => `${entry.provider} ${entry.id}`)).toEqual(found)
  })

  test.each([
    ['a bare id', 'qwen3:8b', ['ollama Qwen3:8b 8000']],
    ['its provider and id', 'ollama/qwen3:8b', ['ollama Qwen3:8b 8000']],
    ['an id that is known elsewhere', 'glm-5.3', ['relay glm-5.3 undefined']],
    ['an id that is not listed', 'ollama/other', ['ollama other undefined']],
    ['a bare id that is not listed', 'other', []],
    ['an id that only a closed provider lists', 'secret', []],
  ])('takes what open-ended providers list last, by %s', (_, name, found) => {
    const listed = [
      { ...assumedEntry('ollama', 'Qwen3:8b'), contextWindow: 8000 },
      { ...assumedEntry('ollama', 'glm-5.3'), contextWindow: 8000 },
      assumedEntry('relay', 'secret'),
    ]
    const ofProvider = (provider: string) => listed.filter(entry => entry.provider === provider)
    const models = createCatalogue({
      models: bundledModels(),
      now: () => day('2026-11-22'),
      configured,
      openEnded: ['ollama'],
      listings: {
        of: ofProvider,
        find: (provider, id) =>
          ofProvider(provider).find(entry => entry.id.toLowerCase() === id.toLowerCase()),
      },
    })
    const matches = models.find(name, { providers: ['relay', 'ollama'] })
    expect(matches.map(entry => `${entry.provider} ${entry.id} ${entry.contextWindow}`)).toEqual(found)
    expect(models.listed('ollama').map(({ id }) => id)).toEqual(['Qwen3:8b', 'glm-5.3'])
    expect(models.listed('relay')).toEqual([])
    expect(models.list().map(({ id }) => id)).not.toContain('Qwen3:8b')
  })

  test('gives an undescribed model no price and no sizes', () => {
    const [entry] = catalogue().find('ollama/qwen3', { providers: ['ollama'] })
    expect(entry).toMatchObject({ price: undefined, contextWindow: undefined, confidence: 'assumed' })
  })
})

describe('near', () => {
  test.each([
    ['gpt-6', ['gpt-6-sol', 'gpt-6-luna', 'gpt-6-astra']],
    ['GLM-5.3-flsh', ['glm-5.3-flash', 'glm-5.3-flashx', 'glm-4.7-flash']],
    ['gpt-4o-2024-08-06', ['gpt-4o']],
    ['minimax-m4', ['MiniMax-M3', 'MiniMax-M2', 'MiniMax-M2.7']],
    ['openai/gpt5', ['openai/gpt-5']],
    ['moonshot-v1-8', []],
    ['claude', []],
    ['', []],
    ['x'.repeat(4_096), []],
  ])('suggests for %s', (name, names) => {
    expect(catalogue([]).near(name)).toEqual(names)
  })

  test('suggests only what the given providers serve', () => {
    expect(catalogue([]).near('kimi-k4', { providers: ['openai'] })).toEqual([])
    expect(catalogue([]).near('kimi-k4', { providers: ['kimi'] })).toContain('kimi-k3')
  })
})

describe('unroutableReason', () => {
  const known = catalogue([])
  const reason = (id: string, at: number) =>
    known.list().flatMap(entry => (entry.id === id ? [unroutableReason(entry, at)] : []))

  test('names the day on which a model was shut down', () => {
    const gone = 'moonshot-v1-8k was shut down by kimi on 2026-08-31'
    expect(reason('moonshot-v1-8k', day('2026-11-22'))).toEqual([gone])
  })

  test('is empty until an announced shutdown day is over', () => {
    expect(reason('gpt-5', day('2026-11-22'))).toEqual([''])
    expect(reason('gpt-5', day('2026-12-12') - 1)).toEqual([''])
    expect(reason('gpt-5', day('2026-12-12'))).toEqual(['gpt-5 was shut down by openai on 2026-12-11'])
  })

  test('says that an embedding model cannot chat', () => {
    const cannot = 'embedding-3 is an embedding model and cannot chat: call Embed'
    expect(reason('embedding-3', day('2026-11-22'))).toEqual([cannot])
  })

  test('is empty for a model that only has the responses endpoint', () => {
    expect(reason('gpt-5.5-pro', day('2026-11-22'))).toEqual([''])
  })

  test('does not need a date to know that a model is gone', () => {
    const [entry] = known.find('kimi-k3', { providers: ['kimi'] })
    if (entry === undefined) throw new Error('kimi-k3 is not in the table')
    expect(unroutableReason({ ...entry, status: 'shutdown' }, 0)).toBe('kimi-k3 was shut down by kimi')
  })
})

describe('a configured model', () => {
  test('changes what is known of a bundled one and keeps the rest', () => {
    const change = { provider: 'glm', id: 'GLM-5.3', aliases: ['best'], price: { input: 0.5, output: 2 } }
    const changed = catalogue([change])
    const [entry] = changed.find('best', { providers: ['glm'] })
    expect(entry).toMatchObject({
      id: 'glm-5.3',
      contextWindow: 1_000_000,
      temperature: { kind: 'range', max: 1 },
    })
    expect(entry?.price?.input).toBe(500_000_000n)
    expect(entry?.source.price).toBe('configuration')
    expect(changed.list()).toHaveLength(catalogue([]).list().length)
    expect(changed.version).not.toBe(catalogue([]).version)
  })

  test('is priced as it is described', () => {
    const price = { input: 0.0125, output: 1, cachedInput: 0.001, cacheWrite: 0.02 }
    const priced = catalogue([
      { provider: 'relay', id: 'm', contextWindow: 8_192, maxOutputTokens: 512, price },
    ])
    const [entry] = priced.find('relay/m', { providers: ['relay'] })
    if (entry === undefined) throw new Error('the configured model was not found')
    const used = { inputTokens: 1_002, cachedInputTokens: 1_000, outputTokens: 3, reasoningTokens: 0 }
    expect(entry).toMatchObject({ contextWindow: 8_192, maxOutputTokens: 512 })
    expect(priced.cost(entry, used)).toMatchObject({
      nanoUsd: 4_025n,
      known: true,
      priceVersion: priced.version,
    })
  })

  test('has an unknown price rather than a wrong one', () => {
    const price = { input: -1, output: 1 }
    const [entry] = catalogue([{ provider: 'relay', id: 'm', price }]).find('m', { providers: ['relay'] })
    expect(entry?.price).toBeUndefined()
  })

  test('can be an embedding model, which then cannot chat', () => {
    const capabilities = { modalitiesOut: ['embedding'], tools: false } as const
    const [entry] = catalogue([{ provider: 'relay', id: 'e', capabilities }]).find('e', {
      providers: ['relay'],
    })
    expect(entry).toMatchObject({ endpoints: ['embeddings'], tools: false })
    expect(entry && unroutableReason(entry, 0)).toBe('e is an embedding model and cannot chat: call Embed')
  })
})
