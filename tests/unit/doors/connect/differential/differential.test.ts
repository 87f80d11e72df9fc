// Calls served directly are answered to the byte as connect-es answers them: hundreds of raw requests to both, and no difference.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bytesOf,
  type Case,
  framed,
  headersOf,
  methods,
  packed,
  timeOuts,
  versions,
  wellFormed,
} from './cases.ts'
import { createRawClient, type RawAnswer, type RawClient } from './client.ts'
import { oddBodies, oddHeaders } from './odd-cases.ts'
import { type Differing, startDiffering } from './server.ts'

let direct: Differing
let official: Differing
let clients: readonly [RawClient, RawClient]

beforeAll(async () => {
  direct = await startDiffering(false)
  official = await startDiffering(true)
  clients = [createRawClient(direct.url), createRawClient(official.url)]
})

afterAll(async () => {
  for (const client of clients) client[Symbol.dispose]()
  await direct[Symbol.asyncDispose]()
  await official[Symbol.asyncDispose]()
})

/** An answer, and what the server says of the call that got it. */
type Outcome = {
  readonly answer: RawAnswer | string
  readonly end: Record<string, unknown> | undefined
  readonly record: Record<string, unknown> | undefined
}

async function ask(client: RawClient, { seen, idle }: Differing, one: Case): Promise<Outcome> {
  seen.ends.length = 0
  seen.records.length = 0
  const answer = await client.send(one).catch(String)
  await idle()
  const end = seen.ends.pop()
  const record = seen.records.pop()
  if (seen.ends.length + seen.records.length > 0) throw new Error(`${one.name} was counted more than once`)
  return {
    answer,
    end: end && { ...end, durationMs: 0 },
    record: record && { ...record, startedAt: 0, durationMs: 0, overheadMs: 0 },
  }
}

/** The requests that are not answered alike, and how often each status came. */
async function compare(cases: readonly Case[]) {
  const differences: unknown[] = []
  const statuses: Record<string, number> = {}
  for (const one of cases) {
    const [got, wanted] = await Promise.all([ask(clients[0], direct, one), ask(clients[1], official, one)])
    const { answer, end } = wanted
    if (typeof answer === 'string') throw new Error(`${one.name} has no answer: ${answer}`)
    const status = `${answer.status} ${end?.['code']}`
    statuses[status] = (statuses[status] ?? 0) + 1
    if (JSON.stringify(got) !== JSON.stringify(wanted)) differences.push({ name: one.name, got, wanted })
  }
  return { differences, statuses }
}

function isDirect(version: 1 | 2, type: string): boolean {
  return version === 2 || !/^application\/grpc(?:\+|$)/.test(type)
}

describe('both ways answer alike', () => {
  const groups = { wellFormed, packed, oddBodies, timeOuts, oddHeaders }
  const found: Record<string, number> = {}
  test.each([
    [
      'what is well-formed, however its handler goes on',
      'wellFormed',
      ['200 OK', '429 RESOURCE_EXHAUSTED', '500 INTERNAL'],
    ],
    ['packed requests', 'packed', ['200 OK', '501 UNIMPLEMENTED', '429 RESOURCE_EXHAUSTED']],
    [
      'bodies that are not what they should be',
      'oddBodies',
      ['200 OK', '400 INVALID_ARGUMENT', '429 RESOURCE_EXHAUSTED', '200 UNIMPLEMENTED'],
    ],
    ['time-outs', 'timeOuts', ['200 OK', '504 DEADLINE_EXCEEDED', '400 INVALID_ARGUMENT']],
    [
      'other content types, verbs and methods',
      'oddHeaders',
      ['200 OK', '415 INVALID_ARGUMENT', '405 INVALID_ARGUMENT', '404 UNIMPLEMENTED'],
    ],
  ] as const)(
    '%s',
    async (_name, group, statuses) => {
      const cases = groups[group]()
      found[group] = cases.length
      const result = await compare(cases)
      expect(result.differences).toEqual([])
      expect(Object.keys(result.statuses)).toEqual(expect.arrayContaining([...statuses]))
    },
    60_000,
  )

  test('it is more than three hundred requests', () => {
    expect(Object.values(found).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(300)
  })
})

test('what is well-formed is served directly, but for gRPC on HTTP/1.1', async () => {
  const cases = wellFormed().filter(({ version, headers }) =>
    isDirect(version, headers['content-type'] ?? ''),
  )
  direct.seen.officially = 0
  for (const one of cases) await ask(clients[0], direct, one)
  expect(cases.length).toBeGreaterThan(300)
  expect(direct.seen.officially).toBe(0)
}, 60_000)

test.each(versions.flatMap(version => methods.map(({ path, forms }) => ({ version, path, forms }))))(
  'an answer that cannot be written is our fault: $path on HTTP/$version',
  async ({ version, path, forms }) => {
    for (const one of forms.filter(each => each.isBinary && isDirect(version, each.type))) {
      const body = [framed(one, bytesOf(one, { model: 'unwritable' }))]
      const request = { name: one.type, version, path, headers: headersOf(one), body }
      const isDirect = version === 2 || !/^application\/grpc(?:\+|$)/.test(one.type)
      if (!isDirect) continue
      const { answer, end } = await ask(clients[0], direct, request)
      expect([one.type, end]).toMatchObject([one.type, { code: 'INTERNAL', origin: 'gateway' }])
      expect(JSON.stringify(answer)).toMatch(/internal(?:%20| )error/)
      expect(JSON.stringify(answer)).not.toContain('1.5')
    }
  },
)
