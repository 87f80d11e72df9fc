// Connections while the configuration changes: those that stay are used on, and none is closed under a running call.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createKeep } from '../../../src/providers/keep.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { attempt, collect, thrown, user } from './attempt.ts'

const GRACE_MS = 60_000

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
  vi.useRealTimers()
})

async function rig() {
  const [here, there] = [await startUpstream(), await startUpstream()]
  cleanups.push(here.close, there.close)
  const keep = createKeep({ clientGraceMs: GRACE_MS })
  cleanups.push(keep.close)
  const provider = (baseUrl: string) => createOpenAi({ id: 'openai', baseUrl, keys: ['test-key'], keep })
  return { keep, here, there, provider }
}

describe('the connections of a provider', () => {
  it('are those of the one before it at the same address', async () => {
    const { here, provider } = await rig()
    const before = provider(here.url)
    await collect(before.open(attempt({})))
    const after = provider(here.url)
    await before.close()
    // A connection is free a moment after the answer has been read.
    const used = async () => {
      await collect(after.open(attempt({})))
      return here.requests.at(-1)?.connection
    }
    await expect.poll(used).toBe(1)
  })

  it('carry running answers to their end when it is configured no more, and further attempts of such calls', async () => {
    const { here, there, provider } = await rig()
    const before = provider(here.url)
    const slow = attempt(
      { messages: [user('[[fault:drip-events=20]] one two three four')] },
      { stream: true },
    )
    const answer = before.open(slow)[Symbol.asyncIterator]()
    await answer.next()
    provider(there.url)
    await before.close()
    expect(here.openSockets()).toBe(1)
    for (;;) if ((await answer.next()).done) break
    expect(here.requests[0]?.closedByClientAtMs).toBeUndefined()
    await collect(before.open(attempt({})))
    expect(here.requests.length).toBe(2)
  })

  it('are closed when no call that began before can be running any more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { keep, here, there, provider } = await rig()
    const before = provider(here.url)
    await collect(before.open(attempt({})))
    const after = provider(there.url)
    await collect(after.open(attempt({})))
    await before.close()
    vi.advanceTimersByTime(GRACE_MS - 1)
    expect(keep.openSockets()).toBe(2)
    vi.advanceTimersByTime(1)
    vi.useRealTimers()
    await expect.poll(() => [here.openSockets(), there.openSockets()]).toEqual([0, 1])
    await collect(after.open(attempt({})))
  })

  it('are all closed with the keep, whoever holds them', async () => {
    const { keep, here, there, provider } = await rig()
    const before = provider(here.url)
    await collect(before.open(attempt({})))
    await before.close()
    await collect(provider(there.url).open(attempt({})))
    await keep.close()
    await expect.poll(() => [here.openSockets(), there.openSockets()]).toEqual([0, 0])
  })
})

describe('a provider that cannot be made', () => {
  it('holds nothing', () => {
    const keep = createKeep({ clientGraceMs: GRACE_MS })
    const keys = [{ secret: 'k', label: 'there', baseUrl: 'nowhere' }]
    expect(thrown(() => createOpenAi({ id: 'openai', keys, keep })).reason).toBe('INVALID_REQUEST')
    expect(keep.keys.size()).toBe(0)
  })
})
