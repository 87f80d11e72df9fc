// Readers of a WebSocket that are slow, that read nothing, and that have died.
import { describe, expect, test } from 'vitest'
import { openRaw } from '../../../support/raw-client.ts'
import { selfSigned } from '../../../support/self-signed.ts'
import { is } from '../../../support/socket-client.ts'
import { request, speech, startRig } from './harness.ts'

describe('a reader', () => {
  const large = 'x'.repeat(64 * 1024)

  test('who is slow pauses its streams, and loses nothing', async () => {
    let given = 0
    const { open } = await startRig({
      chat: {
        async *stream() {
          for (let index = 0; index < 400; index += 1) {
            given += 1
            yield { sequence: index + 1, event: { case: 'textDelta', value: { text: large } } }
          }
          yield* speech()
        },
      },
    })
    const client = await open()
    client.ws.pause()
    client.send(request('s', { stream: true }))
    let before = -1
    await expect
      .poll(
        () => {
          const isStill = given > 0 && given === before
          before = given
          return isStill
        },
        { interval: 200, timeout: 30_000 },
      )
      .toBe(true)
    expect(given).toBeLessThan(300)
    client.ws.resume()
    await client.frame(is('response', 's'))
    expect(client.frames.filter(is('stream')).length).toBe(400)
  })

  test.each([
    ['clear text', undefined],
    ['TLS', selfSigned()],
  ])('who takes nothing is cut, over %s', async (_, tls) => {
    const { open, ends } = await startRig({
      tls,
      portLimits: { upgradedStallTimeoutMs: 100 },
      chat: {
        async *stream() {
          for (let index = 1; ; index += 1)
            yield { sequence: index, event: { case: 'textDelta', value: { text: large } } }
        },
      },
    })
    const client = await open('/ws', { ca: tls?.cert })
    client.ws.pause()
    client.send(request('s', { stream: true }))
    await expect.poll(() => ends).toMatchObject([{ code: 'CANCELLED' }])
  })

  test('who asks without reading the answers is not read any more', async () => {
    const { open, ends } = await startRig({ limits: { repliesBytes: 10_000 } })
    const client = await open()
    client.ws.pause()
    const bad = `{"type":"${'y'.repeat(60)}"}`
    for (let index = 0; index < 40_000; index += 1) client.ws.send(bad)
    let before = -1
    await expect
      .poll(
        () => {
          const isStill = ends.length > 0 && ends.length === before
          before = ends.length
          return isStill
        },
        { interval: 200, timeout: 30_000 },
      )
      .toBe(true)
    expect(ends.length).toBeLessThan(40_000)
    client.ws.resume()
    await expect.poll(() => client.frames.length, { timeout: 15_000 }).toBe(40_000)
  })

  test('who has died is found by a ping', async () => {
    const { url, exchanges } = await startRig({
      limits: { pingIntervalMs: 50, pongTimeoutMs: 100 },
    })
    const dead = await openRaw(Number(new URL(url).port))
    dead.send(
      'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await dead.until('101 Switching Protocols')
    await dead.ended
    expect(exchanges.active()).toBe(0)
  })

  test('who answers pings stays', async () => {
    const { open } = await startRig({ limits: { pingIntervalMs: 20, pongTimeoutMs: 40 } })
    const client = await open()
    let pings = 0
    client.ws.on('ping', () => {
      pings += 1
    })
    await expect.poll(() => pings).toBeGreaterThan(3)
    expect(client.ws.readyState).toBe(client.ws.OPEN)
  })
})
