// What an operator sees of a running service through real sockets: an outage on every channel, calls as they go, and the end.
import { setTimeout as sleep } from 'node:timers/promises'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import {
  EventKind,
  FileEvent_Action as FileAction,
  RequestRecord_Outcome as Outcome,
  Severity,
} from '#gen/exai/v1/event_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { SetCircuitRequest_Action as Action, MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { Circuit_State, HealthState, type Status } from '#gen/exai/v1/status_pb'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '#gen/health/v1/health_pb'
import { failureOf, infoOf, jsonQuestion, postJson } from '../support/clients.ts'
import { eventsByGrpcJs } from '../support/events-by-grpc-js.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let upstream: Upstream
let service: Service
beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const monitoringOf = ({ url }: Service) =>
  createClient(MonitoringService, createGrpcTransport({ baseUrl: url, idleConnectionTimeoutMs: 1_000 }))
const healthOf = ({ url }: Service) =>
  createClient(Health, createGrpcTransport({ baseUrl: url, idleConnectionTimeoutMs: 1_000 }))

const ask = (id: string, model = 'openai/test-model') =>
  postJson(service.url, 'Complete', jsonQuestion(model, 'hello'), { 'x-request-id': id })

const wallMs = ({ seconds, nanos }: { seconds: bigint; nanos: number }) =>
  Number(seconds) * 1000 + nanos / 1e6

/** Reads until something is found, and says when that was. */
async function arrival<T>(stream: AsyncIterable<T>, isIt: (message: T) => boolean): Promise<[T, number]> {
  for await (const message of stream) if (isIt(message)) return [message, Date.now()]
  throw new Error('the stream ended without it')
}

