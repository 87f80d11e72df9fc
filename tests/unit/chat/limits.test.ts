// Limits of a caller on the way of a call: what is reserved before anybody is asked, and that nothing stays held, however it ends.
import { describe, expect, it } from 'vitest'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Limit } from '../../../src/core/limits.ts'
import { failureOf } from '../../support/attempt-rig.ts'
import { collectEvents } from '../../support/completion-rig.ts'
import { eventually } from '../../support/eventually.ts'
import type { Step } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'
import { createWalkDeps } from '../../support/walk-rig.ts'
import { budget, down, fallback, NANO_USD_PER_TOKEN, PRICE, request, setUp, writing } from './limits-rig.ts'

describe('a call within its budget', () => {
  it('holds its worst case while it runs, and costs what it cost', async () => {
    const { complete, limits, left } = setUp([{ scripts: [writing(30)], output: PRICE }], budget(150))
    await complete(createTestCall().call, request())
    expect([limits.running(), await left()]).toEqual([0, 120 * NANO_USD_PER_TOKEN])
    await complete(createTestCall().call, request())
    const error = await failureOf(complete(createTestCall().call, request()))
    expect([error.reason, error.details.route?.skipped.map(({ reason }) => reason)]).toEqual([
      'BUDGET_SPENT',
      [Skip.PRICE],
    ])
  })

  it('that may have to mend the form of its answer holds the mending as well', async () => {
    const who = { scripts: [writing(30)], output: PRICE }
    const format = { case: 'jsonSchema', value: { name: 'list', schema: { type: 'array' } } } as const
    const asked = request({ responseFormat: { format } })
    const holding = (tokens: number, repairs: boolean) => {
      const { providers, ...rig } = setUp([who], budget(tokens))
      for (const provider of providers) Object.assign(provider, { repairs: () => repairs })
      return rig.complete(createTestCall().call, asked)
    }
    expect((await failureOf(holding(199, true))).reason).toBe('BUDGET_SPENT')
    await holding(200, true)
    await holding(100, false)
  })

  it('that searches holds the answers of all requests that searching may take, and the fees', async () => {
    const search = { rounds: 5, window: 1_000, fee: 20_000n }
    const who = { scripts: [writing(30)], output: PRICE, search }
    const asked = request({ webSearch: {} })
    // Five answers of 100 tokens, and five searches for the price of 20 tokens each.
    const poor = setUp([who], budget(599))
    expect((await failureOf(poor.complete(createTestCall().call, asked))).reason).toBe('BUDGET_SPENT')
    expect(poor.providers[0]?.asked).toEqual([])
    const paid = setUp([who], budget(600))
    await paid.complete(createTestCall().call, asked)
    expect([paid.limits.running(), await paid.left()]).toEqual([0, 570 * NANO_USD_PER_TOKEN])
    // Whoever does not search needs one answer only.
    await setUp([who], budget(100)).complete(createTestCall().call, request())
    // Each of them may read all that the model reads.
    const tokens = (value: number) => setUp([who], [{ kind: 'tokens_per_minute', value }])
    const short = await failureOf(tokens(5_499).complete(createTestCall().call, asked))
    expect(short.reason).toBe('RATE_LIMITED')
    await tokens(5_500).complete(createTestCall().call, asked)
  })

  it('is asked for what the budget still pays where it sets no cap, and a warning tells it', async () => {
    const { complete, providers } = setUp([{ scripts: [writing(30)], output: PRICE }], budget(150))
    const answer = await complete(createTestCall().call, request({ maxOutputTokens: undefined }))
    expect(providers[0]?.asked[0]?.request.maxOutputTokens).toBe(150)
    expect(answer.warnings).toMatchObject([
      {
        reason: Warning_Reason.CLAMPED,
        field: 'max_output_tokens',
        message: '150: with limits of tokens or money an answer needs a cap, and the request sets none',
      },
    ])
  })

  it('is not capped under strict: a model of which nobody knows how long it writes is not asked', async () => {
    const { complete, providers } = setUp([{ scripts: [writing(30)], output: PRICE }], budget(150))
    const strict = request({ maxOutputTokens: undefined, strict: true })
    expect((await failureOf(complete(createTestCall().call, strict))).message).toContain('is not known')
    expect(providers[0]?.asked).toHaveLength(0)
  })

  it('cannot be raised by own fields for the provider: nobody is asked, and nothing is held', async () => {
    const { complete, limits, left, providers } = setUp(
      [{ scripts: [writing(5_000)], output: PRICE }],
      budget(150),
    )
    for (const name of ['max_tokens', 'max_completion_tokens', 'max_output_tokens'])
      for (const maxOutputTokens of [undefined, 100]) {
        const raised = request({ maxOutputTokens, providerOptions: { '*': { [name]: 5_000 } } })
        const error = await failureOf(complete(createTestCall().call, raised))
        expect([error.reason, error.message]).toEqual([
          'INVALID_REQUEST',
          `provider_options.*.${name} is not taken: set max_output_tokens`,
        ])
      }
    expect(providers[0]?.asked).toHaveLength(0)
    expect([limits.running(), await left()]).toEqual([0, 150 * NANO_USD_PER_TOKEN])
    const typed = await failureOf(complete(createTestCall().call, request({ maxOutputTokens: 5_000 })))
    expect([typed.reason, providers[0]?.asked.length]).toEqual(['BUDGET_SPENT', 0])
  })

  it('has no room for the longest answer of a model where the request sets no cap, under strict', async () => {
    const { complete, providers } = setUp([{ scripts: [writing(30)], output: PRICE, most: 151 }], budget(150))
    const open = { maxOutputTokens: undefined, strict: true }
    expect((await failureOf(complete(createTestCall().call, request(open)))).reason).toBe('BUDGET_SPENT')
    expect(providers[0]?.asked).toHaveLength(0)
    const roomy = setUp([{ scripts: [writing(30)], output: PRICE, most: 150 }], budget(150))
    await roomy.complete(createTestCall().call, request(open))
    expect(roomy.providers[0]?.asked).toHaveLength(1)
  })

  it('passes over a model without a price', async () => {
    const { complete } = setUp(
      [{ scripts: [writing(1)] }, { scripts: [writing(2)], output: PRICE }],
      budget(150),
    )
    const answer = await complete(createTestCall().call, request(fallback))
    expect([answer.provider, answer.route?.skipped?.map(({ reason, message }) => [reason, message])]).toEqual(
      ['two', [[Skip.PRICE, expect.stringContaining('its price is not known')]]],
    )
  })

  it('gives back what a failed attempt held before the next one is reserved', async () => {
    const { complete, limits, left } = setUp(
      [
        { scripts: [[down]], output: PRICE },
        { scripts: [[down], writing(40)], output: PRICE },
      ],
      budget(100),
    )
    // Nothing pays for two at once: neither the fallback nor the retry could be asked otherwise.
    const answer = await complete(createTestCall().call, request({ ...fallback, idempotencyKey: 'k' }))
    expect(answer.route?.attempts?.length).toBeGreaterThanOrEqual(2)
    expect([limits.running(), await left()]).toEqual([0, 60 * NANO_USD_PER_TOKEN])
  })

  it('keeps the cost of an answer that broke, and has room for who goes on with it', async () => {
    const broken: readonly Step[] = [
      [{ type: 'text', text: 'one two three ' }],
      new GatewayError('UPSTREAM_BROKEN', 'cut'),
    ]
    const { stream, providers, limits, left } = setUp(
      [
        { scripts: [broken], output: PRICE },
        { scripts: [writing(10)], output: PRICE },
      ],
      budget(200),
    )
    for (const provider of providers) Object.assign(provider, { continues: () => true })
    const asked = request({ routing: { reroute: true, fallbackModels: ['two-model'] } })
    const events = await collectEvents(stream(createTestCall().call, asked))
    expect(events.at(-1)?.event?.case).toBe('completed')
    // Three or four tokens were written before it broke, by our own count.
    expect(limits.running()).toBe(0)
    expect(await left()).toBeLessThan(190 * NANO_USD_PER_TOKEN)
    expect(await left()).toBeGreaterThan(180 * NANO_USD_PER_TOKEN)
  })
})

