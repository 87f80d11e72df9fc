// The metrics of chats by OpenTelemetry's names, of limits, files, alerts and the certificate: each moves by what happened.
import { describe, expect, test } from 'vitest'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import { createCounting } from '../../../src/telemetry/event-series.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

const asked = { provider: 'double', model: 'm' }
const genAi = 'gen_ai_operation_name="chat",gen_ai_provider_name="double",gen_ai_request_model="m"'

/** Those that are there from the start, at 0. */
const isUntouched = (line: string): boolean => /^exai_(limit|trace_spans).* 0$/.test(line)

function setUp() {
  const metrics = createMetrics({ providers: ['double'], models: ['m'], methods: ['Watch'] })
  const lines = async (name: string): Promise<readonly string[]> => {
    const { body } = await metrics.text()
    return body
      .split('\n')
      .filter(line => line.startsWith(name) && !line.includes('_bucket') && !isUntouched(line))
  }
  return { metrics, lines }
}

describe('by the names of OpenTelemetry', () => {
  test('an attempt is timed, and a failed one with its error', async () => {
    const { metrics, lines } = setUp()
    metrics.attemptEnded({ ...asked, durationMs: 1500 })
    metrics.attemptEnded({ ...asked, durationMs: 500, error: 'UPSTREAM_LIMITED' })
    metrics.attemptEnded({ ...asked, durationMs: 100, error: 'UNSUPPORTED' })
    expect(await lines('gen_ai_client_operation_duration_seconds')).toEqual([
      `gen_ai_client_operation_duration_seconds_sum{${genAi},error_type=""} 1.5`,
      `gen_ai_client_operation_duration_seconds_count{${genAi},error_type=""} 1`,
      `gen_ai_client_operation_duration_seconds_sum{${genAi},error_type="UPSTREAM_LIMITED"} 0.5`,
      `gen_ai_client_operation_duration_seconds_count{${genAi},error_type="UPSTREAM_LIMITED"} 1`,
      `gen_ai_client_operation_duration_seconds_sum{${genAi},error_type="_OTHER"} 0.1`,
      `gen_ai_client_operation_duration_seconds_count{${genAi},error_type="_OTHER"} 1`,
    ])
  })

  test('a first token counts for the attempt and for the chat', async () => {
    const { metrics, lines } = setUp()
    metrics.firstToken(asked, 250)
    metrics.chatEnded({ ...asked, durationMs: 3000, firstTokenMs: 750 })
    expect(await lines('gen_ai_client_operation_time_to_first_chunk_seconds_sum')).toEqual([
      `gen_ai_client_operation_time_to_first_chunk_seconds_sum{${genAi}} 0.25`,
    ])
    expect(await lines('gen_ai_server_time_to_first_token_seconds_sum')).toEqual([
      `gen_ai_server_time_to_first_token_seconds_sum{${genAi}} 0.75`,
    ])
    expect(await lines('gen_ai_server_request_duration_seconds_sum')).toEqual([
      `gen_ai_server_request_duration_seconds_sum{${genAi},error_type=""} 3`,
    ])
  })

  test('tokens are counted by their type', async () => {
    const { metrics, lines } = setUp()
    const counts = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 }
    metrics.tokens(asked, { ...counts, inputTokens: 30, outputTokens: 7 })
    expect(await lines('gen_ai_client_token_usage')).toEqual([
      `gen_ai_client_token_usage_sum{${genAi},gen_ai_token_type="input"} 30`,
      `gen_ai_client_token_usage_count{${genAi},gen_ai_token_type="input"} 1`,
      `gen_ai_client_token_usage_sum{${genAi},gen_ai_token_type="output"} 7`,
      `gen_ai_client_token_usage_count{${genAi},gen_ai_token_type="output"} 1`,
    ])
  })
})

