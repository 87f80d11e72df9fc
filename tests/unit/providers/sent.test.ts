// Every adapter says when its request goes out: after all waiting of our own, and before the provider can know of it.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import type { AttemptInput, Provider } from '../../../src/core/provider.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { createMiniMax } from '../../../src/providers/minimax.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { createSandbox } from '../../../src/providers/sandbox.ts'
import type { ProviderSettings } from '../../../src/providers/settings.ts'
import { eventually } from '../../support/eventually.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, failure, model, thinker, user } from './attempt.ts'
import { known, mediaUrl, said, text } from './known.ts'

let openai: Upstream
let kimi: Upstream
let minimax: Upstream
const open: Provider[] = []

beforeAll(async () => {
  ;[openai, kimi, minimax] = await Promise.all([startUpstream(), startKimi(), startMiniMax()])
})
afterAll(async () => {
  await Promise.all(open.map(provider => provider.close()))
  await Promise.all([openai, kimi, minimax].map(double => double.close()))
})

/** What an attempt asks, and how many requests the double knew of each time that one was about to go out. */
function noting(input: AttemptInput, double: Upstream) {
  const before = double.requests.length
  const told: number[] = []
  const asked: AttemptInput = { ...input, sent: () => void told.push(double.requests.length - before) }
  return { asked, told, requests: () => double.requests.length - before }
}

function kimiWith(over: Partial<ProviderSettings> = {}): Provider {
  const provider = createKimi({ id: 'kimi', baseUrl: kimi.url, keys: ['test-key'], ...over })
  open.push(provider)
  return provider
}

describe.each([true, false])('a request with stream %s', stream => {
  it.each([
    ['chat completions', model()],
    ['responses', thinker({ id: 'gpt-5.5-pro', endpoints: ['responses'], reasoning: 'always' })],
  ])('on the wire of %s is told once, before it goes out', async (_, entry) => {
    const provider = createOpenAi({ id: 'openai', baseUrl: openai.url, keys: ['test-key'] })
    open.push(provider)
    const noted = noting(attempt({}, { model: entry, stream }), openai)
    await collect(provider.open(noted.asked))
    expect([noted.told, noted.requests()]).toEqual([[0], 1])
  })

  it('that searches the web is told as often as it goes out', async () => {
    const request = { messages: [user('What is new?')], webSearch: {} }
    const noted = noting(attempt(request, { model: known('kimi-k3'), stream }), kimi)
    await collect(kimiWith().open(noted.asked))
    expect([noted.told, noted.requests()]).toEqual([[0, 1], 2])
  })

  it('whose form is asked for in words is told as often as it goes out', async () => {
    const provider = createMiniMax({ id: 'minimax', baseUrl: minimax.url, keys: ['test-key'] })
    open.push(provider)
    const request = { responseFormat: { format: { case: 'json' as const, value: {} } } }
    minimax.next({ answer: { text: 'no JSON' } })
    minimax.next({ answer: { text: '{"a":1}' } })
    const noted = noting(attempt(request, { model: known('MiniMax-M2.5'), stream }), minimax)
    await collect(provider.open(noted.asked))
    expect([noted.told, noted.requests()]).toEqual([[0, 1], 2])
  })
})

describe('a request is not told', () => {
  it('while it waits for a key', async () => {
    const provider = kimiWith({ keys: [{ secret: 'test-key', label: 'only', maxConcurrent: 1 }] })
    const waiting = { tenant: 'default', waitingMax: 10, waitMaxMs: 5_000 }
    const first = provider.open(attempt({}, { model: known('kimi-k3') }))[Symbol.asyncIterator]()
    await first.next()
    const noted = noting({ ...attempt({}, { model: known('kimi-k3') }), waiting }, kimi)
    const answer = collect(provider.open(noted.asked))
    // Long enough for a request that does not wait.
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(noted.told).toEqual([])
    await first.return?.()
    await answer
    expect([noted.told, noted.requests()]).toEqual([[0], 1])
  })

  it('while media are downloaded for the provider', async () => {
    let come = (): void => undefined
    const bytes = new Promise<{ bytes: Uint8Array; mimeType: string }>(resolve => {
      come = () => resolve({ bytes: Buffer.from('png'), mimeType: 'image/png' })
    })
    const fetchMedia = vi.fn(() => bytes)
    const messages = [said(Role.USER, text('Look'), mediaUrl('image/png', 'https://example.com/a.png'))]
    const noted = noting(attempt({ messages }, { model: known('kimi-k2.5') }), kimi)
    const answer = collect(kimiWith({ fetchMedia }).open(noted.asked))
    await eventually(() => expect(fetchMedia).toHaveBeenCalledOnce())
    expect(noted.told).toEqual([])
    come()
    await answer
    expect([noted.told, noted.requests()]).toEqual([[0], 1])
  })

  it('when it cannot be made', async () => {
    const noted = noting(attempt({ strict: true, seed: 7n }, { model: known('kimi-k3') }), kimi)
    expect((await failure(kimiWith().open(noted.asked))).error.reason).toBe('UNSUPPORTED')
    expect([noted.told, noted.requests()]).toEqual([[], 0])
  })
})

describe('the sandbox', () => {
  const sandbox = createSandbox({ id: 'sandbox' })
  const [entry = model()] = sandbox.models

  it('tells when it begins, and not when its options are wrong', async () => {
    const sent = vi.fn()
    const answer = sandbox
      .open({ ...attempt({}, { model: entry, stream: true }), sent })
      [Symbol.asyncIterator]()
    expect(sent).not.toHaveBeenCalled()
    await answer.next()
    expect(sent).toHaveBeenCalledOnce()
    const bad = attempt({ providerOptions: { sandbox: { words: 0 } } }, { model: entry })
    await failure(sandbox.open({ ...bad, sent }))
    expect(sent).toHaveBeenCalledOnce()
  })
})
