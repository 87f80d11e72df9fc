// Checks the keeping of lists: nothing before the first use, one try at a time, the last good list, and a bound on everything.
import { describe, expect, it } from 'vitest'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { type ListedModel, readModelList } from '../../../src/providers/model-list.ts'
import { createModelLists, listedEntry, type ModelListsDeps } from '../../../src/providers/model-lists.ts'
import { eventually } from '../../support/eventually.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { failureOf, signal } from './file-apis.ts'

const named = (...ids: readonly string[]): readonly ListedModel[] => readModelList(ids) ?? []
const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'acme is overloaded: try again later')

function setUp(
  answers: ((signal: AbortSignal) => Promise<readonly ListedModel[]>)[],
  over: Partial<ModelListsDeps> = {},
) {
  const clock = createHandClock()
  const asked: number[] = []
  const list = async (ends: AbortSignal) => {
    asked.push(clock.now())
    return (answers.shift() ?? (async () => named('last')))(ends)
  }
  const sources = [{ provider: 'acme', list }]
  return { clock, asked, lists: createModelLists({ sources, clock, refreshMs: 1000, retryMs: 100, ...over }) }
}
const good =
  (...ids: readonly string[]) =>
  async () =>
    named(...ids)
const bad = async () => Promise.reject(down)

describe('a list', () => {
  it('is not asked for before somebody wants it, and then once for all', async () => {
    const { asked, lists } = setUp([good('a', 'B')])
    expect(asked).toHaveLength(0)
    expect(lists.peek('acme')).toMatchObject({ models: [], fetchedAtMs: undefined })
    const [one, other] = await Promise.all([lists.get('acme', signal), lists.get('acme', signal)])
    expect(one).toBe(other)
    expect(one).toMatchObject({
      truncated: false,
      failure: undefined,
      fetchedAtMs: Date.parse('2026-11-22T17:00:00Z'),
    })
    expect(one.models.map(({ id }) => id)).toEqual(['a', 'B'])
    expect(lists.find('acme', 'b')?.id).toBe('B')
    expect(lists.find('acme', 'c')).toBeUndefined()
    expect(asked).toHaveLength(1)
  })

  it('is asked for again when it is old, while the old one is still given', async () => {
    const { clock, asked, lists } = setUp([good('a'), good('b')])
    await lists.get('acme', signal)
    clock.pass(999)
    expect(lists.peek('acme').models).toHaveLength(1)
    expect(asked).toHaveLength(1)
    clock.pass(1)
    expect(lists.peek('acme').models[0]?.id).toBe('a')
    await eventually(() => expect(lists.peek('acme').models[0]?.id).toBe('b'))
    expect(asked).toHaveLength(2)
  })

  it('stays the last good one while its provider fails, and is tried again after a while', async () => {
    const { clock, asked, lists } = setUp([good('a'), bad, good('b')])
    await lists.get('acme', signal)
    clock.pass(1000)
    lists.peek('acme')
    await eventually(() => expect(lists.peek('acme').failure).toBe(down))
    expect(lists.peek('acme').models[0]?.id).toBe('a')
    expect(asked).toHaveLength(2)
    clock.pass(100)
    lists.peek('acme')
    await eventually(() =>
      expect(lists.peek('acme')).toMatchObject({ models: [{ id: 'b' }], failure: undefined }),
    )
  })

  it('that never came is empty, and says why', async () => {
    const { lists } = setUp([bad])
    expect(await lists.get('acme', signal)).toMatchObject({ models: [], failure: down })
  })

  it('is tried again no sooner than its provider asks', async () => {
    const { clock, asked, lists } = setUp([async () => Promise.reject(down.with({ retryDelayMs: 5000 }))])
    await lists.get('acme', signal)
    clock.pass(4999)
    lists.peek('acme')
    expect(asked).toHaveLength(1)
    clock.pass(1)
    lists.peek('acme')
    expect(asked).toHaveLength(2)
  })

  it('longer than the limit is cut, and says so', async () => {
    const { lists } = setUp([good('a', 'b', 'c')], { maxModels: 2 })
    const kept = await lists.get('acme', signal)
    expect(kept.truncated).toBe(true)
    expect(kept.models).toHaveLength(2)
    expect(lists.find('acme', 'c')).toBeUndefined()
  })

  it('that takes too long is given up', async () => {
    const hanging = (ends: AbortSignal) =>
      new Promise<never>((_, reject) => {
        ends.addEventListener('abort', () => reject(down))
      })
    const { lists } = setUp([hanging], { timeoutMs: 10 })
    expect(await lists.get('acme', signal)).toMatchObject({ failure: down })
  })

  it('is not waited for by somebody who left, and ends with everything', async () => {
    const ended = Promise.withResolvers<unknown>()
    const hanging = (ends: AbortSignal) =>
      new Promise<never>((_, reject) => {
        ends.addEventListener('abort', () => {
          ended.resolve(ends.reason)
          reject(ends.reason)
        })
      })
    const { clock, asked, lists } = setUp([hanging])
    const leaving = new AbortController()
    const waiting = failureOf(lists.get('acme', leaving.signal))
    leaving.abort()
    expect(await waiting).toMatchObject({ reason: 'CANCELLED' })
    lists.close()
    expect(await ended.promise).toMatchObject({ reason: 'SHUTTING_DOWN' })
    clock.pass(1e9)
    lists.peek('acme')
    expect(asked).toHaveLength(1)
  })

  it('of a provider that has none is empty', async () => {
    const { asked, lists } = setUp([])
    expect(lists.peek('other')).toEqual(await lists.get('other', signal))
    expect(lists.find('other', 'a')).toBeUndefined()
    expect(asked).toHaveLength(0)
  })
})

describe('the entry of a listed model', () => {
  const [rich, poor] =
    readModelList([
      {
        id: 'Rich',
        context_length: 1000,
        supports_image_in: false,
        supports_reasoning: false,
        pricing: { prompt: '0.000001', completion: '0.000002' },
        shutdown_date: '2027-01-31',
      },
      { id: 'poor' },
    ]) ?? []
  const none = () => expect.fail('the list was not read')

  it('has what the list tells', () => {
    expect(listedEntry('acme', rich ?? none())).toMatchObject({
      provider: 'acme',
      id: 'Rich',
      contextWindow: 1000,
      modalitiesIn: ['text'],
      reasoning: 'none',
      price: { input: 1_000_000_000n, output: 2_000_000_000n },
      shutdown: '2027-01-31',
      status: 'deprecated',
      confidence: 'medium',
      source: { limits: 'listed by the provider', price: 'listed by the provider' },
    })
  })

  it('is otherwise that of a model that nobody described', () => {
    const catalogue = createCatalogue({
      models: { asOf: '', models: [], problems: [] },
      now: () => 0,
      openEnded: ['acme'],
    })
    const [assumed] = catalogue.find('acme/poor', { providers: ['acme'] })
    expect(listedEntry('acme', poor ?? none())).toEqual(assumed)
  })
})
