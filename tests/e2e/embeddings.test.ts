// Embeddings through a running service: every protocol, whoever serves the same model, limits, money, and what is told of them.
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Client, createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EmbeddingsService, type EmbedResponse } from '#gen/exai/v1/embeddings_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { RouteAttempt_Outcome as Outcome, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { failureOf, infoOf, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startGlm } from '../support/upstream/glm.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const SMALL = 'text-embedding-3-small'

let first: Upstream
let second: Upstream
let bigModel: Upstream

beforeAll(async () => {
  first = await startUpstream()
  second = await startUpstream({ name: 'second' })
  bigModel = await startGlm({ bigModel: true })
})
const cleanups: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
  for (const one of [first, second, bigModel]) await one.close()
})

const spoken = (at: number) => {
  const speech = speeches[at]
  if (speech === undefined) throw new Error('there is no way to speak')
  return speech
}

interface Started {
  readonly service: Service
  readonly embeddings: Client<typeof EmbeddingsService>
  /** The rows of the ledger on disk. */
  readonly ledger: () => readonly Readonly<Record<string, unknown>>[]
}

/** A service with OpenAI, a second host of the same models, and BigModel; with more lines of configuration. */
async function start(more = ''): Promise<Started> {
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-embeddings-'))
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }))
  const file = [
    'providers:',
    `  - { name: second, kind: openai-compatible, base_url: '${second.url}', keys: [{ api_key: test-key }],`,
    `      models: [{ id: ${SMALL}, input_price: 0.04, output_price: 0 }] }`,
    more,
  ]
  const service = await startService(
    {
      DATA_DIR: dataDir,
      EXAI_CONFIG: 'exai.yaml',
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: first.url,
      GLM_API_KEY: 'test-key',
      GLM_BASE_URL: bigModel.url,
    },
    { files: { 'exai.yaml': file.join('\n') } },
  )
  cleanups.push(() => service.stop('SIGKILL'))
  return {
    service,
    embeddings: createClient(EmbeddingsService, spoken(0).open(service.url)),
    ledger() {
      using db = new DatabaseSync(join(dataDir, 'exai.db'), { readOnly: true })
      return db.prepare('SELECT * FROM ledger ORDER BY rowid').all()
    },
  }
}

/** What the double of OpenAI makes of a text: bytes of hashes, as a vector of length 1. */
function vectorOf(text: string, size: number): readonly number[] {
  const bytes = Buffer.concat(
    Array.from({ length: Math.ceil(size / 32) }, (_, block) =>
      createHash('sha256').update(`${block}:${text}`).digest(),
    ),
  )
  const raw = Array.from({ length: size }, (_, at) => (bytes[at] ?? 0) - 127.5)
  const norm = Math.hypot(...raw)
  return raw.map(each => Math.fround(each / norm))
}
const numbersOf = ({ embeddings }: EmbedResponse) => embeddings.map(({ values }) => values)

