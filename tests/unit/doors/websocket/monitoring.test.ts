// Subscriptions to the monitoring: what is shown of states and events, and how a subscription ends.
import { describe, expect, test } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import {
  AttemptEvent_Phase as AttemptPhase,
  RequestRecord_Outcome as Outcome,
  Severity,
} from '#gen/exai/v1/event_pb'
import { RouteAttempt_Outcome as AttemptOutcome } from '#gen/exai/v1/route_pb'
import { Circuit_State as CircuitState, HealthState } from '#gen/exai/v1/status_pb'
import type { WebSocketDoorDeps } from '../../../../src/doors/websocket/door.ts'
import { codeOf, type Frame, is } from '../../../support/socket-client.ts'
import { startRig } from './harness.ts'

type Monitoring = WebSocketDoorDeps['monitoring']
type StatusMessage = NonNullable<
  Awaited<ReturnType<ReturnType<Monitoring['watchStatus']>['next']>>['value']['status']
>
type EventMessage = Awaited<ReturnType<ReturnType<Monitoring['watchEvents']>['next']>>['value']

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

const ms = (count: number) => ({ seconds: 0n, nanos: count * 1_000_000 })
const status: StatusMessage = {
  providers: [
    {
      provider: 'p',
      state: HealthState.DEGRADED,
      detail: 'a circuit is open',
      keys: [{ state: 1 }, { state: 3 }],
    },
  ],
  circuits: [
    { provider: 'p', model: 'm', state: CircuitState.OPEN, reason: '10 of 20 calls failed' },
    { provider: 'p', model: 'n', state: CircuitState.CLOSED },
  ],
}

const request = (outcome: Outcome, severity: Severity = Severity.INFO): EventMessage => ({
  event: {
    severity,
    requestId: 'call_1',
    tenant: 'acme',
    kind: {
      case: 'request',
      value: {
        request: {
          method: 'exai.v1.ChatService/Complete',
          outcome,
          ...(outcome === Outcome.FAILED ? { error: ErrorReason.UPSTREAM_BROKEN } : {}),
          duration: ms(100),
          timeToFirstToken: ms(40),
          usage: { inputTokens: 3, outputTokens: 4 },
        },
      },
    },
  },
})

const attempt = (outcome: AttemptOutcome, duration: number): EventMessage => ({
  event: {
    severity: Severity.INFO,
    kind: {
      case: 'attempt',
      value: {
        phase: AttemptPhase.ENDED,
        attempt: { provider: 'p', model: 'm', outcome, duration: ms(duration) },
      },
    },
  },
})

const circuit: EventMessage = {
  event: {
    severity: Severity.INFO,
    kind: {
      case: 'circuit',
      value: { circuit: { provider: 'p', model: 'm', state: CircuitState.HALF_OPEN } },
    },
  },
}

/** A monitoring that tells these events and then nothing. */
function telling(events: readonly EventMessage[]): Monitoring {
  return {
    async *watchStatus({ signal }) {
      yield { status }
      await untilAborted(signal)
    },
    async *watchEvents({ signal }) {
      yield* events
      await untilAborted(signal)
    },
  }
}

const shows = (name: string) => (frame: Frame) => frame['event_type'] === name

async function subscribed(events: readonly EventMessage[], wish: object = {}) {
  const rig = await startRig({ monitoring: telling(events) })
  const client = await rig.open('/ws/monitoring')
  client.send({ type: 'subscribe', request_id: 'm', ...wish })
  return { ...rig, client }
}

