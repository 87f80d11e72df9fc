// Tests that a last answer reaches a client that is still sending, and that such a client is not waited for without limit.
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { PortHandler } from '../../../src/server/port-handler.ts'
import { soon, startPort } from '../../support/port-rig.ts'
import { selfSigned } from '../../support/self-signed.ts'

const MIB = 1024 * 1024

/** Answers at the first sight of a request, whatever is still to come of it. */
const refusing: PortHandler = (req, res) => {
  res.statusCode = 429
  res.end('too large')
  req.resume()
}

const head = (sizeBytes: number): string =>
  `POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: ${sizeBytes}\r\n\r\n`

describe('the last answer of an HTTP/1.1 connection', () => {
  it('reaches a client that reads only when it has sent everything', async () => {
    const { raw, port } = await startPort({}, { handler: refusing })
    const client = await raw({ reads: false })
    client.send(head(8 * MIB))
    await soon(() => expect(client.socket.bytesWritten).toBeGreaterThan(0))
    for (let sent = 0; sent < 8; sent += 1)
      await new Promise<void>((resolve, reject) =>
        client.socket.write(Buffer.alloc(MIB), error => (error ? reject(error) : resolve())),
      )
    let answer = ''
    client.socket.on('data', chunk => {
      answer += String(chunk)
    })
    await soon(() => expect(answer).toMatch(/^HTTP\/1\.1 429 [\s\S]*too large$/))
    await soon(() => expect(port.connections()).toBe(0))
  })

  it('reaches it over TLS, too', async () => {
    const tls = selfSigned()
    const { number, port } = await startPort({}, { handler: refusing, tls })
    const socket = connectTls({ host: '127.0.0.1', port: number, ca: tls.cert })
    onTestFinished(() => void socket.destroy())
    socket.write(head(4 * MIB))
    for (let sent = 0; sent < 4; sent += 1)
      await new Promise<void>((resolve, reject) =>
        socket.write(Buffer.alloc(MIB), error => (error ? reject(error) : resolve())),
      )
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 429 [\s\S]*too large$/)
    await soon(() => expect(port.connections()).toBe(0))
  })

  it('ends our side at once, so that a client that waits for that does not hang', async () => {
    const { raw, port } = await startPort({}, { handler: refusing })
    const client = await raw()
    client.send(head(100))
    await client.ended
    expect(client.received()).toContain('too large')
    expect(port.connections()).toBe(1)
    client.socket.end()
    await soon(() => expect(port.connections()).toBe(0))
  })

  it('is not followed by a rest that takes too long', async () => {
    const { raw, port } = await startPort({ lingerMs: 60 }, { handler: refusing })
    const client = await raw()
    client.send(head(100))
    await client.ended
    await soon(() => expect(port.connections()).toBe(0))
  })

  it('is not followed by a rest that is too long', async () => {
    const { raw, port } = await startPort({ lingerMaxBytes: MIB }, { handler: refusing })
    const client = await raw()
    client.send(head(1_000 * MIB))
    await client.ended
    expect(port.connections()).toBe(1)
    client.send(Buffer.alloc(2 * MIB))
    await soon(() => expect(port.connections()).toBe(0))
  })

  it('is the last: a request behind it is not served', async () => {
    const served: (string | undefined)[] = []
    const closing: PortHandler = (req, res) => {
      served.push(req.url)
      res.setHeader('connection', 'close')
      refusing(req, res)
    }
    const { raw, port } = await startPort({}, { handler: closing })
    const client = await raw()
    client.send('POST /first HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n..')
    await client.ended
    client.send('..GET /late HTTP/1.1\r\nHost: test\r\n\r\n')
    await soon(() => expect(port.connections()).toBe(0))
    expect(served).toEqual(['/first'])
  })
})

describe('pipelined requests', () => {
  it('end the connection above the most that may wait', async () => {
    const { raw, seen, events } = await startPort({ maxPipelined: 3 })
    const get = 'GET /silent HTTP/1.1\r\nHost: test\r\n\r\n'
    const [polite, greedy] = [await raw(), await raw()]
    polite.send(get.repeat(3))
    await soon(() => expect(seen('/silent').started).toBe(3))
    greedy.send(get.repeat(20))
    await greedy.ended
    await soon(() => expect(seen('/silent')).toEqual({ started: 6, closed: 3 }))
    expect(events.map(({ type }) => type)).toEqual(['pipeline.refused'])
  })
})
