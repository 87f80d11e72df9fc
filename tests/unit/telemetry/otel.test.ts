// The tracer: how long its spans are, whose they are, which are sent, and what happens to those that cannot be.
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { CallTrace, TracedRequest } from '../../../src/core/trace.ts'
import { createOtelTracer } from '../../../src/telemetry/otel.ts'
import { createSpanQueue } from '../../../src/telemetry/span-queue.ts'
import type { Tracer, TracingSettings } from '../../../src/telemetry/tracing.ts'
import { eventually } from '../../support/eventually.ts'
import { type Collector, startCollector } from '../../support/otlp-collector.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
const METHOD = 'exai.v1.ChatService/Complete'
const ended = { code: 'OK', reason: '', tenant: 'default' } as const
const asked = { provider: 'openai', model: 'one', isStream: false }

const open: { readonly tracer: Tracer; readonly collector: Collector }[] = []
afterEach(async () => {
  for (const { tracer, collector } of open.splice(0)) {
    await tracer.close()
    await collector.close()
  }
})

async function setUp(settings: Partial<TracingSettings> = {}) {
  const collector = await startCollector()
  const spans = vi.fn<(outcome: 'exported' | 'failed' | 'dropped', count: number) => void>()
  const warn = vi.fn<(message: string) => void>()
  const log = { debug: () => undefined, info: () => undefined, warn, error: () => undefined }
  const url = `${collector.url}/v1/traces`
  const sampler = 'parentbased_always_on'
  const all = { url, headers: {}, serviceName: 'test', sampler, ratio: 1, ...settings } as const
  const tracer = createOtelTracer({ settings: all, version: '9.9.9', log, metrics: { spans } })
  open.push({ tracer, collector })
  const begin = (headers: TracedRequest['headers'] = {}): CallTrace => {
    const call = tracer.trace({ headers, requestId: 'r1', door: 'connect', method: METHOD, protocol: 'grpc' })
    if (call === undefined) throw new Error('the call is not traced')
    return call
  }
  return { collector, tracer, begin, spans, warn }
}

