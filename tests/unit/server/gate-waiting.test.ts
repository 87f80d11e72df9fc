// The gate while something is waited for: nothing of the body is read, and nobody who leaves is kept.
import { connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Scope } from '#gen/exai/v1/key_pb'
import { DEFAULT_CALLER } from '../../../src/core/caller.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { StoredKey } from '../../../src/core/keys.ts'
import { connectCorsNeeds } from '../../../src/doors/connect/cors-needs.ts'
import { createCors } from '../../../src/server/cors.ts'
import type { Door } from '../../../src/server/door.ts'
import { createExchanges } from '../../../src/server/exchange.ts'
import { createHandler } from '../../../src/server/handler.ts'
import { openGuard } from '../../../src/server/hosts.ts'
import { createPort } from '../../../src/server/port.ts'
import { type AccessRig, makeKey, openAccessRig } from '../../support/access-rig.ts'
import { errorOf, post, type ServerOptions, startServer } from '../doors/connect/harness.ts'

const COMPLETE = 'exai.v1.ChatService/Complete'
const GRPC = { 'content-type': 'application/grpc+proto', te: 'trailers' }

let rig: AccessRig
beforeEach(async () => {
  rig = await openAccessRig()
})
afterEach(() => rig.close())

const start = (options: ServerOptions = {}, { access } = rig) => startServer({ access, ...options })
const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })

describe('while a credential is being checked', () => {
  /** A store that answers when the test says so. */
  async function slow() {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<StoredKey | undefined>()
    const keys = {
      ...rig.keys,
      byHash: () => {
        asked.resolve()
        return answer.promise
      },
    }
    return { asked, answer, rig: await openAccessRig({ keys, clock: rig.clock }) }
  }

  test('nothing of the body is read', async () => {
    const { asked, answer, rig: waiting } = await slow()
    const { secret } = await makeKey(rig)
    const seen: boolean[] = []
    const door: Door = {
      asks: () => ({ door: 'test', method: COMPLETE, protocol: 'test', isWatch: false, isCounted: true }),
      serve: (_req, res) => void res.end(),
      refuse: (req, res, exchange) => {
        seen.push(req.readableDidRead)
        exchange.close()
        res.end()
      },
    }
    const log = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    }
    const metrics = { callEnded: () => undefined }
    const handler = createHandler({
      doors: [door],
      routes: () => undefined,
      exchanges: createExchanges({ log, metrics, clock: systemClock, requestTimeoutMs: 10_000 }),
      guard: openGuard,
      access: waiting.access,
      cors: createCors([], connectCorsNeeds),
      clock: systemClock,
    })
    const port = createPort({ handler })
    const at = await port.listen({ host: '127.0.0.1', port: 0 })
    const response = post(`http://127.0.0.1:${at.port}`, COMPLETE, 'x'.repeat(1024 * 1024), bearer(secret))
    await asked.promise
    answer.resolve(undefined)
    await response
    expect(seen).toEqual([false])
    port.destroy()
    await port.closed()
    await waiting.close()
  })

  test.each(['HTTP/1.1', 'HTTP/2'])('a client of %s that leaves is forgotten at once', async version => {
    const { asked, answer, rig: waiting } = await slow()
    await using server = await start({}, waiting)
    const { secret } = await makeKey(rig)
    if (version === 'HTTP/2') {
      const session = connect(server.url)
      const stream = session.request({
        ':method': 'POST',
        ':path': `/${COMPLETE}`,
        ...GRPC,
        ...bearer(secret),
      })
      stream.on('error', () => undefined)
      await asked.promise
      stream.close(8)
      await server.exchanges.idle()
      session.destroy()
    } else {
      const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1')
      socket.write(requestText(`Authorization: Bearer ${secret}\r\n`))
      await asked.promise
      socket.destroy()
      await server.exchanges.idle()
    }
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'CANCELLED' })
    answer.resolve(undefined)
    await waiting.close()
  })

  test('the deadline of the call is kept', async () => {
    const { asked, answer, rig: waiting } = await slow()
    await using server = await start({}, waiting)
    const { secret } = await makeKey(rig)
    const response = await post(server.url, COMPLETE, '{}', { ...bearer(secret), 'connect-timeout-ms': '50' })
    expect((await errorOf(response)).code).toBe('deadline_exceeded')
    await asked.promise
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    answer.resolve(undefined)
    await waiting.close()
  })

  test('a process that stops refuses the call', async () => {
    const { asked, answer, rig: waiting } = await slow()
    await using server = await start({}, waiting)
    const { secret } = await makeKey(rig)
    const response = post(server.url, COMPLETE, '{}', bearer(secret))
    await asked.promise
    server.exchanges.abortAll(new GatewayError('SHUTTING_DOWN', 'going'))
    expect((await errorOf(await response)).code).toBe('unavailable')
    answer.resolve(undefined)
    await waiting.close()
  })

  test('a store that fails is INTERNAL, and the log has the cause', async () => {
    const keys = { ...rig.keys, byHash: () => Promise.reject(new Error('disk on fire')) }
    const broken = await openAccessRig({ keys })
    await using server = await start({}, broken)
    const { secret } = await makeKey(rig)
    const response = await post(server.url, COMPLETE, '{}', bearer(secret))
    expect(await response.text()).not.toContain('fire')
    expect(response.status).toBe(500)
    expect((await server.onlyEnd()).line).toMatchObject({
      level: 'error',
      fields: { err: { message: 'disk on fire' } },
    })
    await broken.close()
  })
})

