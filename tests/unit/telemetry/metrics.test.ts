// The metrics: each is there under its name and moves by exactly what happened.
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { REASONS } from '../../../src/core/errors.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { tool } from '../../support/tools.ts'

const asked = { provider: 'openai', model: 'gpt-5.4' }

function setUp() {
  const metrics = createMetrics({
    providers: ['openai', 'sandbox'],
    models: ['gpt-5.4', 'sandbox'],
    methods: ['Complete', 'StreamComplete'],
  })
  return { metrics, lines: () => samples(metrics) }
}

/** The samples of our own metrics that are not 0, as text. */
async function samples(metrics: Metrics): Promise<readonly string[]> {
  const { body } = await metrics.text()
  return body.split('\n').filter(line => line.startsWith('exai_') && !line.endsWith(' 0'))
}

describe('a call that ended', () => {
  test('counts once and is timed in seconds', async () => {
    const { metrics, lines } = setUp()
    metrics.callEnded({ door: 'connect', method: 'Complete', code: 'OK', durationMs: 250 })
    metrics.callEnded({ door: 'connect', method: 'Complete', code: 'OK', durationMs: 1500 })
    const found = await lines()
    expect(found).toContain('exai_requests_total{door="connect",method="Complete",code="OK"} 2')
    expect(found).toContain('exai_request_duration_seconds_sum{door="connect",method="Complete"} 1.75')
    expect(found).toContain('exai_request_duration_seconds_count{door="connect",method="Complete"} 2')
    expect(found).toContain(
      'exai_request_duration_seconds_bucket{le="0.25",door="connect",method="Complete"} 1',
    )
    expect(found.filter(line => line.startsWith('exai_errors_total'))).toEqual([])
  })

  test('in an error counts by its reason and side, too', async () => {
    const { metrics, lines } = setUp()
    metrics.callEnded({
      door: 'openai',
      method: 'StreamComplete',
      code: 'ABORTED',
      durationMs: 10,
      error: { reason: 'UPSTREAM_BROKEN', origin: 'upstream' },
    })
    const found = await lines()
    expect(found).toContain('exai_requests_total{door="openai",method="StreamComplete",code="ABORTED"} 1')
    expect(found.filter(line => line.startsWith('exai_errors_total'))).toEqual([
      'exai_errors_total{reason="UPSTREAM_BROKEN",origin="upstream"} 1',
    ])
  })
})

describe('an attempt', () => {
  test('is timed to its first token', async () => {
    const { metrics, lines } = setUp()
    metrics.firstToken(asked, 400)
    const found = await lines()
    expect(found).toContain('exai_time_to_first_token_seconds_sum{provider="openai",model="gpt-5.4"} 0.4')
    expect(found).toContain('exai_time_to_first_token_seconds_count{provider="openai",model="gpt-5.4"} 1')
  })

  test('adds its tokens by kind', async () => {
    const { metrics, lines } = setUp()
    const counts = {
      inputTokens: 100,
      cachedInputTokens: 40,
      cacheWriteTokens: 0,
      outputTokens: 30,
      reasoningTokens: 20,
    }
    metrics.tokens(asked, counts)
    metrics.tokens(asked, { ...counts, outputTokens: 1, reasoningTokens: 0, cacheWriteTokens: 5 })
    expect(await lines()).toEqual([
      'exai_tokens_total{provider="openai",model="gpt-5.4",kind="input"} 200',
      'exai_tokens_total{provider="openai",model="gpt-5.4",kind="cached_input"} 80',
      'exai_tokens_total{provider="openai",model="gpt-5.4",kind="output"} 31',
      'exai_tokens_total{provider="openai",model="gpt-5.4",kind="reasoning"} 20',
      'exai_tokens_total{provider="openai",model="gpt-5.4",kind="cache_write"} 5',
    ])
  })

  test('adds its cost in dollars', async () => {
    const { metrics, lines } = setUp()
    metrics.cost(asked, 1_500_000_000n)
    metrics.cost(asked, 250_000_000n)
    expect(await lines()).toEqual(['exai_cost_usd_total{provider="openai",model="gpt-5.4"} 1.75'])
  })
})

describe('the service', () => {
  test('tells its own share of the time', async () => {
    const { metrics, lines } = setUp()
    metrics.overhead(2)
    const found = await lines()
    expect(found).toContain('exai_gateway_overhead_seconds_sum 0.002')
    expect(found).toContain('exai_gateway_overhead_seconds_bucket{le="0.002"} 1')
    expect(found.some(line => line.includes('le="0.001"'))).toBe(false)
  })

  test('tells the health of each provider', async () => {
    const { metrics } = setUp()
    metrics.providerHealth('openai', 'degraded')
    metrics.providerHealth('sandbox', 'ok')
    expect(await samples(metrics)).toEqual([
      'exai_provider_health{provider="openai"} 0.5',
      'exai_provider_health{provider="sandbox"} 1',
    ])
    metrics.providerHealth('openai', 'down')
    expect((await metrics.text()).body).toContain('exai_provider_health{provider="openai"} 0\n')
  })

  test('asks for the open connections at each scrape', async () => {
    const { metrics } = setUp()
    expect((await metrics.text()).body).toContain('exai_active_connections 0\n')
    let open = 3
    metrics.bindConnections(() => open)
    expect(await samples(metrics)).toEqual(['exai_active_connections 3'])
    open = 1
    expect(await samples(metrics)).toEqual(['exai_active_connections 1'])
  })
})