describe('a span', () => {
  test('is as long as what it stands for, and that of an attempt is within that of its call', async () => {
    const { collector, tracer, begin } = await setUp()
    const beganMs = performance.now()
    const call = begin()
    const of = {}
    call.attemptBegan(of, asked)
    const attemptMs = performance.now()
    await new Promise(resolve => setTimeout(resolve, 30))
    const leastMs = performance.now() - attemptMs
    call.attemptEnded(of, { cause: 'first' })
    call.ended(ended)
    const mostMs = performance.now() - beganMs
    await tracer.close()
    const [attempt, server] = collector.spans()
    if (attempt === undefined || server === undefined) throw new Error('a span is missing')
    // A double has a fraction of a microsecond left for times of our days.
    expect(Number(attempt.durationNanos)).toBeGreaterThan(leastMs * 1e6 - 1_000)
    expect(server.durationNanos).toBeGreaterThanOrEqual(attempt.durationNanos)
    expect(Number(server.durationNanos)).toBeLessThan(mostMs * 1e6 + 1_000)
  })

  test('says what is known, and nothing of what is not', async () => {
    const { collector, tracer, begin } = await setUp()
    const call = begin()
    const [first, second] = [{}, {}]
    call.attemptBegan(first, { ...asked, isStream: true }).headersTo('https://[::1]/v1')
    call.attemptEnded(first, { cause: 'first', error: 'UPSTREAM_LIMITED', status: 429 })
    call.attemptBegan(second, asked)
    call.attemptEnded(second, { cause: 'retry', firstTokenMs: 250 })
    // One that never began, and one that is over.
    call.attemptEnded({}, { cause: 'retry' })
    call.attemptEnded(second, { cause: 'retry' })
    call.ended({ ...ended, code: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST', attempts: 2 })
    await tracer.close()
    const chat = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai' }
    expect(
      collector.spans().map(({ name, kind, status, attributes }) => ({ name, kind, status, attributes })),
    ).toEqual([
      {
        name: 'chat one',
        kind: 3,
        status: 2,
        attributes: {
          ...chat,
          'gen_ai.request.model': 'one',
          'gen_ai.request.stream': true,
          'server.address': '::1',
          'server.port': 443,
          'exai.attempt.cause': 'first',
          'error.type': 'UPSTREAM_LIMITED',
          'http.response.status_code': 429,
        },
      },
      {
        name: 'chat one',
        kind: 3,
        status: 0,
        attributes: {
          ...chat,
          'gen_ai.request.model': 'one',
          'exai.attempt.cause': 'retry',
          'gen_ai.response.time_to_first_chunk': 0.25,
        },
      },
      {
        name: METHOD,
        kind: 2,
        // A mistake of the caller is no fault of the service.
        status: 0,
        attributes: {
          'rpc.service': 'exai.v1.ChatService',
          'rpc.method': 'Complete',
          'exai.door': 'connect',
          'exai.protocol': 'grpc',
          'exai.request_id': 'r1',
          'rpc.response.status_code': 'INVALID_ARGUMENT',
          'error.type': 'INVALID_REQUEST',
          'exai.tenant': 'default',
          'exai.attempts': 2,
        },
      },
    ])
  })
})

describe('the sampler', () => {
  const recorded = `00-${TRACE}-${CALLER}-01`
  const unrecorded = `00-${TRACE}-${CALLER}-00`

  test.each([
    ['always_on', 1, unrecorded, 2],
    ['always_off', 1, recorded, 0],
    ['traceidratio', 0, recorded, 0],
    ['traceidratio', 1, unrecorded, 2],
    ['parentbased_always_on', 1, unrecorded, 0],
    ['parentbased_always_on', 1, undefined, 2],
    ['parentbased_always_off', 1, recorded, 2],
    ['parentbased_always_off', 1, undefined, 0],
    ['parentbased_traceidratio', 0, recorded, 2],
    ['parentbased_traceidratio', 0, undefined, 0],
  ] as const)('%s with %d sends of a call under %s %d spans', async (sampler, ratio, traceparent, count) => {
    const { collector, tracer, begin, spans } = await setUp({ sampler, ratio })
    const call = begin({ traceparent, tracestate: 'vendor=one' })
    const of = {}
    const fields = call.attemptBegan(of, asked).headersTo('http://127.0.0.1:1/v1')
    // Whoever is asked hears of it either way, with the decision.
    expect(fields['traceparent']).toMatch(
      new RegExp(`^00-${call.traceId}-(?!${CALLER})[\\da-f]{16}-0${count === 0 ? 0 : 1}$`),
    )
    expect(fields['tracestate']).toBe(traceparent === undefined ? undefined : 'vendor=one')
    call.attemptEnded(of, { cause: 'first' })
    call.ended(ended)
    await tracer.close()
    expect(collector.spans()).toHaveLength(count)
    if (traceparent !== undefined) expect(call.traceId).toBe(TRACE)
    expect(spans.mock.calls).toEqual(count === 0 ? [] : [['exported', count]])
  })
})

test('more spans than may wait are dropped, counted, and told of once', async () => {
  const { tracer, begin, spans, warn, collector } = await setUp()
  for (let at = 0; at < 4_100; at += 1) begin().ended(ended)
  await tracer.close()
  expect(collector.spans()).toHaveLength(4_096)
  expect(spans.mock.calls.filter(([outcome]) => outcome === 'dropped')).toHaveLength(4)
  expect(warn.mock.calls).toEqual([[expect.stringContaining('traces are dropped')]])
})

test('batches do not wait for one another, up to four of them, and all arrive', async () => {
  const open: (() => void)[] = []
  const counts: number[] = []
  const queue = createSpanQueue({
    send: ({ count }) => {
      counts.push(count)
      return new Promise(resolve => void open.push(resolve))
    },
    origin: { resource: {}, scope: { name: 'exai', version: '1' } },
    max: 100,
    batchMax: 10,
    everyMs: 60_000,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    metrics: { spans: () => undefined },
  })
  const place = { traceId: TRACE, spanId: CALLER, isSampled: true, state: '' }
  const span = {
    name: 'one',
    kind: 2,
    place,
    parentId: '',
    isParentRemote: false,
    startMs: 1,
    endMs: 2,
  } as const
  for (let at = 0; at < 65; at += 1) queue.add({ ...span, isError: false, attributes: () => undefined })
  expect(counts).toEqual([10, 10, 10, 10])
  open.shift()?.()
  await eventually(() => expect(counts).toHaveLength(5))
  const flushed = queue.flush()
  expect(counts).toEqual([10, 10, 10, 10, 10, 10, 5])
  for (const arrive of open) arrive()
  await flushed
})
