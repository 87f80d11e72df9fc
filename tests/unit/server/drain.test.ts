// The end of the process with real calls and watches on a real port.
import { connect } from 'node:net'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Health } from '#gen/health/v1/health_pb'
import { systemClock } from '../../../src/core/clock.ts'
import { createDrain } from '../../../src/server/drain.ts'
import { chatClient, post, type Running, startServer, until } from '../doors/connect/harness.ts'

function drainOf(server: Running, { drainDelayMs = 0, drainTimeoutMs = 5_000 } = {}) {
  const { port, exchanges, health } = server
  return createDrain({ port, exchanges, health, clock: systemClock, drainDelayMs, drainTimeoutMs })
}

const codeOf = (call: Promise<unknown>): Promise<Code | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  )

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

async function withSlowCall(drain: { drainDelayMs?: number; drainTimeoutMs?: number } = {}) {
  const finish = Promise.withResolvers<void>()
  const server = await startServer({
    chat: {
      complete: async call => {
        await Promise.race([finish.promise, aborted(call.signal)])
        return { id: 'resp_1' }
      },
    },
  })
  const call = chatClient(createGrpcTransport({ baseUrl: server.url })).complete({})
  const code = codeOf(call)
  await until(() => server.exchanges.active() === 1)
  return { server, drain: drainOf(server, drain), finish: finish.resolve, code }
}

describe('a drain', () => {
  test('of an idle service is over at once', async () => {
    await using server = await startServer()
    expect(await drainOf(server).run()).toMatchObject({ running: 0, aborted: 0 })
  })

  test('lets a running call finish', async () => {
    const { server, drain, finish, code } = await withSlowCall()
    const result = drain.run()
    await until(() => server.exchanges.refusal() !== undefined)
    finish()
    expect(await code).toBeUndefined()
    expect(await result).toMatchObject({ running: 1, aborted: 0 })
    expect(server.ends.map(({ code }) => code)).toEqual(['OK'])
  })

  test('ends a call that takes too long with SHUTTING_DOWN', async () => {
    const { server, drain, code } = await withSlowCall({ drainTimeoutMs: 20 })
    expect(await drain.run()).toMatchObject({ running: 1, aborted: 1 })
    expect(await code).toBe(Code.Unavailable)
    expect(server.ends.map(({ reason }) => reason)).toEqual(['SHUTTING_DOWN'])
  })

  test('that is aborted waits for nothing', async () => {
    const { drain, code } = await withSlowCall({ drainDelayMs: 60_000, drainTimeoutMs: 60_000 })
    const result = drain.run()
    drain.abort()
    expect((await result).durationMs).toBeLessThan(5_000)
    expect(await code).toBeDefined()
  })

  test('still serves calls during its delay, and says NOT_SERVING', async () => {
    await using server = await startServer()
    const drain = drainOf(server, { drainDelayMs: 60_000 })
    const result = drain.run()
    expect(server.health.serving('')).toBe('NOT_SERVING')
    expect((await post(server.url, 'exai.v1.ChatService/Complete', '{}')).status).toBe(200)
    drain.abort()
    await result
  })

  test('ends watches at once, also while a call runs on', async () => {
    const { server, drain, finish, code } = await withSlowCall()
    const watching = (async () => {
      for await (const _ of createClient(Health, createGrpcTransport({ baseUrl: server.url })).watch({})) {
        // The states are the business of other tests.
      }
    })()
    await until(() => server.exchanges.active() === 2)
    const result = drain.run()
    expect(await codeOf(watching)).toBe(Code.Unavailable)
    expect(server.exchanges.active()).toBe(1)
    finish()
    expect(await code).toBeUndefined()
    expect(await result).toMatchObject({ running: 2, aborted: 0 })
  })

  test('ends a call whose reader has stalled', async () => {
    const cut = Promise.withResolvers<void>()
    await using server = await startServer({
      chat: {
        async *stream(call) {
          call.signal.addEventListener('abort', () => cut.resolve())
          for (let sequence = 1; ; sequence += 1)
            yield { sequence, event: { case: 'textDelta', value: { text: 'x'.repeat(65_536) } } }
        },
      },
    })
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write(
      'POST /exai.v1.ChatService/StreamComplete HTTP/1.1\r\nhost: localhost\r\n' +
        'content-type: application/connect+json\r\ncontent-length: 7\r\n\r\n',
    )
    socket.write(Buffer.from([0, 0, 0, 0, 2, 0x7b, 0x7d]))
    await until(() => server.exchanges.active() === 1)
    const drain = drainOf(server, { drainTimeoutMs: 50 })
    const result = drain.run()
    await cut.promise
    // Else it would wait for the reader to take its farewell.
    drain.abort()
    expect(await result).toMatchObject({ running: 1, aborted: 1 })
    expect(server.ends.map(({ reason }) => reason)).toEqual(['SHUTTING_DOWN'])
  })

  test('is over only when the calls that it has cut off have their log lines', async () => {
    const begun = Promise.withResolvers<void>()
    await using server = await startServer({
      chat: {
        complete: async call => {
          begun.resolve()
          await aborted(call.signal).catch(() => undefined)
          // What it holds is let go of after its connection is gone.
          await server.port.closed()
          await new Promise(resolve => setTimeout(resolve, 30))
          throw call.signal.reason
        },
      },
    })
    const code = codeOf(chatClient(createGrpcTransport({ baseUrl: server.url })).complete({}))
    await begun.promise
    const drain = drainOf(server)
    const result = drain.run()
    drain.abort()
    await result
    expect(server.ends.map(({ reason }) => reason)).toEqual(['SHUTTING_DOWN'])
    expect(await code).toBeDefined()
  })

  test('run twice is the same drain', async () => {
    await using server = await startServer()
    const drain = drainOf(server)
    expect(await drain.run()).toBe(await drain.run())
  })
})
