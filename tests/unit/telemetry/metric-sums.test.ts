// The numbers of several processes as one page: counts are added up, and states that all of them tell stand there once.
import { expect, it } from 'vitest'
import { textOfAll } from '../../../src/telemetry/metric-sums.ts'
import { METRICS } from '../../../src/telemetry/metric-table.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'

const made = (): Metrics => createMetrics({ providers: ['openai'], models: ['m'], methods: ['a/B'] })
const ended = (metrics: Metrics, durationMs: number): void =>
  metrics.callEnded({ door: 'connect', method: 'a/B', code: 'OK', durationMs })

async function page(...all: readonly Metrics[]): Promise<readonly string[]> {
  const { body } = await textOfAll(await Promise.all(all.map(one => one.values())))
  return body.split('\n')
}

it('calls and how long they took are those of all processes', async () => {
  const [one, two] = [made(), made()]
  ended(one, 4)
  ended(one, 2_000)
  ended(two, 4)
  const lines = await page(one, two)
  expect(lines).toContain('exai_requests_total{door="connect",method="a/B",code="OK"} 3')
  expect(lines).toContain('exai_request_duration_seconds_count{door="connect",method="a/B"} 3')
  expect(lines).toContain('exai_request_duration_seconds_bucket{le="0.005",door="connect",method="a/B"} 2')
  expect(lines).toContain('exai_request_duration_seconds_bucket{le="2.5",door="connect",method="a/B"} 3')
})

it('connections are added up, and states are not', async () => {
  const both = [made(), made()]
  for (const [index, one] of both.entries()) {
    one.bindConnections(() => 3)
    one.configTaken(7)
    one.providerHealth('openai', 'degraded')
    one.bindCircuits(() => [{ provider: 'openai', model: 'm', state: 'half_open' }])
    one.bindStoreUp(() => index === 0)
  }
  const lines = await page(...both)
  expect(lines).toContain('exai_active_connections 6')
  expect(lines).toContain('exai_config_version 7')
  expect(lines).toContain('exai_provider_health{provider="openai"} 0.5')
  expect(lines).toContain('exai_circuit_breaker_state{provider="openai",model="m"} 2')
  // The worst of them: one that cannot write is trouble.
  expect(lines).toContain('exai_store_up 0')
})

it('every metric of one process is on the page of several, each once', async () => {
  const [one, two] = [made(), made()]
  const alone = (await one.text()).body.split('\n').filter(line => line.startsWith('# TYPE'))
  const together = (await page(one, two)).filter(line => line.startsWith('# TYPE'))
  expect(together.toSorted()).toEqual(alone.toSorted())
  expect(together.length).toBeGreaterThan(Object.keys(METRICS).length / 2)
})

it('the process has begun when the first of them began', async () => {
  const lines = await page(made(), made())
  const seconds = Number(lines.find(line => line.startsWith('process_start_time_seconds '))?.split(' ')[1])
  expect(Math.abs(seconds - (Date.now() / 1000 - process.uptime()))).toBeLessThan(5)
})
