// Whole calls through every protocol and HTTP version: answers, errors, deadlines, cancels, and one log line each.
import { Code, ConnectError } from '@connectrpc/connect'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ErrorInfo_Origin, ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { chatClient, startServer, transports, until } from './harness.ts'

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const end = (): void => reject(signal.reason)
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
  })

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof ConnectError) return thrown
  throw new Error('the call should have failed')
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

const console_ = vi.spyOn(console, 'error')
beforeEach(() => void console_.mockClear())
afterEach(() => expect(console_).not.toHaveBeenCalled())

describe.each(Object.entries(transports))('%s', (_name, transportTo) => {
  test('a unary call is answered, logged once and counted once', async () => {
    await using server = await startServer()
    let requestId: string | null = null
    const answer = await chatClient(transportTo(server.url)).complete(
      { model: 'auto' },
      {
        headers: { 'x-request-id': 'mine-1' },
        onHeader: header => {
          requestId = header.get('x-request-id')
        },
      },
    )
    expect(answer).toMatchObject({ id: 'resp_1', model: 'echo' })
    expect(requestId).toBe('mine-1')
    const { line, end } = await server.onlyEnd()
    expect(end).toMatchObject({
      door: 'connect',
      method: 'exai.v1.ChatService/Complete',
      code: 'OK',
      reason: '',
    })
    expect(end.durationMs).toBeGreaterThan(0)
    expect(line).toMatchObject({
      level: 'info',
      message: 'call',
      fields: {
        request_id: 'mine-1',
        tenant: 'default',
        provider: 'sandbox',
        input_tokens: 3,
        output_tokens: 1,
      },
    })
  })

  test('a stream gives every event in order', async () => {
    await using server = await startServer()
    const events = await collect(chatClient(transportTo(server.url)).streamComplete({ model: 'auto' }))
    expect(events.map(({ sequence, event }) => [sequence, event.case])).toEqual([
      [1, 'started'],
      [2, 'textDelta'],
      [3, 'completed'],
    ])
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'OK' })
  })

  test('a stream of more than the socket holds arrives whole', async () => {
    const text = 'x'.repeat(64 * 1024)
    await using server = await startServer({
      chat: {
        async *stream() {
          for (let sequence = 1; sequence <= 200; sequence++)
            yield { sequence, event: { case: 'textDelta', value: { text } } }
        },
      },
    })
    const events = await collect(chatClient(transportTo(server.url)).streamComplete({}))
    expect(events).toHaveLength(200)
    expect(
      events.every(({ event }) => event.case === 'textDelta' && event.value.text.length === text.length),
    ).toBe(true)
  })

  test('an error of ours arrives with its reason and all its details', async () => {
    const error = new GatewayError('UPSTREAM_LIMITED', 'glm limits our rate', {
      provider: 'glm',
      model: 'glm-5',
      retryDelayMs: 1500,
    })
    await using server = await startServer({ chat: { complete: () => Promise.reject(error) } })
    const failure = await failureOf(
      chatClient(transportTo(server.url)).complete({}, { headers: { 'x-request-id': 'mine-2' } }),
    )
    expect(failure.code).toBe(Code.Unavailable)
    expect(failure.rawMessage).toBe('glm limits our rate')
    const [info] = failure.findDetails(ErrorInfoSchema)
    expect(info).toMatchObject({
      reason: ErrorReason.UPSTREAM_LIMITED,
      provider: 'glm',
      model: 'glm-5',
      requestId: 'mine-2',
      origin: ErrorInfo_Origin.UPSTREAM,
      retryDelay: { seconds: 1n, nanos: 500_000_000 },
    })
    const { line, end } = await server.onlyEnd()
    expect(end).toMatchObject({ code: 'UNAVAILABLE', reason: 'UPSTREAM_LIMITED', origin: 'upstream' })
    expect(line).toMatchObject({ level: 'info', fields: { provider: 'glm', model: 'glm-5' } })
    expect(line.fields).not.toHaveProperty('err')
  })

  test('a message that was cut inside of a character still arrives', async () => {
    await using server = await startServer({
      chat: { complete: () => Promise.reject(new GatewayError('UPSTREAM_BROKEN', 'cut \ud83d')) },
    })
    const failure = await failureOf(chatClient(transportTo(server.url)).complete({}))
    expect([failure.code, failure.rawMessage]).toEqual([Code.Aborted, 'cut \ufffd'])
  })

  test('an error in the middle of a stream comes after its events', async () => {
    await using server = await startServer({
      chat: {
        async *stream() {
          yield { sequence: 1, event: { case: 'textDelta', value: { text: 'half' } } }
          throw new GatewayError('UPSTREAM_BROKEN', 'the answer broke')
        },
      },
    })
    const seen: number[] = []
    const failure = await failureOf(
      (async () => {
        for await (const event of chatClient(transportTo(server.url)).streamComplete({}))
          seen.push(event.sequence)
      })(),
    )
    expect(seen).toEqual([1])
    expect(failure.code).toBe(Code.Aborted)
    expect(failure.findDetails(ErrorInfoSchema)[0]?.reason).toBe(ErrorReason.UPSTREAM_BROKEN)
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'ABORTED', reason: 'UPSTREAM_BROKEN' })
  })

  test.each(['complete', 'stream'] as const)(
    'a fault in %s tells the client nothing and the log everything',
    async way => {
      const fault = new TypeError('secret of the house')
      await using server = await startServer({
        chat: {
          complete: () => Promise.reject(fault),
          // biome-ignore lint/correctness/useYield: it fails before its first event
          async *stream() {
            throw fault
          },
        },
      })
      const client = chatClient(transportTo(server.url))
      const failure = await failureOf(
        way === 'complete' ? client.complete({}) : collect(client.streamComplete({})),
      )
      expect(failure.code).toBe(Code.Internal)
      expect(failure.rawMessage).toBe('internal error')
      const [info] = failure.findDetails(ErrorInfoSchema)
      expect(JSON.stringify([failure.rawMessage, [...failure.metadata], info])).not.toContain('secret')
      const { line, end } = await server.onlyEnd()
      expect(end).toMatchObject({ code: 'INTERNAL', reason: 'INTERNAL', origin: 'gateway' })
      expect(line.level).toBe('error')
      expect(line.fields['err']).toBe(fault)
      expect(line.fields['request_id']).toBe(info?.requestId)
    },
  )

  test('a deadline of 1 ms ends the call as such', async () => {
    await using server = await startServer({ chat: { complete: call => aborted(call.signal) } })
    // Not by the client's own option: its timer would end the call as well.
    const headers = { 'connect-timeout-ms': '1', 'grpc-timeout': '1m' }
    const failure = await failureOf(chatClient(transportTo(server.url)).complete({}, { headers }))
    expect(failure.code).toBe(Code.DeadlineExceeded)
    expect(failure.rawMessage).toBe('the deadline of 1 ms has passed')
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'DEADLINE_EXCEEDED', origin: 'client' })
  })

  test('the time-out of the server ends a call that asks for none, or for more', async () => {
    await using server = await startServer({
      requestTimeoutMs: 30,
      chat: { complete: call => aborted(call.signal) },
    })
    const client = chatClient(transportTo(server.url))
    for (const options of [{}, { timeoutMs: 60_000 }]) {
      const failure = await failureOf(client.complete({}, options))
      expect(failure.code).toBe(Code.DeadlineExceeded)
      expect(failure.findDetails(ErrorInfoSchema)[0]?.reason).toBe(ErrorReason.DEADLINE_EXCEEDED)
    }
    await server.exchanges.idle()
    expect(server.ends.map(({ reason }) => reason)).toEqual(['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'])
  })

  test.each(['before', 'in the middle of'] as const)(
    'a client that leaves %s the answer ends the work at once',
    async when => {
      const reasons: unknown[] = []
      let isRunning = false
      await using server = await startServer({
        chat: {
          async *stream(call) {
            call.signal.addEventListener('abort', () => reasons.push(call.signal.reason))
            if (when !== 'before') yield { sequence: 1, event: { case: 'textDelta', value: { text: 'a' } } }
            isRunning = true
            await aborted(call.signal)
          },
        },
      })
      const leave = new AbortController()
      const stream = chatClient(transportTo(server.url)).streamComplete({}, { signal: leave.signal })
      const failure = failureOf(collect(stream))
      await until(() => isRunning)
      leave.abort()
      expect((await failure).code).toBe(Code.Canceled)
      const { line, end } = await server.onlyEnd()
      expect(end).toMatchObject({ code: 'CANCELLED', reason: 'CANCELLED', origin: 'client' })
      expect(line.level).toBe('info')
      expect(reasons).toEqual([expect.objectContaining({ reason: 'CANCELLED' })])
    },
  )

  test('a request above the limit is refused, and the connection goes on', async () => {
    await using server = await startServer()
    const client = chatClient(transportTo(server.url))
    const failure = await failureOf(client.complete({ model: 'x'.repeat(5_000_000) }))
    expect(failure.code).toBe(Code.ResourceExhausted)
    expect(failure.rawMessage).toContain('4194304 bytes')
    expect(failure.findDetails(ErrorInfoSchema)[0]?.reason).toBe(ErrorReason.OVERLOADED)
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' })
    expect((await client.complete({ model: 'auto' })).id).toBe('resp_1')
  })
})