describe('what happens beside calls', () => {
  const limit = { kind: 'day_budget', whose: '', used: 9, limit: 10 } as const

  test.each([
    [{ tenant: 'acme', owner: 'key_1' }, 'key'],
    [{ tenant: 'acme' }, 'tenant'],
    [{ tenant: '', model: 'double/m' }, 'model'],
    [{ tenant: '' }, 'gateway'],
  ])('a limit of %j counts as one of its owner: %s', async (whose, owner) => {
    const { metrics, lines } = setUp()
    const count = createCounting(metrics)
    count({ ...limit, ...whose, type: 'limit.refused' })
    count({ ...limit, ...whose, type: 'limit.refused' })
    count({ ...limit, ...whose, type: 'limit.near' })
    expect(await lines('exai_limit')).toEqual([
      `exai_limit_refusals_total{limit="day_budget",owner="${owner}"} 2`,
      `exai_limits_near_total{limit="day_budget",owner="${owner}"} 1`,
    ])
  })

  test('files count by what became of them, with their bytes', async () => {
    const { metrics, lines } = setUp()
    const count = createCounting(metrics)
    const file = { type: 'file.changed', tenant: 'acme', fileId: 'file_1', mimeType: 'text/plain' } as const
    count({ ...file, action: 'created', sizeBytes: 70 })
    count({ ...file, action: 'created', sizeBytes: 30 })
    count({ ...file, action: 'deleted', sizeBytes: 70 })
    expect(await lines('exai_file')).toEqual([
      'exai_files_total{action="created"} 2',
      'exai_files_total{action="deleted"} 1',
      'exai_file_bytes_total{action="created"} 100',
      'exai_file_bytes_total{action="deleted"} 70',
    ])
  })

  test('alerts stand while they last, once each', async () => {
    const { metrics, lines } = setUp()
    const count = createCounting(metrics)
    const alert = (type: 'alert.began' | 'alert.ended', isGrave: boolean): GatewayEvent => ({
      type,
      name: isGrave ? 'store_out' : 'backlog_old',
      isGrave,
      message: '',
      tenant: '',
      provider: '',
      model: '',
    })
    count(alert('alert.began', true))
    count(alert('alert.began', true))
    count(alert('alert.began', false))
    expect(await lines('exai_alerts')).toEqual([
      'exai_alerts{severity="warning"} 1',
      'exai_alerts{severity="critical"} 1',
    ])
    count(alert('alert.ended', true))
    expect(await lines('exai_alerts')).toContain('exai_alerts{severity="critical"} 0')
  })
})

describe('the state of the service', () => {
  test('watches count by their method, and unknown ones together', async () => {
    const { metrics, lines } = setUp()
    metrics.bindWatchers(() => ['Watch', 'Watch', 'made-up'])
    expect(await lines('exai_watchers')).toEqual([
      'exai_watchers{method="Watch"} 2',
      'exai_watchers{method="other"} 1',
    ])
    metrics.bindWatchers(() => [])
    expect(await lines('exai_watchers')).toEqual([])
  })

  test('the store is there or not once somebody knows', async () => {
    const { metrics, lines } = setUp()
    expect(await lines('exai_store_up')).toEqual([])
    let isUp = true
    metrics.bindStoreUp(() => isUp)
    expect(await lines('exai_store_up')).toEqual(['exai_store_up 1'])
    isUp = false
    expect(await lines('exai_store_up')).toEqual(['exai_store_up 0'])
  })

  test('a certificate has its end in seconds, and none without one', async () => {
    const { metrics, lines } = setUp()
    expect(await lines('exai_tls')).toEqual([])
    metrics.certificateEnds(1_800_000_000_000)
    expect(await lines('exai_tls')).toEqual(['exai_tls_certificate_not_after_seconds 1800000000'])
  })

  test('spans, lost lines of the log and restarts of workers are counted', async () => {
    const { metrics, lines } = setUp()
    metrics.spans('exported', 3)
    metrics.spans('dropped', 2)
    metrics.logLost(4)
    metrics.workerRestarted('hung')
    expect(await lines('exai_trace_spans_total')).toEqual([
      'exai_trace_spans_total{outcome="exported"} 3',
      'exai_trace_spans_total{outcome="dropped"} 2',
    ])
    expect(await lines('exai_log_lines_lost_total')).toEqual(['exai_log_lines_lost_total 4'])
    expect(await lines('exai_worker_restarts_total')).toEqual(['exai_worker_restarts_total{cause="hung"} 1'])
  })
})
