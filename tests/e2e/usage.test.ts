// What was used, over real sockets: the sums of GetUsage are those of the ledger, and the command line prints the same.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Code, createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { UsageDimension as By } from '#gen/exai/v1/usage_report_pb'
import { usageReport } from '../../src/cli/usage-report.ts'
import { chatClient, failureOf, question, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

// 2 and 8 dollars for a million tokens; the other model has no price.
const CONFIG = `models:
  - { provider: openai, id: priced, input_price: 2, output_price: 8 }
`

let upstream: Upstream
let dataDir: string
let service: Service
let costs: bigint

beforeAll(async () => {
  upstream = await startUpstream({ models: ['priced', 'unpriced'] })
  dataDir = await mkdtemp(join(tmpdir(), 'exai-usage-'))
  service = await startService(
    {
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      DATA_DIR: dataDir,
      EXAI_CONFIG: 'exai.yaml',
    },
    { files: { 'exai.yaml': CONFIG } },
  )
  costs = await callAll()
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
  await rm(dataDir, { recursive: true, force: true })
})

/** Calls in every protocol, whole and streamed, and one without a price; gives what the answers say that they cost. */
async function callAll(): Promise<bigint> {
  let sum = 0n
  for (const speech of speeches) {
    const chat = chatClient(speech, service.url)
    const { cost } = await chat.complete(question('openai/priced', `hello over ${speech.name}`))
    sum += cost?.nanoUsd ?? 0n
    for await (const { event } of chat.streamComplete(question('openai/priced', 'and again'))) {
      if (event.case === 'completed') sum += event.value.response?.cost?.nanoUsd ?? 0n
    }
  }
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  const { cost } = await chatClient(speech, service.url).complete(question('openai/unpriced', 'hello'))
  expect(cost?.known).toBe(false)
  return sum
}

const monitoring = (speech = speeches[0]) => {
  if (speech === undefined) throw new Error('there is no way to speak')
  return createClient(MonitoringService, speech.open(service.url))
}

/** The ledger on disk, added up by the test. */
function ledger() {
  const db = new DatabaseSync(join(dataDir, 'exai.db'), { readOnly: true })
  try {
    const rows = db.prepare('SELECT * FROM ledger').all()
    const sum = (column: string) => rows.reduce((total, row) => total + BigInt(Number(row[column])), 0n)
    return {
      requestCount: BigInt(rows.length),
      inputTokens: sum('input_tokens'),
      outputTokens: sum('output_tokens'),
      reasoningTokens: sum('reasoning_tokens'),
      cachedInputTokens: sum('cached_input_tokens'),
      costNanoUsd: sum('nano_usd'),
      unknownCostCount: BigInt(rows.filter(row => row['cost_known'] === 0).length),
    }
  } finally {
    db.close()
  }
}

describe('GetUsage', () => {
  it.each(speeches.map(speech => [speech.name, speech] as const))(
    'over %s tells what the ledger has, and the answers said',
    async (_, speech) => {
      const { rows, total } = await monitoring(speech).getUsage({ groupBy: [By.MODEL] })
      const booked = ledger()
      expect(booked.requestCount).toBe(BigInt(2 * speeches.length + 1))
      expect(total).toMatchObject(booked)
      expect(total?.costNanoUsd).toBe(costs)
      expect(costs).toBeGreaterThan(0n)
      expect(rows).toMatchObject([
        { model: 'priced', costNanoUsd: costs, unknownCostCount: 0n },
        { model: 'unpriced', requestCount: 1n, costNanoUsd: 0n, unknownCostCount: 1n },
      ])
    },
  )

  it('pages through its rows, by all dimensions', async () => {
    const asked = { groupBy: [By.DAY, By.MODEL, By.PROVIDER, By.KEY, By.TENANT], pageSize: 1 }
    const first = await monitoring().getUsage(asked)
    expect(first.rows).toMatchObject([
      { day: /^\d{4}-\d\d-\d\d$/.exec(first.rows[0]?.day ?? '')?.[0], model: 'priced', provider: 'openai' },
    ])
    expect(first.rows[0]).toMatchObject({ tenant: 'default', keyId: '', keyLabel: '' })
    const second = await monitoring().getUsage({ ...asked, pageToken: first.nextPageToken })
    expect(second.rows).toMatchObject([{ model: 'unpriced' }])
    expect([second.nextPageToken, second.endTime]).toEqual(['', first.endTime])
  })

  it('refuses what it cannot answer with the field in words', async () => {
    const failure = await failureOf(monitoring().getUsage({ groupBy: [By.DAY, By.DAY] }))
    expect([failure.code, failure.rawMessage]).toEqual([
      Code.InvalidArgument,
      'group_by has a dimension twice: name each once',
    ])
  })
})

describe('exai usage', () => {
  const run = (...args: string[]) =>
    usageReport(args, { host: '0.0.0.0', port: service.port }, Date.now() + 1)

  it('prints a table whose last line is the total', async () => {
    const end = await run('--by', 'provider,model', '--since', '1d')
    expect(end.type).toBe('printed')
    const lines = end.type === 'printed' ? end.text.trimEnd().split('\n') : []
    const cost = `${costs / 10n ** 9n}.${(costs % 10n ** 9n).toString().padStart(9, '0')}`.replace(
      /0{1,7}$/,
      '',
    )
    const booked = ledger()
    expect(lines[2]?.split(/ {2,}/).slice(0, 4)).toEqual(['provider', 'model', 'calls', 'errors'])
    expect(lines[3]).toMatch(/^openai +priced +\d+ /)
    expect(lines[4]).toMatch(/^openai +unpriced +1 /)
    expect(lines.slice(5)).toHaveLength(1)
    expect(lines[5]).toMatch(new RegExp(`^total +${booked.requestCount} +0 +${booked.inputTokens} `))
    expect(lines[5]).toContain(` ${cost} `)
  })

  it('prints the same as JSON', async () => {
    const end = await run('--by', 'model', '--json')
    const told = JSON.parse(end.type === 'printed' ? end.text : '{}')
    expect(told.total).toMatchObject({ costNanoUsd: `${costs}`, unknownCostCount: '1' })
    expect(told.rows.map(({ model }: { model: string }) => model)).toEqual(['priced', 'unpriced'])
    const nothing = await run('--until', '2020-01-01', '--since', '2019-12-31T00:00:00+01:00', '--json')
    expect(JSON.parse(nothing.type === 'printed' ? nothing.text : '{}')).toMatchObject({
      rows: [],
      total: {},
    })
  })

  it.each([
    ['an unknown dimension', ['--by', 'day,colour'], 'misused', '--by has "colour"'],
    ['a time that is none', ['--since', 'yesterday'], 'misused', '--since has "yesterday"'],
    ['an option that is none', ['--from', 'x'], 'misused', "Unknown option '--from'"],
    ['a refusal', ['--since', '1h', '--until', '2h'], 'failed', 'invalid_argument: end_time must not'],
  ])('says what is wrong for %s', async (_, args, type, line) => {
    expect(await run(...args)).toMatchObject({ type, line: expect.stringContaining(line) })
  })

  it('says so when nobody answers, or somebody else does', async () => {
    const other = createServer((_, res) => void res.writeHead(404).end('<html>'))
    await new Promise<void>(resolve => void other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const target = { host: '127.0.0.1', port }
    expect(await usageReport([], target, 0)).toMatchObject({
      type: 'failed',
      line: 'no service answers: something else answers there, with HTTP 404',
    })
    await new Promise(resolve => void other.close(resolve))
    expect(await usageReport([], target, 0)).toMatchObject({
      type: 'failed',
      line: expect.stringMatching(/^no service answers: .*ECONNREFUSED/),
    })
  })
})
