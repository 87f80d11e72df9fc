// The metrics of a running service: each path of a call moves each of them by exactly what happened.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SERIES_MAX } from '../../src/telemetry/metric-labels.ts'
import { postJson } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-port.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root, tool } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const CONFIG = `
providers:
  - { name: openai, models: [{ id: test-model, input_price: 1, output_price: 2 }] }
limits:
  tenants:
    default: { requests_per_minute: 1000 }
`
const COMPLETE = 'door="connect",method="exai.v1.ChatService/Complete"'
const ASKED = 'provider="openai",model="test-model"'
const GEN_AI = 'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="test-model"'

let folder: string
let upstream: Upstream
let service: Service
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'exai-metrics-'))
  writeFileSync(join(folder, 'exai.yaml'), CONFIG)
  upstream = await startUpstream({ apiKeys: ['sk-a-key-for-metrics'] })
  service = await startService({
    OPENAI_API_KEY: 'sk-a-key-for-metrics',
    OPENAI_BASE_URL: upstream.url,
    EXAI_CONFIG: join(folder, 'exai.yaml'),
  })
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
  rmSync(folder, { recursive: true, force: true })
})

const scrape = async (): Promise<string> => (await fetch(`${service.url}/metrics`)).text()

/** What counts, by its name and labels; sums of times are left out, since nobody can say what they must be. */
async function counts(): Promise<ReadonlyMap<string, number>> {
  const rows = (await scrape()).split('\n').flatMap(line => {
    const [, name = '', value] =
      /^((?:exai|gen_ai)_\S+?(?:_total|_count|token_usage_sum)(?:\{.*\})?) (\S+)$/.exec(line) ?? []
    return value === undefined ? [] : [[name, Number(value)] as const]
  })
  return new Map(rows)
}

/** What moved while something was done. */
async function moved(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const before = await counts()
  await work()
  const after = await counts()
  const rows = [...after].map(
    ([name, value]) => [name, Number((value - (before.get(name) ?? 0)).toFixed(9))] as const,
  )
  return Object.fromEntries(rows.filter(([, difference]) => difference !== 0))
}

const ask = (text: string, model = 'openai/test-model', method = 'Complete') =>
  postJson(service.url, method, { model, messages: [{ role: 'ROLE_USER', content: [{ text }] }] })

describe('each path moves each metric by exactly what happened', () => {
  it('an answer', async () => {
    let reply: Awaited<ReturnType<typeof ask>> | undefined
    const found = await moved(async () => {
      reply = await ask('hello')
    })
    const { usage, cost } = JSON.parse(reply?.text ?? '{}')
    expect(found).toEqual({
      [`exai_requests_total{${COMPLETE},code="OK"}`]: 1,
      [`exai_request_duration_seconds_count{${COMPLETE}}`]: 1,
      exai_gateway_overhead_seconds_count: 1,
      [`exai_time_to_first_token_seconds_count{${ASKED}}`]: 1,
      [`exai_tokens_total{${ASKED},kind="input"}`]: usage.inputTokens,
      [`exai_tokens_total{${ASKED},kind="output"}`]: usage.outputTokens,
      [`exai_cost_usd_total{${ASKED}}`]: Number(cost.nanoUsd) / 1e9,
      [`gen_ai_client_operation_duration_seconds_count{${GEN_AI},error_type=""}`]: 1,
      [`gen_ai_client_operation_time_to_first_chunk_seconds_count{${GEN_AI}}`]: 1,
      [`gen_ai_client_token_usage_count{${GEN_AI},gen_ai_token_type="input"}`]: 1,
      [`gen_ai_client_token_usage_sum{${GEN_AI},gen_ai_token_type="input"}`]: usage.inputTokens,
      [`gen_ai_client_token_usage_count{${GEN_AI},gen_ai_token_type="output"}`]: 1,
      [`gen_ai_client_token_usage_sum{${GEN_AI},gen_ai_token_type="output"}`]: usage.outputTokens,
      [`gen_ai_server_request_duration_seconds_count{${GEN_AI},error_type=""}`]: 1,
      [`gen_ai_server_time_to_first_token_seconds_count{${GEN_AI}}`]: 1,
    })
  })

  it('a provider that refuses', async () => {
    const found = await moved(() => ask('[[fault:status=400]] no'))
    expect(found).toEqual({
      [`exai_requests_total{${COMPLETE},code="INVALID_ARGUMENT"}`]: 1,
      [`exai_request_duration_seconds_count{${COMPLETE}}`]: 1,
      'exai_errors_total{reason="INVALID_REQUEST",origin="client"}': 1,
      exai_gateway_overhead_seconds_count: 1,
      [`gen_ai_client_operation_duration_seconds_count{${GEN_AI},error_type="_OTHER"}`]: 1,
      [`gen_ai_server_request_duration_seconds_count{${GEN_AI},error_type="_OTHER"}`]: 1,
    })
  })

  it('a provider that fails', async () => {
    expect(await moved(() => ask('[[fault:status=500]] broken'))).toEqual({
      [`exai_requests_total{${COMPLETE},code="UNAVAILABLE"}`]: 1,
      [`exai_request_duration_seconds_count{${COMPLETE}}`]: 1,
      'exai_errors_total{reason="UPSTREAM_UNAVAILABLE",origin="upstream"}': 1,
      exai_gateway_overhead_seconds_count: 1,
      [`gen_ai_client_operation_duration_seconds_count{${GEN_AI},error_type="UPSTREAM_UNAVAILABLE"}`]: 1,
      [`gen_ai_server_request_duration_seconds_count{${GEN_AI},error_type="UPSTREAM_UNAVAILABLE"}`]: 1,
    })
  })

  it('a model that nobody has', async () => {
    expect(await moved(() => ask('hello', 'made-up-model'))).toEqual({
      [`exai_requests_total{${COMPLETE},code="NOT_FOUND"}`]: 1,
      [`exai_request_duration_seconds_count{${COMPLETE}}`]: 1,
      'exai_errors_total{reason="MODEL_NOT_FOUND",origin="client"}': 1,
      exai_gateway_overhead_seconds_count: 1,
    })
  })

  it('a file that is stored', async () => {
    const found = await moved(() =>
      fetch(`${service.url}/exai.v1.FilesService/CreateFile`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ filename: 'a.txt', mimeType: 'text/plain', content: btoa('twelve bytes') }),
      }),
    )
    expect(found).toMatchObject({
      'exai_files_total{action="created"}': 1,
      'exai_file_bytes_total{action="created"}': 12,
      'exai_requests_total{door="connect",method="exai.v1.FilesService/CreateFile",code="OK"}': 1,
    })
  })

  it('a limit that refuses, and a configuration that is taken or refused', async () => {
    const path = join(folder, 'exai.yaml')
    writeFileSync(path, CONFIG.replace('1000', '1'))
    await service.line(({ msg, configVersion }) => msg === 'configuration taken' && configVersion === 2)
    expect(await scrape()).toMatch(/^exai_config_version 2$/m)
    const found = await moved(() => ask('one too many'))
    expect(found).toMatchObject({
      'exai_limit_refusals_total{limit="requests_per_minute",owner="tenant"}': 1,
      'exai_errors_total{reason="RATE_LIMITED",origin="gateway"}': 1,
    })
    const refused = await moved(async () => {
      writeFileSync(path, 'nonsense: 1\n')
      await service.line(({ msg }) => String(msg).startsWith('configuration refused'))
    })
    expect(refused).toEqual({ exai_config_refused_total: 1 })
    writeFileSync(path, CONFIG)
    await service.line(({ msg }) => msg === 'configuration taken', 10_000)
  })

  it('health checks, pages and scrapes move nothing', async () => {
    expect(
      await moved(async () => {
        await fetch(`${service.url}/health`)
        await fetch(`${service.url}/`)
        await scrape()
      }),
    ).toEqual({})
  })

  it('a watch counts while it is open', async () => {
    const leaving = new AbortController()
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')])
    const open = fetch(`${service.url}/grpc.health.v1.Health/Watch`, {
      method: 'POST',
      headers: { 'content-type': 'application/connect+json' },
      body: frame,
      signal: leaving.signal,
    })
    await open
    await eventually(async () => expect(await scrape()).toMatch(/^exai_watchers\{method=".*"\} 1$/m))
    leaving.abort()
    await eventually(async () => expect(await scrape()).not.toMatch(/^exai_watchers\{/m))
  })
})

