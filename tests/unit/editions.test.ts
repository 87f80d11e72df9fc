// Editions of the configuration: a call keeps its own, what they have in common goes on, and a bad one changes nothing.
import { afterEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import type { Snapshot } from '../../src/config/snapshot.ts'
import type { Provider } from '../../src/core/provider.ts'
import { createEditions, type Edition } from '../../src/editions.ts'
import { createHandClock } from '../support/hand-clock.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import { attempt, collect, failure, model, thrown } from './providers/attempt.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** What a file says, with a number. */
async function snapshotOf(version: number, file: string): Promise<Snapshot> {
  const { snapshot } = await loadConfig({ env: { EXAI_CONFIG: 'c.yaml' }, cwd: '/srv', readFile: () => file })
  return { ...snapshot, version }
}

const local = (url: string, more = '') =>
  `providers: [{ name: local, kind: openai-compatible, base_url: "${url}", ${more} }]`

async function rig(file: (url: string) => string) {
  const upstream = await startUpstream({ apiKeys: ['good-key'] })
  cleanups.push(upstream.close)
  const lines: unknown[] = []
  const quiet = () => undefined
  const log = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (msg: string, fields?: object) => void lines.push({ msg, ...fields }),
  }
  const clock = createHandClock()
  const editions = createEditions({
    snapshot: await snapshotOf(1, file(upstream.url)),
    timeouts: { connectMs: 1000, requestMs: 60_000 },
    fetchMedia: async () => Promise.reject(new Error('nobody fetches')),
    log,
    clock,
    lasting: {},
  })
  cleanups.push(editions.close)
  return { upstream, editions, lines, clock }
}

const provider = ({ routing }: Edition, id: string): Provider => {
  const found = routing.providers.find(one => one.id === id)
  if (found === undefined) throw new Error(`no provider ${id}`)
  return found
}
const ask = { ...attempt({}), model: model({ provider: 'local', id: 'test-model' }) }
const ids = ({ routing }: Edition) => routing.providers.map(({ id }) => id)

describe('the next edition', () => {
  it('is what new calls begin with, while one that runs goes on with its own', async () => {
    const { upstream, editions } = await rig(url => local(url, 'api_key: good-key'))
    const before = editions.current()
    expect([before.routing.configVersion, ids(before).includes('local')]).toEqual([1, true])
    const aliases = 'aliases: { fast: other/test-model }\nrouting: { fallbacks: { Fast: [sandbox/echo] } }'
    editions.take(
      await snapshotOf(
        2,
        `providers: [{ name: other, kind: openai-compatible, base_url: "http://127.0.0.1:1" }]\n${aliases}`,
      ),
    )
    const after = editions.current()
    expect([after.routing.configVersion, ids(after)]).toEqual([
      2,
      ['openai', 'glm', 'kimi', 'minimax', 'other', 'sandbox'],
    ])
    const found = ({ routing: { catalogue } }: Edition) =>
      catalogue.find('fast', { providers: ['other'] }).map(entry => entry.id)
    expect([found(before), found(after)]).toEqual([[], ['test-model']])
    expect([before.routing.chains?.size, after.routing.chains?.get('fast')]).toEqual([0, ['sandbox/echo']])
    await collect(provider(before, 'local').open(ask))
    expect(upstream.requests.length).toBe(1)
  })

  it('knows which keys are out, until when, and tells of them once', async () => {
    const { upstream, editions, lines, clock } = await rig(url => local(url, 'api_key: a-bad-key'))
    await failure(provider(editions.current(), 'local').open(ask))
    const reason = 'every key of local is out until 2026-11-22T17:10:00Z: refused'
    expect(provider(editions.current(), 'local').unusableReason).toBe(reason)
    editions.take(await snapshotOf(2, local(upstream.url, 'api_key: a-bad-key, models: [{ id: m }]')))
    expect(provider(editions.current(), 'local').unusableReason).toBe(reason)
    editions.take(await snapshotOf(3, local(upstream.url, 'api_key: "a-bad-key,good-key"')))
    expect(provider(editions.current(), 'local').unusableReason).toBe('')
    await collect(provider(editions.current(), 'local').open(ask))
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer a-bad-key',
      'Bearer good-key',
    ])
    expect(lines).toMatchObject([{ msg: 'a provider key is out', provider: 'local', keyLabel: 'key-1' }])
    clock.pass(600_000)
    expect(provider(editions.current(), 'local').unusableReason).toBe('')
  })

  it('that cannot be made changes nothing', async () => {
    const { upstream, editions } = await rig(url => local(url, 'api_key: good-key'))
    const before = editions.current()
    const bad: Snapshot = {
      ...before.snapshot,
      version: 2,
      providers: [{ kind: 'openai-compatible', id: 'local', keys: [], openEnded: true }],
    }
    expect(thrown(() => editions.take(bad)).message).toBe('local has no base URL: set one in its settings')
    expect(editions.current()).toBe(before)
    await collect(provider(before, 'local').open(ask))
    expect(upstream.requests.length).toBe(1)
  })

  it('limits the keys that it shares with the one before only once all of it is made', async () => {
    const { upstream, editions } = await rig(url => local(url, 'keys: [{ api_key: good-key }]'))
    const before = provider(editions.current(), 'local')
    const answer = before.open(ask)[Symbol.asyncIterator]()
    await answer.next()
    const limited = await snapshotOf(
      2,
      local(upstream.url, 'keys: [{ api_key: good-key, max_concurrent: 1 }]'),
    )
    const broken: Snapshot['providers'][number] = {
      kind: 'openai-compatible',
      id: 'broken',
      keys: [],
      openEnded: true,
    }
    const bad: Snapshot = { ...limited, providers: [...limited.providers, broken] }
    expect(thrown(() => editions.take(bad)).message).toBe('broken has no base URL: set one in its settings')
    expect(before.keysLeft?.('test-model')).toBe(1)
    editions.take(limited)
    expect(before.keysLeft?.('test-model')).toBe(0)
    await answer.return?.()
    expect(before.keysLeft?.('test-model')).toBe(1)
  })

  it('uses the connections of the one before, and all are closed at the end', async () => {
    const { upstream, editions } = await rig(url => local(url, 'api_key: good-key'))
    await collect(provider(editions.current(), 'local').open(ask))
    for (let version = 2; version <= 20; version += 1)
      editions.take(
        await snapshotOf(version, local(upstream.url, `api_key: good-key, models: [{ id: m-${version} }]`)),
      )
    const used = async () => {
      await collect(provider(editions.current(), 'local').open(ask))
      return upstream.requests.at(-1)?.connection
    }
    await expect.poll(used).toBe(1)
    await editions.close()
    await expect.poll(upstream.openSockets).toBe(0)
  })

  it('keeps the models that an open-ended provider lists', async () => {
    const { upstream, editions } = await rig(url => local(url, 'api_key: good-key'))
    const { signal } = new AbortController()
    const listed = ({ routing }: Edition) => routing.catalogue.listed('local').map(entry => entry.id)
    await editions.current().listings.begun('local', signal)
    const asked = upstream.requests.length
    const known = listed(editions.current())
    expect(known).toContain('test-model')
    editions.take(await snapshotOf(2, `${local(upstream.url, 'api_key: good-key')}\naliases: { a: local/b }`))
    expect(listed(editions.current())).toEqual(known)
    expect(upstream.requests.length).toBe(asked)
  })
})
