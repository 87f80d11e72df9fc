// A request of HTTP/1.1 over TLS that comes while the answer before it is still being taken.
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as later } from 'node:timers/promises'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { startPort } from '../../support/port-rig.ts'
import { selfSigned } from '../../support/self-signed.ts'

const tls = selfSigned()

/** A connection whose writes leave together, so that several TLS records are one packet. */
function gathering(port: number): Duplex {
  const tcp = connectTcp({ port, host: '127.0.0.1' })
  const chunks: Buffer[] = []
  const duplex = new Duplex({
    read: () => void tcp.resume(),
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk)
      done()
      if (chunks.length === 1) void later(20).then(() => tcp.write(Buffer.concat(chunks.splice(0))))
    },
    destroy: (error, done) => {
      tcp.destroy()
      done(error)
    },
  })
  tcp.on('data', chunk => void (duplex.push(chunk) || tcp.pause()))
  tcp.once('close', () => duplex.push(null))
  tcp.on('error', () => duplex.destroy())
  return duplex
}

test('is answered, also when its header and its body are records of their own', async () => {
  const { number, events } = await startPort({}, { tls })
  const socket = connect({
    host: '127.0.0.1',
    socket: gathering(number),
    ca: tls.cert,
    ALPNProtocols: ['http/1.1'],
  })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  socket.write('GET /lump HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(socket, 'readable')
  // Unread, the first answer waits at the port.
  socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n')
  socket.write('hello')
  await later(100)
  let tail = ''
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.on('data', (bytes: Buffer) => {
    tail = (tail + bytes.toString('latin1')).slice(-100)
    if (tail.endsWith('hello')) resolve('answered')
  })
  for (const event of ['end', 'close', 'error']) socket.once(event, () => resolve('closed'))
  expect({ end: await promise, events }).toEqual({ end: 'answered', events: [] })
})
