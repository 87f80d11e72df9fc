// Every call of a door over HTTP ends once, whoever ends it, and a reader who leaves or stops reading holds back its source.
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import { createHttpDoor } from '../../../../src/doors/http/door.ts'
import type { Frame } from '../../../../src/doors/http/frame.ts'
import type { HttpCall, Route } from '../../../../src/doors/http/route.ts'
import { post, startDoors } from './rig.ts'

const start = (handle: Route['handle'], more: Parameters<typeof startDoors>[1] = {}) => {
  const routes: readonly Route[] = [{ verb: 'POST', path: '/t', rpc: 'test.Service/Method', handle }]
  const errors = {
    body: ({ error }: { readonly error: GatewayError }) => ({ reason: error.reason }),
    frames: ({ error }: { readonly error: GatewayError }) => [{ data: error.reason }],
  }
  return startDoors([createHttpDoor({ name: 'test', routes, errors, maxRequestBytes: 1_000 })], more)
}

describe('a call', () => {
  test('is counted under the RPC that it stands for', async () => {
    await using server = await start(async () => ({ type: 'json', value: {} }))
    await (await post(`${server.url}/t`, {})).json()
    expect(await server.onlyEnd()).toMatchObject({ door: 'test', method: 'test.Service/Method', code: 'OK' })
  })

  test('that is refused before it is served is told so in the form of the door', async () => {
    const full = new GatewayError('TOO_MANY_CALLS', 'too many', {
      retryDelayMs: 1_000,
      limit: {
        name: 'requests_per_minute of tenant a',
        limit: 5,
        remaining: 0,
        resetAtMs: Date.now() + 30_000,
      },
    })
    await using server = await start(async () => ({ type: 'json', value: {} }), {
      admit: () => Promise.reject(full),
    })
    const reply = await post(`${server.url}/t`, {})
    expect([reply.status, await reply.json()]).toEqual([429, { reason: 'TOO_MANY_CALLS' }])
    expect(reply.headers.get('x-ratelimit-limit-requests')).toBe('5')
    expect(reply.headers.get('x-ratelimit-remaining-requests')).toBe('0')
    expect(reply.headers.get('x-ratelimit-reset-requests')).toMatch(/^(?:29|30)s$/)
    expect((await server.onlyEnd()).reason).toBe('TOO_MANY_CALLS')
  })

  test('that lasts too long is 504', async () => {
    const forever = ({ exchange }: HttpCall) =>
      new Promise<never>((_resolve, reject) => {
        exchange.signal.addEventListener('abort', () => reject(new DOMException('gone', 'AbortError')))
      })
    await using server = await start(forever, { requestTimeoutMs: 50 })
    const reply = await post(`${server.url}/t`, {})
    expect([reply.status, await reply.json()]).toEqual([504, { reason: 'DEADLINE_EXCEEDED' }])
  })

  test('whose client has left ends its source', async () => {
    const left = Promise.withResolvers<unknown>()
    async function* frames(signal: AbortSignal): AsyncGenerator<Frame> {
      yield { data: 'one' }
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      left.resolve(signal.reason)
      throw signal.reason
    }
    await using server = await start(async ({ exchange }) => ({
      type: 'events',
      frames: frames(exchange.signal),
    }))
    const controller = new AbortController()
    const reply = await fetch(`${server.url}/t`, { method: 'POST', signal: controller.signal })
    await reply.body?.getReader().read()
    controller.abort()
    expect(await left.promise).toMatchObject({ reason: 'CANCELLED' })
    expect((await server.onlyEnd()).reason).toBe('CANCELLED')
  })

  test('whose reader takes nothing holds its source back', async () => {
    let sent = 0
    async function* frames(): AsyncGenerator<Frame> {
      for (; sent < 1_000; sent += 1) yield { data: 'x'.repeat(100_000) }
    }
    await using server = await start(async () => ({ type: 'events', frames: frames() }))
    const asked = request(`${server.url}/t`, { method: 'POST' })
    asked.end()
    const [reply] = await new Promise<readonly [import('node:http').IncomingMessage]>(resolve =>
      asked.once('response', got => resolve([got])),
    )
    reply.pause()
    let before = -1
    // It has come to rest when two looks see the same.
    await expect
      .poll(
        () => {
          const isAtRest = sent === before
          before = sent
          return isAtRest
        },
        { interval: 100, timeout: 15_000 },
      )
      .toBe(true)
    expect(sent).toBeLessThan(500)
    asked.destroy()
    expect((await server.onlyEnd()).reason).toBe('CANCELLED')
  })
})
