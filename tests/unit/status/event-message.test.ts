// Events as the contract carries them: each kind with its particulars, how much it matters, and whom it is about.
import { describe, expect, it } from 'vitest'
import {
  EventKind,
  FileEvent_Action as FileAction,
  LimitEvent_Owner as Owner,
  Severity,
} from '#gen/exai/v1/event_pb'
import type { GatewayEvent } from '../../../src/core/gateway-event.ts'
import { seenEvent } from '../../../src/status/event-message.ts'
import { callRecordOf } from '../../support/call-records.ts'

const now = Date.parse('2026-11-22T17:00:00Z')
const seen = (event: GatewayEvent) =>
  seenEvent(event, { newId: () => 'id', now: () => now, circuit: () => undefined })
const limit = { kind: 'day_budget', tenant: 'acme', whose: 'tenant acme', used: 9, limit: 10 } as const

describe('an event', () => {
  it.each<[GatewayEvent, Severity]>([
    [{ type: 'request.started', request: callRecordOf({ stand: 'running' }) }, Severity.INFO],
    [{ type: 'request.ended', request: callRecordOf() }, Severity.INFO],
    [
      {
        type: 'request.ended',
        request: callRecordOf({ stand: 'cancelled', error: 'CANCELLED', origin: 'client' }),
      },
      Severity.INFO,
    ],
    [
      {
        type: 'request.ended',
        request: callRecordOf({ stand: 'failed', error: 'INVALID_REQUEST', origin: 'client' }),
      },
      Severity.WARNING,
    ],
    [
      {
        type: 'request.ended',
        request: callRecordOf({ stand: 'failed', error: 'INTERNAL', origin: 'gateway' }),
      },
      Severity.ERROR,
    ],
    [{ type: 'limit.refused', ...limit }, Severity.WARNING],
    [{ type: 'config.taken', version: 2 }, Severity.INFO],
    [{ type: 'config.refused', version: 2, problems: ['p'] }, Severity.ERROR],
  ])('matters as much as it does: %j', (event, severity) => {
    expect(seen(event).severity).toBe(severity)
    expect(seen(event).message).toMatchObject({
      id: 'id',
      severity,
      createTime: { seconds: BigInt(now / 1000) },
    })
  })

  it('about a call is about each provider that it tried', () => {
    const attempts = ['glm', 'openai', 'glm'].map(provider => ({ provider }))
    const event = seen({ type: 'request.ended', request: callRecordOf({ route: { attempts } }) })
    expect([event.providers, event.requestId, event.isOfCall]).toEqual([['glm', 'openai'], 'r1', true])
  })

  it('of an attempt that begins tells only who is asked and when; of its end, how it went', () => {
    const startOffsetDuration = { seconds: 0n, nanos: 7_000_000 }
    const attempt = {
      provider: 'glm',
      model: 'm',
      keyLabel: 'k',
      startOffsetDuration,
      outcome: 2,
      error: 19,
    } as const
    const about = { requestId: 'r1', tenant: 'acme', index: 1, cause: 'fallback', attempt } as const
    expect(seen({ type: 'attempt.started', ...about })).toMatchObject({
      kind: EventKind.ATTEMPT,
      severity: Severity.INFO,
      message: { kind: { value: { phase: 1, index: 1, cause: 3 } } },
    })
    const began = seen({ type: 'attempt.started', ...about }).message.kind
    expect(began?.case === 'attempt' && began.value.attempt).toEqual({
      provider: 'glm',
      model: 'm',
      keyLabel: 'k',
      startOffsetDuration,
    })
    expect(seen({ type: 'attempt.ended', ...about })).toMatchObject({
      severity: Severity.WARNING,
      message: { kind: { value: { phase: 2, attempt } } },
    })
  })

  it.each([
    [
      { ...limit, owner: 'key_1', whose: 'key of acme' },
      { owner: Owner.KEY, keyId: 'key_1', keyLabel: 'of acme' },
    ],
    [{ ...limit, owner: '' }, { owner: Owner.TENANT }],
    [
      { ...limit, tenant: '', whose: 'all callers', model: 'glm/m' },
      { owner: Owner.MODEL, limit: { model: 'glm/m' } },
    ],
    [{ ...limit, tenant: '', whose: 'all callers' }, { owner: Owner.GATEWAY }],
  ])('of a limit tells whose it is: %j', (event, value) => {
    expect(seen({ type: 'limit.near', ...event }).message.kind).toMatchObject({
      case: 'limit',
      value: {
        ...value,
        usedValue: 9n,
        refused: false,
        // The day ends at midnight.
        resetTime: { seconds: BigInt(Date.parse('2026-11-23T00:00:00Z') / 1000) },
      },
    })
  })

  it("of a limit names the call that it came of, but nobody's call to everybody", () => {
    const of = (tenant: string) =>
      seen({ type: 'limit.refused', ...limit, tenant, requestId: 'r1' }).message.requestId
    expect([of('acme'), of('')]).toEqual(['r1', ''])
  })

  it('of a file concerns its tenant alone', () => {
    const file = { tenant: 'acme', fileId: 'file_1', mimeType: 'text/plain', sizeBytes: 5, requestId: 'r1' }
    expect(seen({ type: 'file.changed', action: 'deleted', ...file })).toMatchObject({
      kind: EventKind.FILE,
      tenant: 'acme',
      isOfCall: true,
      message: { kind: { value: { action: FileAction.DELETED, fileId: 'file_1', sizeBytes: 5n } } },
    })
  })

  it('of an alert matters less when it ends', () => {
    const alert = { name: 'backlog_old', isGrave: true, message: 'm', tenant: '', provider: '', model: '' }
    const began = seen({ type: 'alert.began', ...alert })
    const ended = seen({ type: 'alert.ended', ...alert })
    expect([began.severity, ended.severity]).toEqual([Severity.ERROR, Severity.INFO])
    expect(ended.message.kind).toMatchObject({ value: { name: 'backlog_old', firing: false } })
  })
})
