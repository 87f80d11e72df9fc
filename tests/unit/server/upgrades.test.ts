// Connections that want to leave HTTP: which are taken over, and which are refused before anything is begun.
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { LogFields } from '../../../src/core/log.ts'
import { createExchanges } from '../../../src/server/exchange.ts'
import { pageGuard } from '../../../src/server/hosts.ts'
import type { PortRequest } from '../../../src/server/port-handler.ts'
import { createUpgrades } from '../../../src/server/upgrades.ts'
import { startPort } from '../../support/port-rig.ts'

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\n\r\n'

/** A port whose door answers what it takes over in capitals, at `/room`. */
async function startRoom() {
  const lines: LogFields[] = []
  const none = (): void => undefined
  const exchanges = createExchanges({
    log: { debug: none, warn: none, error: none, info: (_, fields = {}) => void lines.push(fields) },
    metrics: { callEnded: none },
    clock: systemClock,
    requestTimeoutMs: 60_000,
  })
  const taken: Socket[] = []
  const asked = { door: 'room', method: 'Talk', protocol: 'none', isWatch: false, isCounted: true }
  const upgrades = createUpgrades({
    door: {
      asks: req => (req.url?.startsWith('/room') ? asked : undefined),
      take({ req, socket, head }, refuse) {
        if (req.url === '/room?full') return refuse(new GatewayError('OVERLOADED', 'the room is full'))
        taken.push(socket)
        socket.write(SWITCHED + head.toString().toUpperCase())
        socket.on('data', data => socket.write(String(data).toUpperCase()))
      },
      goAway: () => taken.forEach(socket => void socket.end('bye')),
    },
    exchanges,
    guards: [pageGuard(origin => origin === 'https://friend.example')],
    clock: systemClock,
  })
  const rig = await startPort({}, { upgrades })
  return { ...rig, exchanges, lines }
}

const ask = (path: string, more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`

describe('a request to upgrade', () => {
  it('is taken over with what the client sent right behind it', async () => {
    const { raw, port } = await startRoom()
    const client = await raw()
    client.send(`${ask('/room')}hello`)
    await client.until('HELLO')
    client.send(' again')
    await client.until(' AGAIN')
    port.goAway()
    await client.until('bye')
    await client.ended
  })

  it.each([
    ['elsewhere', ask('/plain')],
    ['with a body', ask('/room', 'Content-Length: 2\r\n').concat('hi')],
    ['to something else', ask('/room').replace('websocket', 'h2c')],
    ['by another method', ask('/room', 'Content-Length: 0\r\n').replace('GET', 'POST')],
  ])('%s is served as a plain one', async (_, request) => {
    const client = await (await startRoom()).raw()
    client.send(request)
    await client.until('HTTP/1.1 200 OK')
  })

  it('is refused by the door before the handshake, and logged', async () => {
    const { raw, lines } = await startRoom()
    const client = await raw()
    client.send(ask('/room?full', 'X-Request-Id: mine\r\n'))
    await client.until('the room is full')
    expect(client.received()).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
    await client.ended
    expect(lines).toMatchObject([{ request_id: 'mine', door: 'room', method: 'Talk', reason: 'OVERLOADED' }])
  })

  it('is refused when the process is about to stop', async () => {
    const { raw, exchanges } = await startRoom()
    exchanges.refuseNew(new GatewayError('SHUTTING_DOWN', 'call again'))
    const client = await raw()
    client.send(ask('/room'))
    await client.until('HTTP/1.1 503 ')
  })

  it('ends its connection when an answer before it is not out', async () => {
    const { raw, seen } = await startRoom()
    const client = await raw()
    client.send(`GET /silent HTTP/1.1\r\nHost: test\r\n\r\n${ask('/room')}`)
    await client.ended
    expect(client.received()).toBe('')
    await expect.poll(() => seen('/silent').closed).toBe(1)
  })
})

describe('pages', () => {
  const guard = pageGuard(origin => origin === 'https://friend.example')
  const of = (host: string, origin?: string) =>
    // Only these are looked at.
    guard({ headers: { host, ...(origin === undefined ? {} : { origin }) } } as PortRequest)

  it.each([
    ['exai.example', undefined],
    ['exai.example', 'https://exai.example'],
    ['EXAI.example:8080', 'http://exai.EXAMPLE:8080'],
    ['exai.example', 'https://friend.example'],
  ])('at %s of the origin %s may connect', (host, origin) => expect(of(host, origin)).toBeUndefined())

  it.each([
    ['exai.example', 'https://evil.example'],
    ['exai.example', 'https://exai.example:8443'],
    ['exai.example', 'null'],
    ['exai.example', ''],
    ['exai.example', 'file://exai.example'],
    ['exai.example', 'https://exai.example.evil.example'],
  ])('at %s of the origin %s may not', (host, origin) =>
    expect(of(host, origin)).toMatchObject({ reason: 'PERMISSION_DENIED' }),
  )
})
