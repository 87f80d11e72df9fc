// Checks how answers of the Responses endpoint fail: refusals, faults, streams that break and streams that are left.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import type { Provider } from '../../../../src/core/provider.ts'
import { createOpenAi } from '../../../../src/providers/openai.ts'
import { startUpstream } from '../../../support/upstream/openai.ts'
import type { Upstream } from '../../../support/upstream/server.ts'
import { attempt, collect, failure, textOf, thinker, user } from '../attempt.ts'

let double: Upstream
let openai: Provider

beforeAll(async () => {
  double = await startUpstream()
  openai = createOpenAi({ id: 'openai', baseUrl: double.url, keys: ['test-key'] })
})
afterEach(() => expect(double.waiting()).toBe(0))
afterAll(async () => {
  await openai.close()
  await double.close()
})

const sol = thinker({ endpoints: ['chat/completions', 'responses'] })
const tools = [{ name: 'now' }]
const saying = (text: string, more: object = {}) => ({ messages: [user(text)], ...more })

describe.each([true, false])('an answer with stream %s', stream => {
  it.each([
    ['400', 'INVALID_REQUEST'],
    ['context_length_exceeded', 'CONTEXT_TOO_LONG'],
    ['content_policy_violation', 'CONTENT_REFUSED'],
    ['model_not_found', 'MODEL_NOT_FOUND'],
    ['timeout', 'UPSTREAM_UNAVAILABLE'],
    ['resource_unavailable', 'UPSTREAM_UNAVAILABLE'],
    ['500', 'UPSTREAM_UNAVAILABLE'],
    ['overloaded', 'UPSTREAM_UNAVAILABLE'],
    // What counts against the key stands last, so that each test has a key of its own.
    ['invalid_api_key', 'UPSTREAM_CREDENTIALS'],
    ['rate_limit_exceeded', 'UPSTREAM_LIMITED'],
    ['insufficient_quota', 'UPSTREAM_CREDENTIALS'],
  ])('refused with %s is %s', async (code, reason) => {
    const once = createOpenAi({ id: 'openai', baseUrl: double.url, keys: ['test-key'] })
    double.next({ faults: [`error=${code}`, 'retry-after=7'] })
    const { error, said } = await failure(once.open(attempt({ tools }, { stream, model: sol })))
    await once.close()
    expect(error).toMatchObject({
      reason,
      details: { provider: 'openai', model: 'gpt-6-sol', retryDelayMs: 7000 },
    })
    expect(said).toEqual([])
    expect(JSON.stringify([error.message, error.details])).not.toContain('test-key')
  })

  it.each([
    ['html', 'UPSTREAM_UNAVAILABLE'],
    ['html=200', 'UPSTREAM_UNAVAILABLE'],
    ['error-200=500', 'UPSTREAM_UNAVAILABLE'],
    ['half-json', 'UPSTREAM_BROKEN'],
    ['empty', 'UPSTREAM_BROKEN'],
    ['refuse', 'UPSTREAM_UNAVAILABLE'],
    ['cut-after=5', 'UPSTREAM_BROKEN'],
    ['fin-after=5', 'UPSTREAM_BROKEN'],
    ['end-after=5', 'UPSTREAM_BROKEN'],
    ['no-finish', 'UPSTREAM_BROKEN'],
    ['flood', 'UPSTREAM_BROKEN'],
  ])('with the fault %s is %s', async (fault, reason) => {
    const { error } = await failure(
      openai.open(attempt(saying(`[[fault:${fault}]] Hi`, { tools }), { stream, model: sol })),
    )
    expect(error.reason).toBe(reason)
    expect(error.details).toMatchObject({ provider: 'openai', model: 'gpt-6-sol' })
  })

  it('that fails by itself is what its code says', async () => {
    const asked = saying('[[fault:finish=failed:server_error]]Hi', { tools })
    const { error } = await failure(openai.open(attempt(asked, { stream, model: sol })))
    const first = stream ? error.cause : error
    expect(error.reason).toBe(stream ? 'UPSTREAM_BROKEN' : 'UPSTREAM_UNAVAILABLE')
    expect(first).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE', details: { upstreamCode: 'server_error' } })
  })
})

describe('a stream', () => {
  it.each([
    'comments',
    'crlf',
    'cr',
    'bom',
    'data-without-space',
    'split-at=20,40,41,60,300,301,302,303',
    'tool-call-whole',
    'tool-calls-interleaved',
  ])('says the same with %s', async fault => {
    const calls = fault.startsWith('tool')
    const text = calls ? 'Hi' : '東京 🗼'
    const asked = attempt(saying(`[[fault:${fault}]]${text}`, { tools }), { stream: true, model: sol })
    const deltas = await collect(openai.open(asked))
    expect(textOf(deltas)).toBe(calls ? '' : 'You said: 東京 🗼')
    const args = deltas.map(delta =>
      delta.type === 'tool_call_arguments' && delta.callId === 'call_double_a' ? delta.text : '',
    )
    expect(args.join('')).toBe(calls ? '{"city":"Zürich","days":3}' : '')
  })

  it('that breaks after its first words ends in a failure, with the words before it', async () => {
    for (const fault of ['cut-after-events', 'end-after-events', 'error-after-events', 'half-event']) {
      // Behind the thoughts (of about ten words, with six events around them) and the first of the words.
      const input = attempt(saying(`[[fault:${fault}=20]]${'word '.repeat(30)}`, { tools }), {
        stream: true,
        model: sol,
      })
      const { error, said } = await failure(openai.open(input))
      expect([fault, error.reason]).toEqual([fault, 'UPSTREAM_BROKEN'])
      expect(said.some(({ type }) => type === 'reasoning')).toBe(true)
      expect(said.some(({ type }) => type === 'finish')).toBe(false)
    }
  })

  it('that is over does not wait for its connection to end', async () => {
    const input = attempt(saying('[[fault:silence-after-events=1000]]Hi', { tools }), {
      stream: true,
      model: sol,
    })
    expect(textOf(await collect(openai.open(input)))).toBe('You said: Hi')
  })

  it('that is left closes its connection at once, with the reason', async () => {
    const leaving = new AbortController()
    const reason = new GatewayError('CANCELLED', 'the client left')
    const asked = saying('[[fault:words=1000]][[fault:drip=20]]Hi', { tools })
    const input = attempt(asked, { stream: true, model: sol, signal: leaving.signal })
    const running = failure(openai.open(input))
    await double.waitFor(request => request.path === '/v1/responses' && request.bytesSent > 2000)
    leaving.abort(reason)
    expect((await running).error).toBe(reason)
    await double.waitFor(({ closedByClientAtMs }) => closedByClientAtMs !== undefined)
  })
})
