// Checks what the OpenAI adapter does with its sockets and keys: aborts, connections used again, settings.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, failure, textOf, user } from './attempt.ts'

let double: Upstream
let openai: Provider
const clock = createHandClock()

beforeAll(async () => {
  double = await startUpstream()
  openai = createOpenAi({ id: 'openai', baseUrl: double.url, keys: ['test-key'], clock })
})
afterAll(async () => {
  await openai.close()
  await double.close()
})

const saying = (text: string) => ({ messages: [user(text)] })

describe('an abort', () => {
  it.each([
    ['before the answer', 'hang-before-headers'],
    ['before the first event', 'hang-after-headers'],
    ['in the middle of a stream', 'silence-after-events=3'],
  ])('%s closes the socket at once and throws its reason', async (_, fault) => {
    const ending = new AbortController()
    const reason = new GatewayError('DEADLINE_EXCEEDED', 'the call took too long')
    const text = `[[fault:${fault}]]one two three four ${fault}`
    const answer = failure(openai.open(attempt(saying(text), { stream: true, signal: ending.signal })))
    const here = (request: { body: unknown }) => JSON.stringify(request.body ?? '').includes(text)
    await double.waitFor(request => here(request) && request.status !== undefined)
    if (fault.startsWith('silence')) await double.waitFor(request => here(request) && request.bytesSent > 500)
    const abortedAtMs = performance.now()
    ending.abort(reason)
    expect((await answer).error).toBe(reason)
    const closed = await double.waitFor(request => here(request) && request.closedByClientAtMs !== undefined)
    // Nothing else would close it for minutes; a busy machine may take its time.
    expect((closed.closedByClientAtMs ?? 0) - abortedAtMs).toBeLessThan(5_000)
  })

  it('that came first asks nobody', async () => {
    const asked = double.requests.length
    const reason = new GatewayError('CANCELLED', 'the caller left')
    const { error } = await failure(openai.open(attempt({}, { signal: AbortSignal.abort(reason) })))
    expect(error).toBe(reason)
    expect(double.requests.length).toBe(asked)
  })

  it('by a reader that leaves closes the socket', async () => {
    const text = '[[fault:words=5000]][[fault:drip-events=5]] leaving early'
    for await (const batch of openai.open(attempt(saying(text), { stream: true })))
      if (textOf(batch) !== '') break
    const left = await double.waitFor(
      ({ body, closedByClientAtMs }) =>
        closedByClientAtMs !== undefined && JSON.stringify(body).includes('leaving early'),
    )
    expect(left.endedAtMs).toBeUndefined()
  })
})

describe('connections', () => {
  it('serve again after whole answers, streamed or not, and after refusals', async () => {
    const before = double.requests.length
    for (const stream of [true, false, true, true])
      await collect(openai.open(attempt(saying('again'), { stream })))
    double.next({ faults: ['error=429'] })
    await failure(openai.open(attempt({})))
    clock.pass(3_600_000)
    await collect(openai.open(attempt(saying('again'), { stream: true })))
    const used = new Set(double.requests.slice(before).map(({ connection }) => connection))
    // The rest of a stream may still be on its way when the next call begins, which then takes a second one.
    expect(used.size).toBeLessThanOrEqual(2)
  })

  it('serve again after a stream whose reader left at its finish', async () => {
    const before = double.requests.length
    for (let count = 0; count < 5; count += 1) {
      for await (const batch of openai.open(attempt(saying('at the finish'), { stream: true })))
        if (batch.some(({ type }) => type === 'finish')) break
      await double.waitFor(({ endedAtMs }) => endedAtMs !== undefined)
    }
    const used = new Set(double.requests.slice(before).map(({ connection }) => connection))
    expect(used.size).toBeLessThanOrEqual(2)
  })
})

describe('settings', () => {
  it('without a key make a provider that cannot be used, and say why', async () => {
    const keyless = createOpenAi({ id: 'openai', keys: [] })
    expect(keyless.unusableReason).toBe('openai has no key: set OPENAI_API_KEY')
    expect(openai.unusableReason).toBe('')
    await keyless.close()
  })

  it('with several keys use them in turn, and with a slash at the end of the base URL the same path', async () => {
    const own = await startUpstream({ apiKeys: ['k1', 'k2'] })
    const provider = createOpenAi({ id: 'openai', baseUrl: `${own.url}/`, keys: ['k1', 'k2'] })
    for (let count = 0; count < 3; count += 1) await collect(provider.open(attempt({})))
    expect(own.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer k1',
      'Bearer k2',
      'Bearer k1',
    ])
    expect(own.requests.map(({ path }) => path)).toEqual(Array(3).fill('/v1/chat/completions'))
    await provider.close()
    await own.close()
  })

  it('with a wrong key give an error that does not show it', async () => {
    const provider = createOpenAi({ id: 'openai', baseUrl: double.url, keys: ['wrong-key-123'] })
    const { error } = await failure(provider.open(attempt({})))
    expect(error.reason).toBe('UPSTREAM_CREDENTIALS')
    expect(JSON.stringify([error.message, error.details, error.cause])).not.toContain('wron')
    await provider.close()
  })

  it('with an upstream that is not there are UPSTREAM_UNAVAILABLE', async () => {
    const provider = createOpenAi({ id: 'openai', baseUrl: 'http://127.0.0.1:1', keys: ['k'] })
    const { error } = await failure(provider.open(attempt({})))
    expect([error.reason, error.message]).toEqual(['UPSTREAM_UNAVAILABLE', 'openai refuses connections'])
    await provider.close()
  })
})
