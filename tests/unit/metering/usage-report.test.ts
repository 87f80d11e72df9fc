// What a report of usage is asked for, what it shows to whom, and how its pages hang together.
import { create } from '@bufbuild/protobuf'
import { beforeEach, describe, expect, it } from 'vitest'
import { GetUsageRequestSchema, GetUsageResponseSchema } from '#gen/exai/v1/monitoring_service_pb'
import { UsageDimension as By } from '#gen/exai/v1/usage_report_pb'
import type { Caller, Scope } from '../../../src/core/caller.ts'
import { newId } from '../../../src/core/ids.ts'
import { timestampOf } from '../../../src/core/time.ts'
import { createUsageReport } from '../../../src/metering/usage-report.ts'
import { auditEntry, storedKey } from '../../suites/keys.ts'
import { line, openSqliteRig, type StoreRig, settled } from '../../support/store-rig.ts'

const DAY_MS = 86_400_000
let rig: StoreRig

beforeEach(async () => {
  rig = await openSqliteRig({ path: ':memory:' })
  return () => rig.close()
})

type Asked = NonNullable<Parameters<typeof create<typeof GetUsageRequestSchema>>[1]>

const caller = (tenant: string, ...scopes: Scope[]): Caller => ({ tenant, subject: '', scopes })
const watcher = caller('acme', 'monitoring')
const admin = caller('acme', 'admin')

async function report(asked: Asked = {}, by: Caller = watcher) {
  const { usage, keys } = rig.ports()
  const answer = createUsageReport({ usage, keys, clock: rig.clock })(
    by,
    create(GetUsageRequestSchema, asked),
  )
  return create(GetUsageResponseSchema, await answer)
}

/** Books a call that ended so long before now. */
async function call(own: {
  tenant?: string
  subject?: string
  agoMs?: number
  model?: string
  nanoUsd?: bigint
}): Promise<void> {
  const { tenant = 'acme', subject = '', agoMs = 1_000, model = 'm', nanoUsd = 5n } = own
  await rig.ports().journal.commit(
    settled({
      caller: { tenant, subject, scopes: [] },
      startedAt: rig.clock.now() - agoMs,
      durationMs: 0,
      ledger: [line('p', model, { nanoUsd })],
    }),
  )
}