describe('vectors', () => {
  let started: Started
  beforeAll(async () => {
    started = await start()
  })

  it.each(speeches)('come in the order of the inputs over $name', async speech => {
    const embeddings = createClient(EmbeddingsService, speech.open(started.service.url))
    const answer = await embeddings.embed({ model: SMALL, inputs: ['one two', 'three'] })
    expect(answer).toMatchObject({ model: SMALL, provider: 'openai', warnings: [] })
    expect(answer.embeddings.map(({ index }) => index)).toEqual([0, 1])
    expect(numbersOf(answer)).toEqual([vectorOf('one two', 1536), vectorOf('three', 1536)])
    // The double counts words; two cents for a million tokens.
    expect(answer.usage).toMatchObject({ inputTokens: 3, outputTokens: 0, provenance: Provenance.REPORTED })
    expect(answer.cost).toMatchObject({ known: true, nanoUsd: 60n })
    expect(answer.route?.attempts).toMatchObject([{ provider: 'openai', outcome: Outcome.SUCCEEDED }])
  })

  it('are made anew for each call: there is no key by which a retry would be recognized', async () => {
    const asks = () => first.requests.filter(({ path }) => path === '/v1/embeddings').length
    const before = asks()
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'again' }
    const body = (more: object) => JSON.stringify({ model: SMALL, ...more })
    const ask = async (path: string, more: object): Promise<number> =>
      (await fetch(`${started.service.url}${path}`, { method: 'POST', headers, body: body(more) })).status
    for (const path of ['/v1/embeddings', '/v1/embeddings']) expect(await ask(path, { input: 'x' })).toBe(200)
    const path = '/exai.v1.EmbeddingsService/Embed'
    for (const one of [path, path]) expect(await ask(one, { inputs: ['x'] })).toBe(200)
    expect(asks()).toBe(before + 4)
    // A field for it is refused, so that nobody relies on it.
    expect(await ask(path, { inputs: ['x'], idempotencyKey: 'again' })).toBe(400)
  })

  it('of BigModel come in parts, and its price is not known', async () => {
    const from = bigModel.requests.length
    const inputs = Array.from({ length: 100 }, (_, at) => `text ${at}`)
    const answer = await started.embeddings.embed({ model: 'embedding-3', inputs, dimensions: 256 })
    expect(bigModel.requests.slice(from).map(({ body }) => Object(body)['input'].length)).toEqual([64, 36])
    expect(answer.embeddings.map(({ values }) => values.length)).toEqual(Array(100).fill(256))
    expect(answer).toMatchObject({ provider: 'glm', usage: { inputTokens: 200 }, cost: { known: false } })
    const alone = await started.embeddings.embed({
      model: 'embedding-3',
      inputs: ['text 99'],
      dimensions: 256,
    })
    expect(numbersOf(answer)[99]).toEqual(numbersOf(alone)[0])
  })

  it('of a model with one length have it, and a warning says so', async () => {
    const asked = { model: 'text-embedding-ada-002', inputs: ['x'], dimensions: 3 }
    const answer = await started.embeddings.embed(asked)
    expect(numbersOf(answer)[0]).toHaveLength(1536)
    expect(answer.warnings).toMatchObject([{ reason: Warning_Reason.DROPPED, field: 'dimensions' }])
    const strict = infoOf(await failureOf(started.embeddings.embed({ ...asked, strict: true })))
    expect(strict?.reason).toBe(ErrorReason.UNSUPPORTED)
  })

  it.each([
    ['auto', { model: 'auto', inputs: ['x'] }, ErrorReason.INVALID_REQUEST],
    ['no inputs', { model: SMALL, inputs: [] }, ErrorReason.INVALID_REQUEST],
    ['an empty input', { model: SMALL, inputs: ['x', ''] }, ErrorReason.INVALID_REQUEST],
    ['another model', { model: 'text-embedding-9', inputs: ['x'] }, ErrorReason.MODEL_NOT_FOUND],
    ['a chat model', { model: 'gpt-6-sol', inputs: ['x'] }, ErrorReason.UNSUPPORTED],
    ['a long input', { model: SMALL, inputs: ['x', 'y '.repeat(9_000)] }, ErrorReason.CONTEXT_TOO_LONG],
  ])('are not made for %s', async (_, asked, reason) => {
    const asks = () => first.requests.filter(({ path }) => path === '/v1/embeddings').length
    const before = asks()
    expect(infoOf(await failureOf(started.embeddings.embed(asked)))?.reason).toBe(reason)
    expect(asks()).toBe(before)
  })

  it('are in the ledger, the usage, the recent requests, the metrics and the log of the call', async () => {
    const headers = { 'x-request-id': 'told-of-vectors' }
    const { cost } = await started.embeddings.embed(
      { model: SMALL, inputs: ['canary one', 'two'] },
      { headers },
    )
    const line = await started.service.call('told-of-vectors')
    expect(line).toMatchObject({
      method: 'exai.v1.EmbeddingsService/Embed',
      provider: 'openai',
      model: SMALL,
      attempts: 1,
      input_tokens: 3,
      output_tokens: 0,
    })
    const monitoring = createClient(MonitoringService, spoken(0).open(started.service.url))
    const { requests } = await monitoring.listRequests({ requestId: 'told-of-vectors' })
    expect(requests).toMatchObject([
      {
        requestId: 'told-of-vectors',
        model: SMALL,
        usage: { inputTokens: 3 },
        route: { requestedModel: SMALL },
      },
    ])
    const rows = started.ledger().filter(row => row['model'] === SMALL)
    expect(rows.at(-1)).toMatchObject({ provider: 'openai', input_tokens: 3, output_tokens: 0, nano_usd: 60 })
    expect(Number(rows.at(-1)?.['nano_usd'])).toBe(Number(cost?.nanoUsd))
    const used = rows.filter(row => Number(row['input_tokens']) > 0)
    const sums = await monitoring.getUsage({ models: [SMALL] })
    expect(sums.total).toMatchObject({
      requestCount: BigInt(rows.length),
      inputTokens: rows.reduce((sum, row) => sum + BigInt(Number(row['input_tokens'])), 0n),
    })
    const metrics = await (await fetch(`${started.service.url}/metrics`)).text()
    const labels = `gen_ai_operation_name="embeddings",gen_ai_provider_name="openai",gen_ai_request_model="${SMALL}"`
    expect(metrics).toContain(
      `gen_ai_client_token_usage_count{${labels},gen_ai_token_type="input"} ${used.length}`,
    )
    expect(metrics).toContain(`gen_ai_client_operation_duration_seconds_count{${labels},error_type=""}`)
    expect(metrics).not.toContain(`{${labels},gen_ai_token_type="output"}`)
    expect(metrics).not.toContain(`gen_ai_client_operation_time_to_first_chunk_seconds_count{${labels}`)
    expect(started.service.output()).not.toContain('canary')
  })
})

