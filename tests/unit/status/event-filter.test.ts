// Which events a watcher gets: by kind, severity, provider, tenant and sample, and which filters are refused.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { EventKind, Severity } from '#gen/exai/v1/event_pb'
import { WatchEventsRequestSchema } from '#gen/exai/v1/monitoring_service_pb'
import type { Caller } from '../../../src/core/caller.ts'
import { eventFilter, shareOf } from '../../../src/status/event-filter.ts'
import type { SeenEvent } from '../../../src/status/event-message.ts'
import { callerOf } from '../../support/call-records.ts'

const admin = callerOf('ops', 'admin')
const acme = callerOf('acme', 'monitoring')

const filterOf = (request: MessageInitShape<typeof WatchEventsRequestSchema> = {}, caller: Caller = admin) =>
  eventFilter(caller, create(WatchEventsRequestSchema, request), ['openai', 'glm'])

const eventOf = (own: Partial<SeenEvent> = {}): SeenEvent => ({
  kind: EventKind.REQUEST,
  severity: Severity.INFO,
  tenant: 'acme',
  requestId: 'r1',
  providers: [],
  isOfCall: true,
  message: {},
  ...own,
})

const refusalOf = (request: MessageInitShape<typeof WatchEventsRequestSchema>, caller = admin): string => {
  try {
    filterOf(request, caller)
  } catch (error) {
    return (error as { reason: string }).reason
  }
  return 'accepted'
}

describe('a filter of events', () => {
  it('keeps what it names and nothing else', () => {
    expect(filterOf({ kinds: [EventKind.CIRCUIT] })(eventOf())).toBe(false)
    expect(filterOf({ kinds: [EventKind.CIRCUIT, EventKind.REQUEST] })(eventOf())).toBe(true)
    expect(filterOf({ minSeverity: Severity.WARNING })(eventOf())).toBe(false)
    expect(filterOf({ minSeverity: Severity.WARNING })(eventOf({ severity: Severity.ERROR }))).toBe(true)
    expect(filterOf({ providers: ['glm'] })(eventOf({ providers: ['openai'] }))).toBe(false)
    expect(filterOf({ providers: ['glm'] })(eventOf({ providers: ['openai', 'glm'] }))).toBe(true)
    expect(filterOf({ tenant: 'acme' })(eventOf())).toBe(true)
    expect(filterOf({ tenant: 'acme' })(eventOf({ tenant: '' }))).toBe(false)
  })

  it('is refused when it can match nothing', () => {
    const impossible: MessageInitShape<typeof WatchEventsRequestSchema>[] = [
      { kinds: [EventKind.UNSPECIFIED] },
      { kinds: [99 as EventKind] },
      { minSeverity: 4 as Severity },
      { providers: ['nobody'] },
      { sampleRatio: 0 },
      { sampleRatio: -0.1 },
      { sampleRatio: 1.01 },
      { sampleRatio: Number.NaN },
      { kinds: [EventKind.CONFIG], providers: ['glm'] },
    ]
    for (const request of impossible) expect(refusalOf(request)).toBe('INVALID_REQUEST')
    expect(refusalOf({ kinds: [EventKind.CONFIG, EventKind.CIRCUIT], providers: ['glm'] })).toBe('accepted')
    expect(refusalOf({ sampleRatio: 1 })).toBe('accepted')
  })

  it('shows a tenant its own calls and what concerns the whole, and an admin everything', () => {
    const own = filterOf({}, acme)
    expect(own(eventOf())).toBe(true)
    expect(own(eventOf({ tenant: 'other' }))).toBe(false)
    expect(own(eventOf({ tenant: '', kind: EventKind.CIRCUIT, isOfCall: false }))).toBe(true)
    expect(own(eventOf({ tenant: '' }))).toBe(false)
    expect(filterOf()(eventOf({ tenant: '' }))).toBe(true)
    expect(filterOf()(eventOf({ tenant: 'other' }))).toBe(true)
  })

  it('refuses another tenant to all but an admin', () => {
    expect(refusalOf({ tenant: 'other' }, acme)).toBe('PERMISSION_DENIED')
    expect(refusalOf({ tenant: 'acme' }, acme)).toBe('accepted')
    expect(refusalOf({ tenant: 'other' }, admin)).toBe('accepted')
  })
})

describe('a sample', () => {
  it('takes calls whole, about as many as it says, and never leaves out an error', () => {
    const sampled = filterOf({ sampleRatio: 0.25 })
    let taken = 0
    for (let index = 0; index < 4_000; index += 1) {
      const requestId = `call-${index}`
      const isIn = sampled(eventOf({ requestId }))
      if (isIn) taken += 1
      expect(sampled(eventOf({ requestId, kind: EventKind.ATTEMPT }))).toBe(isIn)
      expect(sampled(eventOf({ requestId, severity: Severity.ERROR }))).toBe(true)
      expect(sampled(eventOf({ requestId, kind: EventKind.FILE }))).toBe(true)
    }
    expect(taken).toBeGreaterThan(850)
    expect(taken).toBeLessThan(1_150)
  })

  it('gives every call a share from 0 to below 1', () => {
    for (const id of ['', 'a', 'x'.repeat(128)]) {
      expect(shareOf(id)).toBeGreaterThanOrEqual(0)
      expect(shareOf(id)).toBeLessThan(1)
    }
  })
})