const promtool = tool('promtool')?.path

it.runIf(promtool)("a scrape passes Prometheus' own check, and has few series", async () => {
  const body = await scrape()
  const check = spawnSync(promtool ?? '', ['check', 'metrics'], { input: body, encoding: 'utf8' })
  expect({ status: check.status, said: check.stdout + check.stderr }).toEqual({ status: 0, said: '' })
  expect(body.split('\n').filter(line => line !== '' && !line.startsWith('#')).length).toBeLessThan(
    SERIES_MAX / 20,
  )
})

const prometheus = join(root, 'build/prometheus/usr/bin/prometheus')

it.runIf(existsSync(prometheus))(
  'a real Prometheus scrapes it and raises the alert of an open circuit',
  async () => {
    const [port] = await freePorts(1)
    const rules = readFileSync(join(root, 'deploy/prometheus/alerts.yml'), 'utf8').replaceAll(
      /for: \d+m/g,
      'for: 1s',
    )
    const config = readFileSync(join(root, 'deploy/prometheus/prometheus.yml'), 'utf8')
      .replaceAll('15s', '1s')
      .replace('127.0.0.1:8080', new URL(service.url).host)
    writeFileSync(join(folder, 'alerts.yml'), rules)
    writeFileSync(join(folder, 'prometheus.yml'), config)
    await fetch(`${service.url}/exai.v1.MonitoringService/SetCircuit`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"provider":"openai","model":"test-model","action":"ACTION_OPEN","reason":"a test"}',
    })
    const child = spawn(
      prometheus,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    try {
      type Found = {
        readonly data: {
          readonly alerts: readonly object[]
          readonly groups: readonly { readonly rules: readonly { readonly health: string }[] }[]
        }
      }
      // What Prometheus answers to these two questions.
      const get = async (path: string): Promise<Found> =>
        (await fetch(`http://127.0.0.1:${port}${path}`)).json() as Promise<Found>
      await vi.waitFor(
        async () => {
          const { data } = await get('/api/v1/alerts')
          expect(data.alerts).toContainEqual(
            expect.objectContaining({
              state: 'firing',
              labels: expect.objectContaining({
                alertname: 'ExaiCircuitOpen',
                provider: 'openai',
                model: 'test-model',
              }),
            }),
          )
        },
        { timeout: 40_000, interval: 250 },
      )
      const { data } = await get('/api/v1/rules')
      const bad = data.groups.flatMap(group => group.rules.filter(rule => rule.health === 'err'))
      expect(bad).toEqual([])
    } finally {
      child.kill('SIGKILL')
      await new Promise(resolve => child.once('close', resolve))
    }
  },
  60_000,
)
