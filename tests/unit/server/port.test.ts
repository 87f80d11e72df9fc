// Tests that one clear-text port serves every client, however it splits its bytes, and ends calls of clients that left.

import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { createPort } from '../../../src/server/port.ts'
import { ask, soon, startPort } from '../../support/port-rig.ts'
import { FRAME, framesOf, PREFACE, requestFrame, SETTINGS, wideOpen } from '../../support/raw-client.ts'

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`

describe('the clear-text port', () => {
  it('serves HTTP/1.1', async () => {
    const { number } = await startPort()
    const response = await fetch(`http://127.0.0.1:${number}/plain`)
    expect([response.status, await response.text()]).toEqual([200, '1.1 /plain'])
  })

  it('serves HTTP/2 with prior knowledge', async () => {
    const { h2 } = await startPort()
    expect(await ask(h2(), { ':path': '/plain' })).toEqual({ status: 200, text: '2.0 /plain' })
  })

  it('takes a body on both', async () => {
    const { number, h2 } = await startPort()
    const response = await fetch(`http://127.0.0.1:${number}/echo`, { method: 'POST', body: 'over one' })
    expect(await response.text()).toBe('over one')
    expect((await ask(h2(), { ':path': '/echo', ':method': 'POST' }, 'over two')).text).toBe('over two')
  })

  it('recognizes an HTTP/2 preface that arrives byte by byte', async () => {
    const client = await (await startPort()).raw()
    await client.drip(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/plain')]))
    await client.until('2.0 /plain')
    expect(framesOf(client.received())[0]).toEqual({ type: FRAME.settings, stream: 0 })
  })

  it('serves an HTTP/1.1 request that arrives byte by byte, also one that begins as PRI does', async () => {
    const { raw } = await startPort()
    const client = await raw()
    await client.drip(get('/plain'))
    await client.until('1.1 /plain')
    const put = await raw()
    await put.drip('PUT /put HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n')
    await put.until('1.1 /put')
  })

  it('answers pipelined requests of one packet in their order', async () => {
    const client = await (await startPort()).raw()
    client.send(get('/1') + get('/2') + get('/3'))
    await client.until('1.1 /3')
    expect(client.received().match(/1\.1 \/\d/g)).toEqual(['1.1 /1', '1.1 /2', '1.1 /3'])
  })

  it.each(['h2c', 'websocket'])('serves a request to upgrade to %s as a plain one', async protocol => {
    const client = await (await startPort()).raw()
    const upgrade = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABk\r\n`
    client.send(get('/plain', upgrade))
    await client.until('1.1 /plain')
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('answers garbage with 400 and serves the next client', async () => {
    const { raw, number, events } = await startPort()
    const client = await raw()
    client.send(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x01, 0x00]))
    await client.ended
    expect(client.received()).toMatch(/^HTTP\/1\.1 400 /)
    expect(events).toEqual([expect.objectContaining({ type: 'connection.failed', peer: '127.0.0.1' })])
    expect((await fetch(`http://127.0.0.1:${number}/`)).status).toBe(200)
  })

  it('ends a connection whose HTTP/2 preface turns into garbage', async () => {
    const { raw, events } = await startPort()
    const client = await raw()
    client.send('PRI * HTTP/2.0\r\n\r\nno more of this, please; it is not what was agreed')
    await client.ended
    await soon(() => expect(events).toEqual([expect.objectContaining({ type: 'session.failed' })]))
  })

  it('survives clients that leave or reset before they said anything', async () => {
    const { raw, number, port } = await startPort()
    const [leaver, resetter] = [await raw(), await raw()]
    leaver.socket.end()
    resetter.send('P')
    resetter.socket.resetAndDestroy()
    await leaver.ended
    await soon(() => expect(port.connections()).toBe(0))
    expect((await fetch(`http://127.0.0.1:${number}/`)).status).toBe(200)
  })

  it('counts open connections and closes those above the most allowed', async () => {
    const { raw, port, events } = await startPort({ maxConnections: 2 })
    await raw()
    const second = await raw()
    await soon(() => expect(port.connections()).toBe(2))
    await (await raw()).ended
    expect(port.connections()).toBe(2)
    expect(events).toEqual([{ type: 'connection.refused', peer: '127.0.0.1' }])
    second.socket.destroy()
    await soon(() => expect(port.connections()).toBe(1))
  })

  it('reports an address in use to whoever listens', async () => {
    const { number } = await startPort()
    const second = createPort({ handler: () => {} })
    await expect(second.listen({ host: '127.0.0.1', port: number })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    second.destroy()
    await second.closed()
  })
})

