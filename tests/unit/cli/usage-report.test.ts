// The words of `exai usage`: exact money, names that cannot harm a terminal, pages, and help.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ServiceTarget } from '../../../src/cli/client.ts'
import { usageReport } from '../../../src/cli/usage-report.ts'

interface Received {
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

let server: Server
afterEach(() => new Promise(resolve => void server?.close(resolve)))

/** A service that gives these answers, one after another. */
async function serviceOf(...answers: object[]) {
  const received: Received[] = []
  server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    received.push({ url: req.url, headers: req.headers, body: JSON.parse(Buffer.concat(chunks).toString()) })
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify(answers.shift() ?? {}))
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  return { received, target }
}
async function printed(args: readonly string[], target: ServiceTarget): Promise<string> {
  const end = await usageReport(args, target, 0)
  if (end.type !== 'printed') throw new Error(end.line)
  return end.text
}

const times = { startTime: '2026-11-01T00:00:00Z', endTime: '2026-11-02T00:00:00Z' }

describe('exai usage', () => {
  it('prints money in dollars to the last billionth, with two decimals at least', async () => {
    const costs = ['0', '1', '10000000', '1234567890', '9007199254740993', '5000000000']
    const rows = costs.map((costNanoUsd, index) => ({ model: `m${index}`, costNanoUsd, requestCount: '1' }))
    const { target } = await serviceOf({ ...times, rows, total: { costNanoUsd: '42', requestCount: '6' } })
    const text = await printed(['--by', 'model'], target)
    expect(text.split('\n').map(line => line.split(/ {2,}/)[8])).toEqual([
      undefined,
      undefined,
      'cost (USD)',
      '0.00',
      '0.000000001',
      '0.01',
      '1.23456789',
      '9007199.254740993',
      '5.00',
      '0.000000042',
      undefined,
    ])
    expect(text.split('\n')[0]).toBe('2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z')
  })

  it('shows names from outside without what moves the cursor of a terminal', async () => {
    const row = { keyId: 'key_1', keyLabel: 'red\u001b[31m\r\n\u202etxt', requestCount: '1' }
    const { target } = await serviceOf({ ...times, rows: [row], total: {} })
    const text = await printed(['--by', 'key'], target)
    expect(text).toContain('key_1 red\ufffd[31m\ufffd\ufffd\ufffdtxt')
    for (const moving of ['\u001b', '\r', '\u202e']) expect(text).not.toContain(moving)
  })

  it('asks for page after page with the same question, its credential and its times', async () => {
    const { target, received } = await serviceOf(
      { ...times, rows: [{ day: '2026-11-01' }], total: {}, nextPageToken: 'more' },
      { ...times, rows: [{ day: '2026-10-31' }], total: {} },
    )
    const now = Date.parse('2026-11-22T12:00:00Z')
    const args = ['--by=day, tenant', '--since=2d', '--until=2026-11-22', '--tenant=acme', '--json']
    const end = await usageReport(args, { ...target, credential: 'exai_x' }, now)
    expect(JSON.parse(end.type === 'printed' ? end.text : '')).toEqual({
      ...times,
      rows: [{ day: '2026-11-01' }, { day: '2026-10-31' }],
      total: {},
    })
    const question = {
      groupBy: ['USAGE_DIMENSION_DAY', 'USAGE_DIMENSION_TENANT'],
      startTime: '2026-11-20T12:00:00Z',
      endTime: '2026-11-22T00:00:00Z',
      tenant: 'acme',
      pageSize: 500,
    }
    expect(received.map(({ body }) => body)).toEqual([question, { ...question, pageToken: 'more' }])
    expect(received[0]).toMatchObject({
      url: '/exai.v1.MonitoringService/GetUsage',
      headers: { authorization: 'Bearer exai_x', 'content-type': 'application/json', host: 'localhost' },
    })
  })

  it('tells its options without asking anybody', async () => {
    const { received, target } = await serviceOf()
    const text = await printed(['--help'], target)
    for (const option of ['--by', '--since', '--until', '--tenant', '--json', 'EXAI_API_KEY'])
      expect(text).toContain(option)
    expect(received).toEqual([])
  })
})