describe('a provider that fails', () => {
  let started: Started
  beforeAll(async () => {
    started = await start()
  })

  it.each([
    ['refuses', '[[fault@openai:status=500]]', Outcome.FAILED, 40n],
    // Half an answer may be billed.
    ['breaks its answer', '[[fault@openai:half-json]]', Outcome.FAILED, undefined],
    // The last one: its key rests for a while.
    ['limits us', '[[fault@openai:status=429]]', Outcome.FAILED, 40n],
  ])('and %s is replaced by another one that serves the same model', async (_, fault, outcome, nanoUsd) => {
    const answer = await started.embeddings.embed({ model: SMALL, inputs: [`${fault} one`] })
    expect([answer.provider, answer.model]).toEqual(['second', SMALL])
    expect(numbersOf(answer)).toEqual([vectorOf('one', 1536)])
    expect(answer.route?.attempts).toMatchObject([
      { provider: 'openai', outcome },
      { provider: 'second', outcome: Outcome.SUCCEEDED },
    ])
    if (nanoUsd !== undefined) expect(answer.cost?.nanoUsd).toBe(nanoUsd)
    else expect(answer.cost?.lines.map(({ provider }) => provider)).toEqual(['openai', 'second'])
  })

  it('is not, where the name is its own', async () => {
    const failure = await failureOf(
      started.embeddings.embed({ model: `second/${SMALL}`, inputs: ['[[fault@second:status=500]] x'] }),
    )
    const info = infoOf(failure)
    expect([info?.reason, info?.provider]).toEqual([ErrorReason.UPSTREAM_UNAVAILABLE, 'second'])
    expect(info?.route?.attempts.map(({ provider }) => provider)).toEqual(['second'])
  })

  it('with too few vectors has broken its answer', async () => {
    second.next({ raw: { body: JSON.stringify({ object: 'list', data: [] }) } })
    const failure = await failureOf(started.embeddings.embed({ model: `second/${SMALL}`, inputs: ['x'] }))
    expect(infoOf(failure)?.reason).toBe(ErrorReason.UPSTREAM_BROKEN)
  })

  it('is let go of as soon as the client leaves', async () => {
    const from = second.requests.length
    const leaving = new AbortController()
    const headers = { 'x-request-id': 'left-alone' }
    const asked = { model: `second/${SMALL}`, inputs: ['[[fault@second:hang-before-headers]] x'] }
    const failing = failureOf(started.embeddings.embed(asked, { signal: leaving.signal, headers }))
    const request = await second.waitFor(
      each => second.requests.indexOf(each) >= from && each.body !== undefined,
    )
    leaving.abort()
    await failing
    await second.waitFor(each => each === request && each.closedByClientAtMs !== undefined)
    expect(await started.service.call('left-alone')).toMatchObject({ code: 'CANCELLED' })
  })
})

describe('limits', () => {
  it('of money stand before the provider: what is reserved is the price of the input', async () => {
    // Two cents for a million tokens: ten tokens are 200 nano-USD.
    const { embeddings, ledger } = await start(
      'limits: { tenants: { default: { day_budget_usd: 0.0000002 } } }',
    )
    const five = { model: `openai/${SMALL}`, inputs: ['one two', 'three four five'] }
    await embeddings.embed(five)
    await embeddings.embed(five)
    const from = first.requests.length
    const failure = infoOf(await failureOf(embeddings.embed(five)))
    expect(failure?.reason).toBe(ErrorReason.BUDGET_SPENT)
    expect(first.requests.length).toBe(from)
    // A refused call has a line, too.
    expect(ledger().map(row => row['nano_usd'])).toEqual([100, 100, 0])
    // What costs nobody knows how much is not let pass for nothing.
    const unknown = infoOf(await failureOf(embeddings.embed({ model: 'embedding-3', inputs: ['x'] })))
    expect(unknown?.reason).toBe(ErrorReason.BUDGET_SPENT)
  })

  it('of tokens and requests count it, and a dearer provider is passed over', async () => {
    const { embeddings } = await start(
      `limits: { tenants: { default: { tokens_per_minute: 10 } }, models: { openai/${SMALL}: { requests_per_minute: 1 } } }`,
    )
    const asked = { model: SMALL, inputs: ['one two three'] }
    expect((await embeddings.embed(asked)).provider).toBe('openai')
    const passed = await embeddings.embed(asked)
    expect(passed.provider).toBe('second')
    expect(passed.route?.skipped).toMatchObject([{ provider: 'openai', reason: Skip.BUSY }])
    const refused = infoOf(await failureOf(embeddings.embed({ ...asked, inputs: ['a b c d e'] })))
    expect(refused?.reason).toBe(ErrorReason.RATE_LIMITED)
  })
})