describe('a report of usage', () => {
  it('is of the last 30 days when nothing is said, and tells so', async () => {
    await call({ agoMs: 30 * DAY_MS, nanoUsd: 1n })
    await call({ agoMs: 30 * DAY_MS + 1, nanoUsd: 10n })
    await call({ agoMs: 0, nanoUsd: 100n })
    const { rows, total, startTime, endTime } = await report()
    expect(rows).toMatchObject([{ requestCount: 1n, costNanoUsd: 1n, inputTokens: 10n }])
    expect(total).toMatchObject({ requestCount: 1n, costNanoUsd: 1n })
    expect(endTime).toMatchObject(timestampOf(rig.clock.now()))
    expect(startTime).toMatchObject(timestampOf(rig.clock.now() - 30 * DAY_MS))
  })

  it('begins 30 days before an end that is given, and takes in what is asked for', async () => {
    await call({ agoMs: 40 * DAY_MS, model: 'a', nanoUsd: 1n })
    await call({ agoMs: 40 * DAY_MS, model: 'b', nanoUsd: 10n })
    await call({ agoMs: 1_000, nanoUsd: 100n })
    const endTime = timestampOf(rig.clock.now() - 15 * DAY_MS)
    expect((await report({ endTime })).total?.costNanoUsd).toBe(11n)
    expect((await report({ endTime, models: ['a', 'x'] })).total?.costNanoUsd).toBe(1n)
    expect((await report({ endTime, providers: ['x'] })).rows).toEqual([])
  })

  it('shows callers their own tenant, and admins every one', async () => {
    await call({ tenant: 'acme', nanoUsd: 1n })
    await call({ tenant: 'other', nanoUsd: 10n })
    const sumFor = async (tenant: string, by: Caller) => (await report({ tenant }, by)).total?.costNanoUsd
    expect(await sumFor('', watcher)).toBe(1n)
    expect(await sumFor('acme', watcher)).toBe(1n)
    expect(await sumFor('', admin)).toBe(11n)
    expect(await sumFor('other', admin)).toBe(10n)
    for (const tenant of ['other', 'nobody', 'ACME', "acme' OR 1=1 --"])
      await expect(sumFor(tenant, watcher)).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' })
  })

  it('names keys by the label that they have, and only those of tenants that are shown', async () => {
    const mine = storedKey({ id: newId('key', 1), label: 'mine' })
    const theirs = storedKey({ id: newId('key', 2), label: 'theirs', tenant: 'other' })
    for (const key of [mine, theirs]) await rig.ports().keys.add(key, auditEntry('key.create', key.id))
    await call({ subject: mine.id, nanoUsd: 4n })
    // A token may have any subject, that of a foreign key too.
    await call({ subject: theirs.id, nanoUsd: 3n })
    await call({ subject: newId('key', 3), nanoUsd: 2n })
    await call({ subject: 'user|1', nanoUsd: 1n })
    const seenBy = async (by: Caller) =>
      (await report({ groupBy: [By.KEY] }, by)).rows.map(({ keyId, keyLabel }) => [keyId !== '', keyLabel])
    expect(await seenBy(watcher)).toEqual([
      [true, 'mine'],
      [true, ''],
      [true, ''],
      [false, ''],
    ])
    expect((await seenBy(admin))[1]).toEqual([true, 'theirs'])
    expect((await report({ keyIds: [mine.id] })).total?.costNanoUsd).toBe(4n)
  })

  it('gives its pages one after another, all of one time and with the total of all', async () => {
    for (const [index, model] of ['a', 'b', 'c', 'd', 'e'].entries())
      await call({ model, nanoUsd: BigInt(10 - index) })
    const asked: Asked = { groupBy: [By.MODEL], pageSize: 2 }
    const models: string[] = []
    let pageToken = ''
    do {
      const page = await report({ ...asked, pageToken })
      models.push(...page.rows.map(({ model }) => model))
      expect(page.total).toMatchObject({ requestCount: 5n, costNanoUsd: 40n })
      pageToken = page.nextPageToken
      // Time goes on, and a dear call ends between two pages.
      rig.clock.pass(2_000)
      await call({ model: 'later', agoMs: 0, nanoUsd: 99n })
    } while (pageToken !== '')
    expect(models).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  const at = timestampOf(5_000)
  it.each<[string, Asked, string]>([
    ['no dimension', { groupBy: [By.UNSPECIFIED] }, 'group_by has an unknown dimension'],
    ['an unknown dimension', { groupBy: [99 as By] }, 'group_by has an unknown dimension'],
    ['a dimension twice', { groupBy: [By.DAY, By.MODEL, By.DAY] }, 'group_by has a dimension twice'],
    ['an end before the start', { startTime: at, endTime: timestampOf(4_999) }, 'end_time must not be'],
    ['a negative page size', { pageSize: -1 }, 'page_size: must not be negative'],
    ['a token that is none', { pageToken: 'abc' }, 'page_token: is not of this query'],
  ])('is refused for %s', async (_, asked, message) => {
    await expect(report(asked)).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringContaining(message),
    })
  })

  it('is refused for a token of another question or another tenant', async () => {
    for (const model of ['a', 'b']) await call({ model })
    const asked: Asked = { groupBy: [By.MODEL], pageSize: 1 }
    const { nextPageToken: pageToken } = await report(asked)
    expect(pageToken).not.toBe('')
    await expect(report({ ...asked, models: ['a'], pageToken })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    })
    await expect(report({ ...asked, pageToken }, caller('other', 'monitoring'))).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    })
  })

  it('of a time that has not been, or of no time at all, is empty and has a total of nothing', async () => {
    await call({})
    const far = { seconds: 253_402_300_799n, nanos: 999_999_999 }
    for (const time of [far, timestampOf(0), { seconds: -9_000_000_000n, nanos: 0 }]) {
      const { rows, total } = await report({ startTime: time, endTime: time })
      expect(rows).toEqual([])
      expect(total).toMatchObject({ requestCount: 0n, costNanoUsd: 0n })
    }
  })
})
