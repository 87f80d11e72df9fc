// The end of the process with real calls and watches on a real port.
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { describe, expect, test } from 'vitest'
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

  test('run twice is the same drain', async () => {
    await using server = await startServer()
    const drain = drainOf(server)
    expect(await drain.run()).toBe(await drain.run())
  })
})
