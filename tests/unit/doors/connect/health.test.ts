// The standard health service, as balancers and probes use it.
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { describe, expect, test } from 'vitest'
import { Health, HealthCheckResponse_ServingStatus as Status } from '#gen/health/v1/health_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { type Running, startServer, transports, until } from './harness.ts'

function healthClient(server: Running, name = 'gRPC on HTTP/2') {
  const transportTo = transports[name]
  if (transportTo === undefined) throw new Error(`no transport ${name}`)
  return createClient(Health, transportTo(server.url))
}

describe('health', () => {
  test('Check tells the state of the whole and of a part', async () => {
    await using server = await startServer()
    const client = healthClient(server)
    server.health.set('provider/glm', 'NOT_SERVING')
    expect((await client.check({})).status).toBe(Status.SERVING)
    expect((await client.check({ service: 'provider/glm' })).status).toBe(Status.NOT_SERVING)
  })

  test('Check of a name that is not there is NOT_FOUND', async () => {
    await using server = await startServer()
    const failure: unknown = await healthClient(server)
      .check({ service: 'nobody' })
      .catch((error: unknown) => error)
    expect(failure instanceof ConnectError && failure.code).toBe(Code.NotFound)
  })

  test('List tells all', async () => {
    await using server = await startServer()
    const { statuses } = await healthClient(server).list({})
    expect(Object.fromEntries(Object.entries(statuses).map(([name, { status }]) => [name, status]))).toEqual({
      '': Status.SERVING,
      live: Status.SERVING,
    })
  })

  test('health calls are in no metric, and in the log at debug only', async () => {
    await using server = await startServer()
    await healthClient(server).check({})
    await server.exchanges.idle()
    expect(server.ends).toEqual([])
    expect(server.lines.map(({ level }) => level)).toEqual(['debug'])
  })

  test.each(['gRPC on HTTP/2', 'gRPC-Web on HTTP/1.1', 'Connect JSON on HTTP/2'])(
    'Watch over %s tells the state now and each change',
    async name => {
      await using server = await startServer()
      const leave = new AbortController()
      const seen: number[] = []
      const watching = (async () => {
        const watch = healthClient(server, name).watch({ service: 'provider/glm' }, { signal: leave.signal })
        for await (const { status } of watch) seen.push(status)
      })().catch(() => {})
      await until(() => seen.length === 1)
      server.health.set('provider/glm', 'SERVING')
      await until(() => seen.length === 2)
      server.health.set('provider/glm', 'SERVING')
      server.health.set('provider/glm', 'NOT_SERVING')
      await until(() => seen.length === 3)
      expect(seen).toEqual([Status.SERVICE_UNKNOWN, Status.SERVING, Status.NOT_SERVING])
      leave.abort()
      await watching
      await server.exchanges.idle()
      expect(server.health.watchers()).toBe(0)
    },
  )

  test('Watch outlives the time-out of calls', async () => {
    await using server = await startServer({ requestTimeoutMs: 20 })
    const leave = new AbortController()
    const seen: number[] = []
    const watching = (async () => {
      for await (const { status } of healthClient(server).watch({}, { signal: leave.signal }))
        seen.push(status)
    })().catch(() => {})
    await until(() => seen.length === 1)
    // A call that is opened later and has timed out proves that the time is over.
    await new Promise(resolve => setTimeout(resolve, 60))
    server.health.set('', 'NOT_SERVING')
    await until(() => seen.length === 2)
    leave.abort()
    await watching
  })

  test('Watch tells NOT_SERVING and then ends with UNAVAILABLE when the process leaves', async () => {
    await using server = await startServer()
    const seen: number[] = []
    const ended = (async () => {
      for await (const { status } of healthClient(server).watch({})) seen.push(status)
    })().catch((error: unknown) => error)
    await until(() => seen.length === 1)
    server.health.drain()
    server.exchanges.endWatches(new GatewayError('SHUTTING_DOWN', 'going'))
    const failure = await ended
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING])
    expect(failure instanceof ConnectError && failure.code).toBe(Code.Unavailable)
  })
})