describe('the metrics', () => {
  test('call what nobody knows other, so that callers cannot make up series', async () => {
    const { metrics, lines } = setUp()
    metrics.callEnded({ door: 'made-up', method: 'Made/Up', code: 'UNIMPLEMENTED', durationMs: 1 })
    metrics.cost({ provider: 'nobody', model: 'made-up' }, 1_000_000_000n)
    metrics.cost({ provider: 'openai', model: 'made-up-too' }, 1_000_000_000n)
    const found = await lines()
    expect(found).toContain('exai_requests_total{door="other",method="other",code="UNIMPLEMENTED"} 1')
    expect(found).toContain('exai_cost_usd_total{provider="other",model="other"} 1')
    expect(found).toContain('exai_cost_usd_total{provider="openai",model="other"} 1')
    expect(found.join('\n')).not.toMatch(/made|nobody/i)
  })

  test('have every reason from the start, at 0', async () => {
    const { body } = await setUp().metrics.text()
    const zeros = body.match(/^exai_errors_total\{.*\} 0$/gm) ?? []
    expect(zeros).toHaveLength(Object.keys(REASONS).length)
  })

  test('have the promised names and types', async () => {
    const { body } = await setUp().metrics.text()
    const types = [...body.matchAll(/^# TYPE ((?:exai|gen_ai)_\S+) (\S+)$/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    )
    expect(types.toSorted()).toEqual([
      'exai_active_connections gauge',
      'exai_alerts gauge',
      'exai_calls_shed_total counter',
      'exai_circuit_breaker_state gauge',
      'exai_circuit_breaker_transitions_total counter',
      'exai_config_refused_total counter',
      'exai_config_version gauge',
      'exai_cost_usd_total counter',
      'exai_errors_total counter',
      'exai_file_bytes_total counter',
      'exai_files_total counter',
      'exai_gateway_overhead_seconds histogram',
      'exai_limit_refusals_total counter',
      'exai_limits_near_total counter',
      'exai_log_lines_lost_total counter',
      'exai_provider_health gauge',
      'exai_redis_commands_total counter',
      'exai_redis_up gauge',
      'exai_request_duration_seconds histogram',
      'exai_requests_total counter',
      'exai_store_up gauge',
      'exai_store_waiting gauge',
      'exai_time_to_first_token_seconds histogram',
      'exai_tls_certificate_not_after_seconds gauge',
      'exai_tokens_total counter',
      'exai_trace_spans_total counter',
      'exai_watchers gauge',
      'exai_worker_restarts_total counter',
      'gen_ai_client_operation_duration_seconds histogram',
      'gen_ai_client_operation_time_to_first_chunk_seconds histogram',
      'gen_ai_client_token_usage histogram',
      'gen_ai_server_request_duration_seconds histogram',
      'gen_ai_server_time_to_first_token_seconds histogram',
    ])
  })

  test('say how many questions wait for the store, asked at each scrape', async () => {
    const { metrics } = setUp()
    let waiting = 3
    metrics.bindStore(() => waiting)
    expect((await metrics.text()).body).toMatch(/^exai_store_waiting 3$/m)
    waiting = 0
    expect((await metrics.text()).body).toMatch(/^exai_store_waiting 0$/m)
  })

  test('tell of redis only when there is one', async () => {
    const { metrics } = setUp()
    expect((await metrics.text()).body).not.toMatch(/^exai_redis/m)
    metrics.bindRedis(() => false)
    metrics.redisCommand('timeout')
    const { body } = await metrics.text()
    expect(body).toMatch(/^exai_redis_up 0$/m)
    expect(body).toMatch(/^exai_redis_commands_total\{outcome="timeout"\} 1$/m)
  })

  test("have the process's memory, and no gauge that is called like a counter", async () => {
    const { body, contentType } = await setUp().metrics.text()
    expect(contentType).toContain('text/plain; version=0.0.4')
    expect(body).toMatch(/^process_resident_memory_bytes \d+/m)
    expect(body).not.toMatch(/^# TYPE \S+_total gauge$/m)
  })

  test('of two are kept apart', async () => {
    const [first, second] = [setUp(), setUp()]
    first.metrics.overhead(1)
    expect((await first.lines()).length).toBeGreaterThan(0)
    expect(await second.lines()).toEqual([])
  })

  const promtool = tool('promtool')?.path

  test.runIf(promtool)("pass Prometheus' own check", async () => {
    const { metrics } = setUp()
    metrics.callEnded({ door: 'mcp', method: 'Complete', code: 'OK', durationMs: 1 })
    const { body } = await metrics.text()
    const check = spawnSync(promtool ?? '', ['check', 'metrics'], { input: body, encoding: 'utf8' })
    expect({ status: check.status, said: check.stderr + check.stdout }).toEqual({ status: 0, said: '' })
  })
})