describe('a subscription', () => {
  test('shows at once how it is', async () => {
    const { client } = await subscribed([])
    const confirmation = await client.frame(is('subscribed', 'm'))
    expect(confirmation).toMatchObject({
      events: ['connection_status', 'provider_metrics', 'error_alert', 'performance_update'],
      interval_seconds: 10,
    })
    const { timestamp, ...connections } = await client.frame(shows('connection_status'))
    expect(connections).toEqual({
      type: 'event',
      request_id: 'm',
      event_type: 'connection_status',
      data: { active_connections: 1, total_requests: 0, error_rate: 0, dropped_events: 0 },
    })
    expect(new Date(String(timestamp)).toISOString()).toBe(timestamp)
    expect((await client.frame(shows('provider_metrics')))['data']).toEqual({
      providers: [
        {
          provider: 'p',
          status: 'degraded',
          detail: 'a circuit is open',
          requests: 0,
          errors: 0,
          keys: { total: 2, ready: 1 },
          circuits: [{ model: 'm', state: 'open', reason: '10 of 20 calls failed' }],
        },
      ],
    })
  })

  test('alerts to what fails, and to circuits, and not to the normal course of things', async () => {
    const { client } = await subscribed([
      request(Outcome.RUNNING),
      request(Outcome.SUCCEEDED),
      request(Outcome.FAILED, Severity.ERROR),
      circuit,
    ])
    await client.frame(frame => JSON.stringify(frame).includes('half_open'))
    expect(client.frames.filter(shows('error_alert')).map(({ data }) => data)).toEqual([
      {
        kind: 'request',
        severity: 'error',
        message: 'exai.v1.ChatService/Complete failed',
        code: 'UPSTREAM_BROKEN',
        request_id: 'call_1',
        tenant: 'acme',
      },
      {
        kind: 'circuit',
        severity: 'info',
        message: 'the circuit of p m is half_open',
        provider: 'p',
        model: 'm',
      },
    ])
  })

  test('sums up what it has seen, beat by beat', async () => {
    const events = [
      request(Outcome.RUNNING),
      request(Outcome.SUCCEEDED),
      request(Outcome.FAILED, Severity.ERROR),
      attempt(AttemptOutcome.SUCCEEDED, 10),
      attempt(AttemptOutcome.FAILED, 30),
      { droppedCount: 2 },
    ]
    const { client } = await subscribed(events, { interval_seconds: 1 })
    expect((await client.frame(shows('performance_update')))['data']).toEqual({
      interval_seconds: 1,
      requests: 2,
      errors: 1,
      response_time_ms: { average: 100, p95: 100, max: 100 },
      time_to_first_token_ms: { average: 40, p95: 40, max: 40 },
      tokens: { prompt: 6, completion: 8 },
    })
    expect(client.frames.filter(shows('connection_status')).at(-1)?.['data']).toMatchObject({
      total_requests: 2,
      error_rate: 0.5,
      dropped_events: 2,
    })
    expect(client.frames.filter(shows('provider_metrics')).at(-1)?.['data']).toMatchObject({
      providers: [{ requests: 2, errors: 1, average_latency_ms: 20 }],
    })
    const next = await client.frame(frame => shows('performance_update')(frame) && quiet(frame))
    expect(next['data']).toMatchObject({ response_time_ms: null })
  })

  test('shows only what was asked for', async () => {
    const { client } = await subscribed([request(Outcome.FAILED, Severity.ERROR)], {
      events: ['error_alert'],
    })
    await client.frame(shows('error_alert'))
    expect(client.frames.map(({ type, event_type }) => event_type ?? type)).toEqual([
      'subscribed',
      'error_alert',
    ])
  })

  test('counts as a watch of the state and one of the events, and ends when it is told to', async () => {
    const { client, exchanges, ends } = await subscribed([])
    await client.frame(shows('provider_metrics'))
    expect([...exchanges.watches()].sort()).toEqual([
      'exai.v1.MonitoringService/WatchEvents',
      'exai.v1.MonitoringService/WatchStatus',
    ])
    client.send({ type: 'unsubscribe', request_id: 'm' })
    expect(await client.frame(is('unsubscribed', 'm'))).toMatchObject({ unsubscribed: true })
    expect(codeOf(await client.frame(is('error', 'm')))).toBe('CANCELLED')
    expect(ends.map(({ code }) => code)).toEqual(['CANCELLED', 'CANCELLED'])
    expect(exchanges.active()).toBe(0)
  })

  test('ends with the process, and the connection with it', async () => {
    const { client, drain } = await subscribed([])
    await client.frame(shows('provider_metrics'))
    void drain.run()
    expect(codeOf(await client.frame(is('error', 'm')))).toBe('SHUTTING_DOWN')
    expect(await client.closed).toMatchObject({ code: 1001 })
  })

  test.each([
    [{ events: ['weather'] }, /"weather" is none of/],
    [{ events: [{ toString: 1 }] }, /^events: a value of type object is none of/],
    [{ events: [[]] }, /^events: a list is none of/],
    [{ events: 'all' }, /^events must be a list/],
    [{ interval_seconds: 0 }, /^interval_seconds must be/],
    [{ tenant: 7 }, /^tenant must be/],
  ])('%j is refused', async (wish, says) => {
    const { client, exchanges } = await subscribed([], wish)
    expect(await client.frame(is('error', 'm'))).toMatchObject({
      error: { code: 'INVALID_REQUEST', message: expect.stringMatching(says) },
    })
    expect(exchanges.active()).toBe(0)
  })
})

function quiet({ data }: Frame): boolean {
  return typeof data === 'object' && data !== null && Reflect.get(data, 'requests') === 0
}
