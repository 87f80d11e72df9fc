// The number of series: whatever is called, and however many models there are, it stays below what the docs state.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Origin, REASONS, type Reason } from '../../../src/core/errors.ts'
import { PAIRS_MAX, SERIES_MAX } from '../../../src/telemetry/metric-labels.ts'
import { createMetrics, DOORS } from '../../../src/telemetry/metrics.ts'
import { root } from '../../support/tools.ts'

const reasons = Object.entries(REASONS) as [Reason, (typeof REASONS)[Reason]][]
const pick = <T>(list: readonly T[], at: number): T => {
  const one = list[at % list.length]
  if (one === undefined) throw new Error('an empty list')
  return one
}

function setUp(models: number) {
  const names = {
    providers: Array.from({ length: 10 }, (_, at) => `provider-${at}`),
    models: Array.from({ length: models }, (_, at) => `model-${at}`),
    methods: Array.from({ length: 40 }, (_, at) => `exai.v1.Service/Method${at}`),
  }
  return { names, metrics: createMetrics(names) }
}

async function seriesOf(metrics: ReturnType<typeof createMetrics>): Promise<number> {
  const { body } = await metrics.text()
  return body.split('\n').filter(line => line !== '' && !line.startsWith('#')).length
}

/** One call in every respect; primes keep the combinations apart. */
function callOnce({ names, metrics }: ReturnType<typeof setUp>, at: number): void {
  const asked = { provider: pick(names.providers, at), model: pick(names.models, Math.floor(at / 10)) }
  const made = at % 17 === 0 ? { provider: `made-up-${at}`, model: `made-up-${at}` } : asked
  const [reason, { code, origin }] = pick(reasons, at)
  const failed: { reason: Reason; origin: Origin } | undefined = at % 3 === 0 ? { reason, origin } : undefined
  metrics.callEnded({
    door: pick([...DOORS, `door-${at}`], at),
    method: pick([...names.methods, `method-${at}`], at),
    code: failed === undefined ? 'OK' : code,
    durationMs: at % 700_000,
    error: failed,
  })
  const error = failed?.reason
  metrics.attemptEnded({ ...made, durationMs: at % 400_000, error })
  metrics.chatEnded({ ...made, durationMs: at % 400_000, error, firstTokenMs: at % 200_000 })
  metrics.firstToken(made, at % 200_000)
  metrics.overhead(at % 1_000)
  metrics.tokens(made, {
    inputTokens: at,
    cachedInputTokens: 1,
    cacheWriteTokens: 1,
    outputTokens: 5,
    reasoningTokens: 1,
  })
  metrics.cost(made, BigInt(at))
  const states = ['closed', 'open', 'half_open'] as const
  metrics.circuitChanged({ ...made, from: pick(states, at), to: pick(states, at + 1 + (at % 2)) })
  metrics.limitMet('day_budget', 'tenant', 'refused')
}

test('after 100,000 mixed calls it is below the number that the docs state', {
  timeout: 60_000,
}, async () => {
  const rig = setUp(500)
  for (let at = 0; at < 100_000; at += 1) callOnce(rig, at)
  const series = await seriesOf(rig.metrics)
  expect(series).toBeGreaterThan(PAIRS_MAX * 100)
  expect(series).toBeLessThan(SERIES_MAX)
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  expect(page).toContain(`${SERIES_MAX.toLocaleString('en-US')} series`)
})

test('a further model is other once the pairs are used up, and nothing is lost of it', async () => {
  const { metrics, names } = setUp(PAIRS_MAX + 1)
  const [provider = ''] = names.providers
  for (const model of names.models) metrics.cost({ provider, model }, 1_000_000_000n)
  const { body } = await metrics.text()
  const costs = body.split('\n').filter(line => line.startsWith('exai_cost_usd_total{'))
  expect(costs).toHaveLength(PAIRS_MAX + 1)
  expect(costs.at(-1)).toBe(`exai_cost_usd_total{provider="${provider}",model="other"} 1`)
})

test('few models make few series', async () => {
  const rig = setUp(1)
  for (let at = 0; at < 2_000; at += 1) callOnce(rig, at * 10)
  expect(await seriesOf(rig.metrics)).toBeLessThan(4_000)
})
