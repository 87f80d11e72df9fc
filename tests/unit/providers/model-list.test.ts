// Checks how providers' lists of models are read: each provider's own fields, and what no list may do.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { glmDialect } from '../../../src/providers/glm.ts'
import { kimiDialect } from '../../../src/providers/kimi.ts'
import { miniMaxDialect } from '../../../src/providers/minimax.ts'
import { listUpstreamModels, readModelList } from '../../../src/providers/model-list.ts'
import { openAiDialect } from '../../../src/providers/openai.ts'
import { startGlm } from '../../support/upstream/glm.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { type Account, failureOf, filesOf, signal } from './file-apis.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const listing = (account: Account) => {
  const { deps, close } = filesOf(account)
  closing.push(close)
  return listUpstreamModels({ ...deps, access: () => deps.access }, signal)
}

describe('the list of', () => {
  it.each([
    ['openai', openAiDialect, startUpstream],
    ['glm', glmDialect('search_std'), startGlm],
    ['kimi', kimiDialect, startKimi],
    ['minimax', miniMaxDialect, startMiniMax],
  ])('%s is asked for with its key, and read', async (provider, dialect, start) => {
    const double = await start({ models: ['one', 'Two'] })
    closing.push(double.close)
    const models = await listing({ provider, dialect, baseUrl: double.url })
    expect(models.map(({ id }) => id)).toEqual(['one', 'Two'])
    const error = await failureOf(listing({ provider, dialect, baseUrl: double.url, key: 'bad-key-000' }))
    expect(error).toMatchObject({
      reason: 'UPSTREAM_CREDENTIALS',
      details: { against: 'key', keyTrouble: 'auth' },
    })
  })

  it('Kimi tells sizes and media', async () => {
    const double = await startKimi({ models: ['kimi-k2.6'] })
    closing.push(double.close)
    expect(await listing({ provider: 'kimi', dialect: kimiDialect, baseUrl: double.url })).toEqual([
      {
        id: 'kimi-k2.6',
        contextWindow: 262_144,
        maxOutputTokens: undefined,
        modalitiesIn: ['text', 'image', 'video'],
        tools: undefined,
        reasoning: true,
        price: undefined,
        shutdown: undefined,
        state: undefined,
      },
    ])
  })
})

const only = (entry: unknown) => readModelList({ data: [entry] })?.[0]

describe('a listed model', () => {
  it('of OpenRouter has exact prices per million, unless they vary', () => {
    const entry = {
      id: 'vendor/model',
      context_length: 1_048_576,
      architecture: { input_modalities: ['text', 'image', 'file', 'smell'] },
      pricing: {
        prompt: '0.0000000375',
        completion: '2.5e-6',
        input_cache_read: '0',
        input_cache_write: '-1',
        request: '0',
      },
      top_provider: { max_completion_tokens: 65_536 },
      supported_parameters: ['tools', 'temperature'],
      expiration_date: '2026-12-31',
    }
    expect(only(entry)).toMatchObject({
      contextWindow: 1_048_576,
      maxOutputTokens: 65_536,
      modalitiesIn: ['text', 'image', 'file'],
      tools: true,
      reasoning: false,
      shutdown: '2026-12-31',
      price: {
        input: 37_500_000n,
        output: 2_500_000_000n,
        cachedInput: 0n,
        cacheWrite: undefined,
        tiers: [],
      },
    })
    const varying = { ...entry, pricing: { prompt: '-1', completion: '-1' } }
    expect(only(varying)).toMatchObject({ price: undefined })
  })

  it.each([
    ['vLLM', { id: 'm', max_model_len: 32_768 }, { contextWindow: 32_768 }],
    [
      'llama.cpp',
      { id: 'm', status: { value: 'sleeping' }, meta: { n_ctx: 4096 } },
      { state: 'sleeping', contextWindow: 4096 },
    ],
    ['OpenAI', { id: 'm', shutdown_date: '2026-12-11T00:00:00Z' }, { shutdown: '2026-12-11' }],
    ['Ollama', { model: 'qwen3:8b', name: 'qwen3:8b' }, { id: 'qwen3:8b' }],
    ['somebody who names only ids', 'm', { id: 'm' }],
    [
      'somebody careless',
      { id: 'm', context_length: -1, pricing: 'free', architecture: [] },
      { contextWindow: undefined, price: undefined, modalitiesIn: undefined },
    ],
  ])('of %s has what is told', (_, entry, expected) => {
    expect(only(entry)).toMatchObject(expected)
  })

  it('without a usable id, or there twice, is left out', () => {
    const ids = [
      { id: 'a' },
      {},
      null,
      7,
      { id: 'two words' },
      { id: 'x'.repeat(257) },
      { id: 'a\r\nb' },
      { id: 'a' },
      { id: 'b' },
    ]
    expect(readModelList({ data: ids })?.map(({ id }) => id)).toEqual(['a', 'b'])
  })
})

describe('an answer that is no list', () => {
  async function answering(body: string): Promise<Account> {
    const server = createServer((_, response) => void response.end(body))
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    closing.push(() => server.close())
    // A TCP server that listens has an address of this kind.
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { provider: 'kimi', dialect: kimiDialect, baseUrl }
  }

  it.each([['{}'], ['null'], ['{"data":{}}'], ['<html>']])('is told as that: %s', async body => {
    const error = await failureOf(listing(await answering(body)))
    expect(error).toMatchObject({ reason: 'UPSTREAM_BROKEN', message: 'kimi sent no list of models' })
  })

  it('is also one of more than 8 MiB', async () => {
    const error = await failureOf(listing(await answering(`{"data":["${'x'.repeat(8 * 1024 * 1024)}"]}`)))
    expect(error.message).toBe('kimi sent an answer of more than 8388608 bytes')
  })

  it('is not one that is bare, under data or under models', () => {
    for (const body of [['a'], { data: ['a'] }, { models: ['a'] }])
      expect(readModelList(body)).toHaveLength(1)
  })
})