describe('what a call has to take', () => {
  test('is taken when it is known who calls and that the caller may, and before the call is served', async () => {
    const steps: string[] = []
    await using server = await start({
      admit: ({ caller, asked }) => {
        steps.push(`admits ${caller.tenant} to ${asked.method}`)
        return undefined
      },
      chat: {
        complete: async () => {
          steps.push('serves')
          return {}
        },
      },
    })
    const { secret } = await makeKey(rig, { tenant: 'acme' })
    const { secret: files } = await makeKey(rig, { scopes: [Scope.FILES] })
    await post(server.url, COMPLETE, '{}')
    await post(server.url, COMPLETE, '{}', bearer(files))
    await post(server.url, 'grpc.health.v1.Health/Check', '{}')
    expect(steps).toEqual([])
    await post(server.url, COMPLETE, '{}', bearer(secret))
    expect(steps).toEqual([`admits acme to ${COMPLETE}`, 'serves'])
  })

  test.each(['at once', 'later'])('may be refused %s, in the words of the protocol', async when => {
    const error = new GatewayError('RATE_LIMITED', 'no more', { retryDelayMs: 5_000 })
    await using server = await start({
      admit: () => {
        if (when === 'later') return Promise.reject(error)
        throw error
      },
    })
    const { secret } = await makeKey(rig)
    const response = await post(server.url, COMPLETE, '{}', bearer(secret))
    expect([response.status, (await errorOf(response)).message]).toEqual([429, 'no more'])
    expect((await server.onlyEnd()).end.reason).toBe('RATE_LIMITED')
  })

  test('is waited for also when the client has left, so that it can be given back', async () => {
    const begun = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const left = Promise.withResolvers<void>()
    await using server = await start({
      admit: async ({ signal }) => {
        signal.addEventListener('abort', () => left.resolve())
        begun.resolve()
        await go.promise
      },
    })
    const { secret } = await makeKey(rig)
    const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(requestText(`Authorization: Bearer ${secret}\r\n`))
    await begun.promise
    socket.destroy()
    await left.promise
    const idle = server.exchanges.idle()
    expect(server.exchanges.active()).toBe(1)
    go.resolve()
    await idle
    expect((await server.onlyEnd()).end.code).toBe('CANCELLED')
  })

  test('is asked of the default caller, too, where nobody shows a credential', async () => {
    const callers: unknown[] = []
    await using server = await startServer({
      admit: ({ caller }) => {
        callers.push(caller)
        return undefined
      },
    })
    await post(server.url, COMPLETE, '{}')
    expect(callers).toEqual([DEFAULT_CALLER])
  })
})

function requestText(headers: string): string {
  const fixed =
    'Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n'
  return `POST /${COMPLETE} HTTP/1.1\r\n${fixed}${headers}\r\n{}`
}