/** How many watch something, by the service's own numbers. */
async function watchers(): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text()
  return [...text.matchAll(/^exai_watchers\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}

/** Begins to watch when nobody else does any more; what happens afterwards is seen. */
async function watching<T>(begin: () => Promise<T>): Promise<{ readonly whole: Promise<T> }> {
  await expect.poll(watchers).toBe(0)
  const whole = begin()
  await expect.poll(watchers).toBe(1)
  return { whole }
}

const isOpen = ({ status }: { readonly status?: Status | undefined }) =>
  status?.circuits.some(({ provider, state }) => provider === 'openai' && state === Circuit_State.OPEN) ===
  true

async function metricsShowOpen(): Promise<number> {
  for (;;) {
    const text = await (await fetch(`${service.url}/metrics`)).text()
    if (/^exai_circuit_breaker_state\{provider="openai",model="[^"]+"\} 1$/m.test(text)) return Date.now()
    await sleep(20)
  }
}

/** How late what was told at once may come, in milliseconds. */
const AT_ONCE_MS = 1_000

describe('an outage of a provider', () => {
  it('reaches WatchStatus, the health watch, WatchEvents and /metrics within a second', async () => {
    const ending = new AbortController()
    const { signal } = ending
    const byStatus = arrival(monitoringOf(service).watchStatus({}, { signal }), isOpen)
    const byHealth = arrival(
      healthOf(service).watch({ service: 'provider/openai' }, { signal }),
      ({ status }) => status === Serving.NOT_SERVING,
    )
    const events = eventsByGrpcJs(service, {
      kinds: ['EVENT_KIND_CIRCUIT'],
      min_severity: 'SEVERITY_WARNING',
    })
    const byEvents = new Promise<[unknown, number]>((resolve, reject) => {
      events.once('data', (message: unknown) => resolve([message, Date.now()]))
      events.once('error', reject)
    })
    // All of them watch before anything happens.
    await expect.poll(watchers).toBe(3)
    await upstream.goOffline()
    const byMetrics = metricsShowOpen()
    for (let index = 0; index < 12; index += 1) await ask(`outage-${index}`)
    const [[told, statusMs], [, healthMs], [event, eventMs], metricsMs] = await Promise.all([
      byStatus,
      byHealth,
      byEvents,
      byMetrics,
    ])
    const circuit = told.status?.circuits.find(({ provider }) => provider === 'openai')
    const changedMs = circuit?.changeTime === undefined ? 0 : wallMs(circuit.changeTime)
    for (const arrivedMs of [statusMs, healthMs, eventMs, metricsMs])
      expect(arrivedMs - changedMs).toBeLessThan(AT_ONCE_MS)
    expect(circuit).toMatchObject({ model: 'test-model', held: false })
    expect(circuit?.reason).toMatch(/^\d+ of \d+ calls failed$/)
    expect(told.status?.providers.find(({ provider }) => provider === 'openai')?.state).toBe(
      HealthState.UNHEALTHY,
    )
    expect(event).toMatchObject({
      event: {
        kind: 'circuit',
        circuit: { circuit: { provider: 'openai', state: 'STATE_OPEN' }, previous_state: 'STATE_CLOSED' },
      },
    })
    ending.abort()
    events.cancel()
    await upstream.goOnline()
  })

  it('is told the same by every way of asking', async () => {
    const { status } = await monitoringOf(service).getStatus({})
    const page = JSON.parse(await (await fetch(`${service.url}/health`)).text())
    const shown = Object.entries<{ status: string; reason: string }>(page.components)
    expect(status?.components.map(({ name, state, detail }) => [name, nameOf(state), detail])).toEqual(
      shown.map(([name, { status: own, reason }]) => [name, own.toUpperCase(), reason]),
    )
    const text = await (await fetch(`${service.url}/metrics`)).text()
    const values = { HEALTHY: '1', DEGRADED: '0.5', UNHEALTHY: '0', UNSPECIFIED: '' }
    for (const { provider, state } of status?.providers ?? []) {
      expect(text).toContain(`exai_provider_health{provider="${provider}"} ${values[nameOf(state)]}\n`)
      const { status: serving } = await healthOf(service).check({ service: `provider/${provider}` })
      expect(serving).toBe(state === HealthState.UNHEALTHY ? Serving.NOT_SERVING : Serving.SERVING)
    }
  })

  it('leaves its calls in the list, with who was asked and why it failed', async () => {
    const { requests } = await monitoringOf(service).listRequests({ requestId: 'outage-0' })
    expect(requests).toMatchObject([
      {
        method: 'exai.v1.ChatService/Complete',
        door: 'connect',
        tenant: 'default',
        outcome: Outcome.FAILED,
        error: ErrorReason.UPSTREAM_UNAVAILABLE,
        provider: '',
        route: { requestedModel: 'openai/test-model', configVersion: 1 },
      },
    ])
    expect(requests[0]?.route?.attempts[0]).toMatchObject({
      provider: 'openai',
      model: 'test-model',
      error: ErrorReason.UPSTREAM_UNAVAILABLE,
    })
  })
})

function nameOf(state: HealthState): 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY' | 'UNSPECIFIED' {
  if (state === HealthState.HEALTHY) return 'HEALTHY'
  if (state === HealthState.DEGRADED) return 'DEGRADED'
  return state === HealthState.UNHEALTHY ? 'UNHEALTHY' : 'UNSPECIFIED'
}

describe('a call', () => {
  it('is seen to begin, to ask, and to end with what it used', async () => {
    const ending = new AbortController()
    const kinds = [EventKind.REQUEST, EventKind.ATTEMPT]
    const stream = monitoringOf(service).watchEvents({ kinds }, { signal: ending.signal })
    const seen: string[] = []
    const { whole } = await watching(() =>
      arrival(stream, ({ event }) => {
        if (event?.requestId !== 'seen-1') return false
        const { kind } = event
        if (kind.case === 'request') seen.push(`request ${kind.value.request?.outcome}`)
        if (kind.case === 'attempt')
          seen.push(`attempt ${kind.value.phase} of ${kind.value.attempt?.provider}`)
        return kind.case === 'request' && kind.value.request?.outcome === Outcome.SUCCEEDED
      }),
    )
    await ask('seen-1', 'sandbox')
    const [{ event }] = await whole
    ending.abort()
    expect(seen).toEqual([
      `request ${Outcome.RUNNING}`,
      'attempt 1 of sandbox',
      'attempt 2 of sandbox',
      `request ${Outcome.SUCCEEDED}`,
    ])
    expect(event).toMatchObject({
      severity: Severity.INFO,
      tenant: 'default',
      kind: { value: { request: { provider: 'sandbox', usage: { inputTokens: 1 }, cost: { known: true } } } },
    })
  })
})

describe('a file', () => {
  it('is seen to come and to go, and a switched circuit to begin and end an alert', async () => {
    const ending = new AbortController()
    const kinds = [EventKind.FILE, EventKind.ALERT]
    const seen: unknown[] = []
    const stream = monitoringOf(service).watchEvents({ kinds }, { signal: ending.signal })
    const { whole } = await watching(() =>
      arrival(stream, ({ event }) => {
        const { kind } = event ?? {}
        if (kind?.case === 'file') seen.push([kind.value.action, kind.value.fileId, kind.value.sizeBytes])
        if (kind?.case !== 'alert' || kind.value.model !== 'sandbox') return false
        seen.push([kind.value.name, kind.value.firing])
        return !kind.value.firing
      }),
    )
    const files = createClient(FilesService, createGrpcTransport({ baseUrl: service.url }))
    const content = Buffer.from('hello')
    const { file } = await files.createFile({ filename: 'a.txt', mimeType: 'text/plain', content })
    await files.deleteFile({ fileId: file?.id ?? '' })
    const circuit = { provider: 'sandbox', model: 'sandbox' }
    await monitoringOf(service).setCircuit({ ...circuit, action: Action.OPEN, reason: 'the test' })
    await monitoringOf(service).setCircuit({ ...circuit, action: Action.RESET })
    await whole
    ending.abort()
    expect(seen).toEqual([
      [FileAction.CREATED, file?.id, 5n],
      [FileAction.DELETED, file?.id, 5n],
      ['circuit_open', true],
      ['circuit_open', false],
    ])
  })
})

/** A twentieth of a core: what an idle process of this kind takes by itself in two seconds, and two scrapes. */
const IDLE_SECONDS = 0.1

describe('a watcher', () => {
  it('with an impossible filter is refused, and told what is wrong', async () => {
    const read = async (): Promise<void> => {
      for await (const _ of monitoringOf(service).watchEvents({ providers: ['nobody'] }));
    }
    const error = await failureOf(read())
    expect([error.code, infoOf(error)?.reason]).toEqual([Code.InvalidArgument, ErrorReason.INVALID_REQUEST])
    expect(error.rawMessage).toContain('no provider has the id "nobody"')
  })

  it('costs nothing while it is idle, also two hundred of them', async () => {
    const cpuSeconds = async (): Promise<number> => {
      const text = await (await fetch(`${service.url}/metrics`)).text()
      return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1])
    }
    const ending = new AbortController()
    const client = monitoringOf(service)
    const first = Array.from({ length: 200 }, async () => {
      const stream = client.watchStatus({}, { signal: ending.signal })[Symbol.asyncIterator]()
      await stream.next()
      return stream
    })
    const watches = await Promise.all(first)
    // The quietest of a few looks: what the process does besides, such as collecting garbage, is not the watchers'.
    let usedSeconds = Number.POSITIVE_INFINITY
    for (let looks = 0; looks < 5 && usedSeconds >= IDLE_SECONDS; looks += 1) {
      const before = await cpuSeconds()
      await sleep(2_000)
      usedSeconds = Math.min(usedSeconds, (await cpuSeconds()) - before)
    }
    const ends = watches.map(stream => stream.next().catch((error: unknown) => ConnectError.from(error).code))
    ending.abort()
    await Promise.all(ends)
    expect(usedSeconds).toBeLessThan(IDLE_SECONDS)
  })

  it('learns that the process leaves, and is ended with SHUTTING_DOWN', async () => {
    const leaving = await startService({ DRAIN_DELAY: '0.3' })
    const states: boolean[] = []
    const read = async (): Promise<void> => {
      for await (const { status } of monitoringOf(leaving).watchStatus({})) {
        if (status !== undefined) states.push(status.draining)
        if (states.length === 1) leaving.signal('SIGTERM')
      }
    }
    const error = await failureOf(read())
    expect([error.code, infoOf(error)?.reason]).toEqual([Code.Unavailable, ErrorReason.SHUTTING_DOWN])
    expect([states[0], states.at(-1)]).toEqual([false, true])
    expect((await leaving.ended).code).toBe(0)
  })
})
