// The list of recent calls: newest first, page by page, by every filter, and only what the caller may see.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RequestRecord_Outcome as Outcome } from '#gen/exai/v1/event_pb'
import { ListRequestsRequestSchema } from '#gen/exai/v1/monitoring_service_pb'
import type { CallRecord, GatewayEvent } from '../../../src/core/gateway-event.ts'
import { durationOf, timestampOf } from '../../../src/core/time.ts'
import { createRequestList } from '../../../src/status/list-requests.ts'
import { createRecentCalls, type RecentCallsDeps } from '../../../src/status/recent-calls.ts'
import { callerOf, callRecordOf } from '../../support/call-records.ts'
import { createHandClock } from '../../support/hand-clock.ts'

type Request = MessageInitShape<typeof ListRequestsRequestSchema>

function setUp(limits: Partial<RecentCallsDeps> = {}) {
  const clock = createHandClock()
  const events: GatewayEvent[] = []
  const calls = createRecentCalls({ onEvent: event => void events.push(event), ...limits })
  const list = createRequestList({ calls, clock })
  const add = (own: Partial<CallRecord>) => {
    const call = { method: callRecordOf(own).method, record: () => callRecordOf(own) }
    calls.began(call)
    calls.ended(call)
  }
  const ask = (request: Request = {}, caller = callerOf('ops', 'admin')) =>
    list(caller, create(ListRequestsRequestSchema, request))
  const ids = (request: Request = {}, caller = callerOf('ops', 'admin')) =>
    (ask(request, caller).requests ?? []).map(({ requestId }) => requestId)
  return { clock, calls, events, add, ask, ids }
}

describe('the list of recent calls', () => {
  it('has running and ended ones, newest first', () => {
    const { calls, add, ask } = setUp()
    let record = callRecordOf({ requestId: 'runs', stand: 'running', durationMs: undefined })
    const running = { method: record.method, record: () => record }
    calls.began(running)
    add({ requestId: 'done' })
    expect(ask().requests).toMatchObject([
      { requestId: 'done', outcome: Outcome.SUCCEEDED, duration: { nanos: 10_000_000 } },
      { requestId: 'runs', outcome: Outcome.RUNNING },
    ])
    expect(ask().requests?.[1]).not.toHaveProperty('duration')
    record = callRecordOf({ requestId: 'runs', stand: 'failed', error: 'UPSTREAM_BROKEN' })
    calls.ended(running)
    expect(ask().requests?.[1]).toMatchObject({ outcome: Outcome.FAILED, error: ErrorReason.UPSTREAM_BROKEN })
  })

  it('comes in pages that neither repeat nor miss a call, whatever comes meanwhile', () => {
    const { add, ask } = setUp()
    for (let index = 0; index < 5; index += 1) add({ requestId: `r${index}` })
    const first = ask({ pageSize: 2 })
    add({ requestId: 'later' })
    const second = ask({ pageSize: 2, pageToken: first.nextPageToken ?? '' })
    const third = ask({ pageSize: 2, pageToken: second.nextPageToken ?? '' })
    const ids = [first, second, third].flatMap(({ requests = [] }) => requests.map(one => one.requestId))
    expect(ids).toEqual(['r4', 'r3', 'r2', 'r1', 'r0'])
    expect(third.nextPageToken).toBe('')
  })

  it('keeps what each filter names', () => {
    const { clock, add, ids } = setUp()
    const at = clock.now()
    const tried = (provider: string, model: string) => ({ route: { attempts: [{ provider, model }] } })
    add({ requestId: 'a', responseId: 'resp_1', startedAt: at - 1000, durationMs: 5, ...tried('glm', 'x') })
    add({
      requestId: 'b',
      conversationId: 'conv_1',
      keyId: 'key_1',
      durationMs: 500,
      ...tried('openai', 'y'),
    })
    add({ requestId: 'c', stand: 'failed', error: 'RATE_LIMITED', startedAt: at + 1000, durationMs: 1 })
    expect(ids({ requestId: 'a' })).toEqual(['a'])
    expect(ids({ responseId: 'resp_1' })).toEqual(['a'])
    expect(ids({ conversationId: 'conv_1' })).toEqual(['b'])
    expect(ids({ keyIds: ['key_1', 'key_2'] })).toEqual(['b'])
    expect(ids({ providers: ['glm'] })).toEqual(['a'])
    expect(ids({ models: ['y'] })).toEqual(['b'])
    expect(ids({ outcomes: [Outcome.FAILED, Outcome.CANCELLED] })).toEqual(['c'])
    expect(ids({ errors: [ErrorReason.RATE_LIMITED] })).toEqual(['c'])
    expect(ids({ startTime: timestampOf(at) })).toEqual(['c', 'b'])
    expect(ids({ endTime: timestampOf(at) })).toEqual(['a'])
    expect(ids({ minDuration: durationOf(500) })).toEqual(['b'])
    expect(ids({ providers: ['glm'], models: ['y'] })).toEqual([])
  })

  it('shows a tenant its own calls only, and refuses to name another', () => {
    const { add, ids } = setUp()
    add({ requestId: 'ours', tenant: 'acme' })
    add({ requestId: 'theirs', tenant: 'other' })
    add({ requestId: 'nobody', tenant: '' })
    const acme = callerOf('acme', 'monitoring')
    expect(ids({}, acme)).toEqual(['ours'])
    expect(ids({ tenant: 'acme' }, acme)).toEqual(['ours'])
    expect(() => ids({ tenant: 'other' }, acme)).toThrow(
      expect.objectContaining({ reason: 'PERMISSION_DENIED' }),
    )
    expect(ids()).toEqual(['nobody', 'theirs', 'ours'])
    expect(ids({ tenant: 'other' })).toEqual(['theirs'])
  })

  it('refuses what cannot be meant', () => {
    const { add, ask } = setUp()
    for (let index = 0; index < 3; index += 1) add({ requestId: `r${index}` })
    const { nextPageToken = '' } = ask({ pageSize: 1 })
    const wrong: Request[] = [
      { pageSize: -1 },
      { outcomes: [Outcome.UNSPECIFIED] },
      { outcomes: [77 as Outcome] },
      { errors: [ErrorReason.UNSPECIFIED] },
      { errors: [777 as ErrorReason] },
      { startTime: timestampOf(2000), endTime: timestampOf(1000) },
      { minDuration: durationOf(-1) },
      { pageToken: 'nonsense' },
      { pageToken: nextPageToken, providers: ['glm'] },
    ]
    for (const request of wrong)
      expect(() => ask(request)).toThrow(expect.objectContaining({ reason: 'INVALID_REQUEST' }))
  })
})