describe('a client that leaves', () => {
  it('ends its HTTP/2 calls at once by a plain FIN', async () => {
    const { raw, seen } = await startPort()
    const client = await raw()
    client.send(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/stream'), requestFrame(3, '/silent')]))
    await client.until('begun')
    expect(seen('/stream')).toEqual({ started: 1, closed: 0 })
    client.socket.end()
    await soon(() => expect([seen('/stream').closed, seen('/silent').closed]).toEqual([1, 1]))
  })

  it('ends its HTTP/2 call by a plain FIN even while it reads nothing', async () => {
    const { raw, seen } = await startPort()
    const client = await raw({ reads: false })
    client.send(Buffer.concat([PREFACE, wideOpen(), requestFrame(1, '/pour')]))
    await soon(() => expect(seen('/pour').started).toBe(1))
    client.socket.end()
    await soon(() => expect(seen('/pour').closed).toBe(1))
  })

  it('ends its HTTP/2 connection by a plain FIN also between calls', async () => {
    const { raw, port } = await startPort()
    const client = await raw()
    client.send(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/plain')]))
    await client.until('2.0 /plain')
    client.socket.end()
    await soon(() => expect(port.connections()).toBe(0))
  })

  it.each(['/stream', '/silent', '/pour'])('ends its HTTP/1.1 call %s at once by a plain FIN', async path => {
    const { raw, seen, port } = await startPort()
    const client = await raw({ reads: path !== '/pour' })
    client.send(get(path))
    await soon(() => expect(seen(path).started).toBe(1))
    client.socket.end()
    await soon(() => expect(seen(path).closed).toBe(1))
    await soon(() => expect(port.connections()).toBe(0))
  })

  it('ends its HTTP/1.1 call in the middle of a request body', async () => {
    const { raw, seen } = await startPort()
    const client = await raw()
    client.send('POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf')
    await soon(() => expect(seen('/echo').started).toBe(1))
    client.socket.end()
    await soon(() => expect(seen('/echo').closed).toBe(1))
  })

  it('still gets a complete HTTP/1.1 answer that was on its way', async () => {
    const { raw } = await startPort()
    const client = await raw()
    client.socket.end(get('/lump'))
    await client.ended
    expect(client.received().length).toBeGreaterThan(24 * 1024 * 1024)
  })

  it('ends only the cancelled stream of an HTTP/2 connection', async () => {
    const { h2, seen, finish } = await startPort()
    const session = h2()
    const kept = ask(session, { ':path': '/stream' })
    const left = session.request({ ':path': '/silent' })
    left.on('error', () => {
      // Its own cancel.
    })
    await soon(() => expect(seen('/silent').started).toBe(1))
    left.close(8)
    await soon(() => expect(seen('/silent').closed).toBe(1))
    finish('/stream')
    expect(await kept).toEqual({ status: 200, text: 'begundone' })
  })

  it('ends its HTTP/1.1 call when it destroys the request', async () => {
    const { number, seen } = await startPort()
    const call = request({ port: number, host: '127.0.0.1', path: '/stream' }).end()
    await once(call, 'response')
    call.destroy()
    await soon(() => expect(seen('/stream').closed).toBe(1))
  })
})
