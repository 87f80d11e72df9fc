// Tests the end of the port: running calls finish, idle connections go, new ones are refused, and the last deadline ends all.

import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPort } from '../../../src/server/port.ts'
import { ask, soon, startPort } from '../../support/port-rig.ts'
import { FRAME, framesOf, PREFACE, requestFrame, SETTINGS } from '../../support/raw-client.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`

describe('a port that goes away', () => {
  it('lets running calls of both versions finish and refuses new connections', async () => {
    const { h2, raw, port, number, seen, finish } = await startPort()
    const second = ask(h2(), { ':path': '/stream' })
    const first = await raw()
    first.send(get('/stream'))
    await soon(() => expect(seen('/stream').started).toBe(2))
    port.goAway()
    await expect(fetch(`http://127.0.0.1:${number}/`)).rejects.toThrow()
    expect(port.connections()).toBe(2)
    finish('/stream')
    expect((await second).text).toBe('begundone')
    await first.until('done')
    await port.closed()
    expect(port.connections()).toBe(0)
  })

  it('sends GOAWAY, and ends the connection though the peer keeps its side open', async () => {
    const { raw, port, seen, finish } = await startPort()
    const client = await raw()
    client.send(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/stream')]))
    await client.until('begun')
    port.goAway()
    await soon(() => expect(framesOf(client.received())).toContainEqual({ type: FRAME.goAway, stream: 0 }))
    expect(seen('/stream').closed).toBe(0)
    finish('/stream')
    await client.until('done')
    await port.closed()
  })

  it('closes idle connections of both versions, and those that have said nothing, at once', async () => {
    const { h2, raw, port } = await startPort()
    await ask(h2(), { ':path': '/plain' })
    const kept = await raw()
    kept.send(get('/plain'))
    await kept.until('/plain')
    const mute = await raw()
    await soon(() => expect(port.connections()).toBe(3))
    port.goAway()
    await soon(() => expect(port.connections()).toBe(0))
    await Promise.all([kept.ended, mute.ended, port.closed()])
  })

  it.each([
    ['new', false],
    ['used', true],
  ])('answers what has come on a %s connection and is not yet read', async (_, isUsed) => {
    const { raw, port } = await startPort()
    const client = await raw()
    await soon(() => expect(port.connections()).toBe(1))
    if (isUsed) client.send(get('/plain'))
    if (isUsed) await client.until('1.1 /plain')
    client.send(get('/last'))
    port.goAway()
    await client.until('1.1 /last')
    await port.closed()
  })

  it('lets a slow reader have the whole of an answer that was made before', async () => {
    const { raw, port, seen } = await startPort()
    const client = await raw({ reads: false })
    client.send(get('/lump'))
    await soon(() => expect(seen('/lump').started).toBe(1))
    port.goAway()
    await new Promise(resolve => setTimeout(resolve, 120))
    let sizeBytes = 0
    client.socket.on('data', (bytes: Buffer) => {
      sizeBytes += bytes.byteLength
    })
    await client.ended
    expect(sizeBytes).toBeGreaterThan(24 * 1024 * 1024)
    await port.closed()
  })

  it('says Connection: close on HTTP/1.1 answers from then on', async () => {
    const { raw, port, seen, finish } = await startPort()
    const client = await raw()
    client.send(get('/silent'))
    await soon(() => expect(seen('/silent').started).toBe(1))
    port.goAway()
    finish('/silent')
    await client.ended
    expect(client.received()).toContain('\r\nConnection: close\r\n')
    await port.closed()
  })

  it('answers all pipelined requests that it has accepted', async () => {
    const { raw, port, seen, finish } = await startPort()
    const client = await raw()
    client.send(get('/silent') + get('/silent'))
    await soon(() => expect(seen('/silent').started).toBe(2))
    port.goAway()
    finish('/silent')
    await client.ended
    expect(client.received().match(/done/g)).toHaveLength(2)
    expect(client.received().match(/Connection: close/g)).toHaveLength(1)
  })

  it('says it also on an answer to a request that came later on an open connection', async () => {
    const { raw, port, seen, finish } = await startPort()
    const client = await raw()
    client.send(`${get('/stream')}GET /later HTTP/1.1\r\nHost: te`)
    await soon(() => expect(seen('/stream').started).toBe(1))
    port.goAway()
    client.send('st\r\n\r\n')
    await soon(() => expect(seen('/later').started).toBe(1))
    finish('/stream')
    await client.until('1.1 /later')
    expect(client.received()).toMatch(/Connection: close\r\n.*1\.1 \/later/s)
    await port.closed()
  })

  it('still ends half a header while it drains', async () => {
    const { raw, port } = await startPort({ headersTimeoutMs: 80 })
    const client = await raw()
    client.send('GET / HTTP/1.1\r\nHost: te')
    await soon(() => expect(port.connections()).toBe(1))
    await new Promise(resolve => setTimeout(resolve, 20))
    port.goAway()
    await port.closed()
    expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
  })
})

describe('a port that stops accepting', () => {
  it('goes on serving open connections', async () => {
    const { h2, port, number } = await startPort()
    const session = h2()
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const askKept = async (): Promise<number | undefined> => {
      const call = request({ port: number, host: '127.0.0.1', path: '/plain', agent }).end()
      const [response] = await once(call, 'response')
      await response.toArray()
      return response.statusCode
    }
    await Promise.all([ask(session, { ':path': '/plain' }), askKept()])
    port.stopAccepting()
    await expect(fetch(`http://127.0.0.1:${number}/`)).rejects.toThrow()
    expect([(await ask(session, { ':path': '/plain' })).status, await askKept()]).toEqual([200, 200])
  })

  it('is closed at once when it was never opened', async () => {
    const port = createPort({ handler: () => {} })
    port.stopAccepting()
    await port.closed()
    expect(port.connections()).toBe(0)
  })
})

describe('a port that is destroyed', () => {
  it('ends every connection, and its handlers have seen it before it is closed', async () => {
    const { raw, port, seen } = await startPort()
    const [first, second] = [await raw(), await raw()]
    first.send(get('/stream'))
    second.send(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/stream')]))
    await raw()
    await soon(() => expect(seen('/stream').started).toBe(2))
    await soon(() => expect(port.connections()).toBe(3))
    port.goAway()
    port.destroy()
    await port.closed()
    expect([seen('/stream').closed, port.connections()]).toEqual([2, 0])
  })
})
