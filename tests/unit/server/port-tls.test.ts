// Tests that the port on TLS serves both HTTP versions by ALPN and ends calls of clients that left.
import { once } from 'node:events'
import { request } from 'node:https'
import { connect } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, soon, startPort } from '../../support/port-rig.ts'
import { PREFACE, requestFrame, SETTINGS } from '../../support/raw-client.ts'
import { selfSigned } from '../../support/self-signed.ts'

const tls = selfSigned()

const openTls = async (port: number, protocols: string[]) => {
  const socket = connect({ port, host: '127.0.0.1', ca: tls.cert, ALPNProtocols: protocols })
  socket.on('error', () => {
    // A port that cuts the connection is what the tests are about.
  })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

describe('the port on TLS', () => {
  it('serves HTTP/2 to a client that offers it', async () => {
    const { h2, number, port } = await startPort({}, { tls })
    const answer = await ask(h2(`https://127.0.0.1:${number}`, tls.cert), { ':path': '/plain' })
    expect(answer).toEqual({ status: 200, text: '2.0 /plain' })
    expect(port.connections()).toBe(1)
  })

  it.each([
    ['HTTP/1.1', ['http/1.1']],
    ['nothing', undefined],
  ])('serves HTTP/1.1 to a client that offers %s', async (_, protocols) => {
    const { number } = await startPort({}, { tls })
    const call = request({
      port: number,
      host: '127.0.0.1',
      path: '/plain',
      ca: tls.cert,
      ...(protocols !== undefined && { ALPNProtocols: protocols }),
      agent: false,
    }).end()
    const [response] = await once(call, 'response')
    expect((await response.setEncoding('utf8').toArray()).join('')).toBe('1.1 /plain')
  })

  it('ends the HTTP/2 call of a client that leaves with a plain end', async () => {
    const { number, seen } = await startPort({}, { tls })
    const socket = await openTls(number, ['h2'])
    socket.write(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/stream')]))
    await soon(() => expect(seen('/stream').started).toBe(1))
    socket.end()
    await soon(() => expect(seen('/stream').closed).toBe(1))
  })

  it('ends the HTTP/1.1 call of a client that leaves with a plain end', async () => {
    const { number, seen } = await startPort({}, { tls })
    const socket = await openTls(number, ['http/1.1'])
    socket.write('GET /stream HTTP/1.1\r\nHost: test\r\n\r\n')
    await soon(() => expect(seen('/stream').started).toBe(1))
    socket.end()
    await soon(() => expect(seen('/stream').closed).toBe(1))
  })

  it('cuts a reader that takes nothing', async () => {
    const { number, seen, events, port } = await startPort({ stallTimeoutMs: 80 }, { tls })
    const socket = await openTls(number, ['http/1.1'])
    socket.write('GET /pour HTTP/1.1\r\nHost: test\r\n\r\n')
    await soon(() => expect(seen('/pour').closed).toBe(1))
    await soon(() => expect(port.connections()).toBe(0))
    expect(events).toEqual([{ type: 'connection.stalled', peer: '127.0.0.1' }])
  })

  it('closes a connection that never begins its handshake, and one that speaks clear text', async () => {
    const { raw, events, port } = await startPort({ sniffTimeoutMs: 60 }, { tls })
    const [mute, clear] = [await raw(), await raw()]
    clear.send('GET / HTTP/1.1\r\nHost: test\r\n\r\n')
    await Promise.all([mute.ended, clear.ended])
    await soon(() => expect(port.connections()).toBe(0))
    expect(events.map(({ type }) => type)).toEqual(['connection.failed', 'connection.failed'])
  })

  it('drains: running calls of both versions finish, then all connections are gone', async () => {
    const { h2, number, port, seen, finish } = await startPort({}, { tls })
    const second = ask(h2(`https://127.0.0.1:${number}`, tls.cert), { ':path': '/stream' })
    const first = await openTls(number, ['http/1.1'])
    let text = ''
    first.on('data', chunk => {
      text += chunk
    })
    first.once('end', () => first.end())
    first.write('GET /stream HTTP/1.1\r\nHost: test\r\n\r\n')
    await soon(() => expect(seen('/stream').started).toBe(2))
    port.goAway()
    finish('/stream')
    expect((await second).text).toBe('begundone')
    await port.closed()
    expect(text).toContain('done')
    expect(port.connections()).toBe(0)
  })

  it('destroys every connection when told to', async () => {
    const { number, port, seen } = await startPort({}, { tls })
    const socket = await openTls(number, ['h2'])
    socket.write(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/stream')]))
    await soon(() => expect(seen('/stream').started).toBe(1))
    port.destroy()
    await port.closed()
    expect([seen('/stream').closed, port.connections()]).toEqual([1, 0])
  })
})