describe('a hedge', () => {
  const slow = { live: { ...createWalkDeps().live, firstTokenQuantile: () => 5 } }
  const hedged = request({ routing: { hedge: true, fallbackModels: ['two-model'] } })

  it('is reserved beside the first one, and both are settled', async () => {
    const { stream, limits, left, providers } = setUp(
      [
        { scripts: [['silence']], output: PRICE },
        { scripts: [writing(20)], output: PRICE },
      ],
      budget(200),
      slow,
    )
    await collectEvents(stream(createTestCall().call, hedged))
    expect(providers.map(({ asked }) => asked.length)).toEqual([1, 1])
    expect([limits.running(), await left()]).toEqual([0, 180 * NANO_USD_PER_TOKEN])
  })

  it('is not begun where the budget pays for one only', async () => {
    const { stream, limits, providers } = setUp(
      [
        { scripts: [['silence']], output: PRICE },
        { scripts: [writing(20)], output: PRICE },
      ],
      budget(199),
      slow,
    )
    const { call, end } = createTestCall()
    const reading = failureOf(collectEvents(stream(call, hedged)))
    await eventually(() => expect(limits.running()).toBe(1))
    await new Promise(resolve => setTimeout(resolve, 30))
    end(new GatewayError('CANCELLED', 'the client left'))
    await reading
    expect([providers.map(({ asked }) => asked.length), limits.running()]).toEqual([[1, 0], 0])
  })
})

describe('nothing stays held', () => {
  it.each([
    ['completes', writing(3)],
    ['fails', [down]],
    ['breaks', [[{ type: 'text', text: 'Hi' }], new GatewayError('UPSTREAM_BROKEN', 'cut')]],
    ['is left before its first token', ['silence']],
    ['is left in its text', [[{ type: 'text', text: 'Hi' }], 'silence']],
  ] as readonly (readonly [string, readonly Step[]])[])('of a call that %s', async (_, script) => {
    const rates: readonly Limit[] = [
      { kind: 'tokens_per_minute', value: 10_000 },
      { kind: 'concurrent_calls', value: 3, model: 'one/one-model' },
    ]
    const { complete, stream, limits, providers } = setUp(
      [{ scripts: [script], output: PRICE }],
      [...budget(500), ...rates],
    )
    for (const isStream of [false, true]) {
      const { call, end } = createTestCall()
      const work: Promise<unknown> = isStream
        ? collectEvents(stream(call, request()))
        : complete(call, request())
      const ended = work.catch(() => undefined)
      if (script.includes('silence')) {
        await eventually(() => expect(providers[0]?.asked).toHaveLength(isStream ? 2 : 1))
        expect(limits.running()).toBe(1)
        end(new GatewayError('CANCELLED', 'the client left'))
      }
      await ended
      expect(limits.running()).toBe(0)
    }
  })

  it('of a call that ends while room is waited for', async () => {
    const { complete, limits, providers } = setUp([{ scripts: [writing(3)], output: PRICE }], budget(500))
    const { call, end } = createTestCall()
    const work = failureOf(complete(call, request()))
    end(new GatewayError('CANCELLED', 'the client left'))
    expect((await work).reason).toBe('CANCELLED')
    expect([limits.running(), providers[0]?.asked.length]).toEqual([0, 0])
  })
})