describe('what is kept of ended calls', () => {
  it('is bounded by number: the oldest go', () => {
    const { add, ids } = setUp({ endedMax: 3 })
    for (let index = 0; index < 10; index += 1) add({ requestId: `r${index}` })
    expect(ids()).toEqual(['r9', 'r8', 'r7'])
  })

  it('is bounded by bytes, whatever callers write', () => {
    const bytesMax = 100_000
    const { calls, add } = setUp({ bytesMax })
    for (let index = 0; index < 500; index += 1) add({ requestId: `r${index}`, user: 'u'.repeat(1_000) })
    expect(calls.sizeBytes()).toBeLessThanOrEqual(bytesMax)
    expect(calls.all().length).toBeGreaterThan(10)
    expect(calls.all().at(-1)?.record.requestId).toBe('r499')
  })

  it('does not grow by looking at it: reads of the monitoring are left out, and everything else is told', () => {
    const { add, ids, events } = setUp()
    for (const name of ['GetStatus', 'WatchStatus', 'WatchEvents', 'GetUsage', 'ListRequests'])
      add({ method: `exai.v1.MonitoringService/${name}` })
    expect([ids(), events]).toEqual([[], []])
    add({ requestId: 'r1', method: 'exai.v1.MonitoringService/SetCircuit' })
    expect(ids()).toEqual(['r1'])
    expect(events.map(({ type }) => type)).toEqual(['request.started', 'request.ended'])
  })

  it('looks at a call that begins only for whoever listens, once', () => {
    const { calls, events } = setUp()
    let looks = 0
    const record = callRecordOf({ requestId: 'begun' })
    const lookedAt = () => {
      looks += 1
      return record
    }
    calls.began({ method: record.method, record: lookedAt })
    expect(looks).toBe(0)
    expect(events.map(event => 'request' in event && event.request.requestId)).toEqual(['begun'])
    expect(events).toMatchObject([{ request: { requestId: 'begun' } }])
    expect(looks).toBe(1)
  })
})
