// Tests how long a connection may wait for a request: a new one as long as one that was used, and never shorter because the process is busy.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { soon, startPort } from '../../support/port-rig.ts'
import { selfSigned } from '../../support/self-signed.ts'

const tls = selfSigned()
const REQUEST = 'GET /plain HTTP/1.1\r\nHost: test\r\n\r\n'
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Lets no turn of the event loop end for so long. */
const keepBusy = (ms: number): void => {
  const endMs = performance.now() + ms
  while (performance.now() < endMs) {
    // Until the time is over.
  }
}

/** A client whose connection is open, and what became of it: the answers it got, and whether it was closed. */
const openClient = async (number: number, isTls: boolean) => {
  const at = { port: number, host: '127.0.0.1' }
  const socket: Socket = isTls
    ? connectTls({ ...at, ca: tls.cert, ALPNProtocols: ['http/1.1'] })
    : connect(at)
  onTestFinished(() => void socket.destroy())
  const told = { text: '', isClosed: false }
  socket.on('data', (bytes: Buffer) => {
    told.text += bytes.toString()
  })
  for (const event of ['end', 'error', 'close'])
    socket.on(event, () => {
      told.isClosed = true
    })
  await once(socket, isTls ? 'secureConnect' : 'connect')
  return { socket, told }
}

describe.each([
  ['clear text', {}],
  ['TLS', { tls }],
])('over %s', (name, options) => {
  const isTls = name === 'TLS'

  it('a new connection may be silent as long as a used one, and longer than a header may take', async () => {
    const short = isTls ? { headersTimeoutMs: 20 } : { sniffTimeoutMs: 20, headersTimeoutMs: 20 }
    const { number, events } = await startPort(short, options)
    const { socket, told } = await openClient(number, isTls)
    await pause(120)
    socket.write(REQUEST)
    await soon(() => expect(told.text).toContain('1.1 /plain'))
    expect([told.isClosed, events]).toEqual([false, []])
  })

  it.each([
    ['new', false, 100],
    // Above the second that Node would add by itself.
    ['used', true, 1_200],
  ])(
    'a %s connection is closed once nothing has come for the time and its spare',
    async (_, isUsed, keepAliveSpareMs) => {
      const { number, port } = await startPort({ keepAliveTimeoutMs: 100, keepAliveSpareMs }, options)
      const startMs = performance.now()
      const { socket, told } = await openClient(number, isTls)
      if (isUsed) socket.write(REQUEST)
      if (isUsed) await soon(() => expect(told.text).toContain('1.1 /plain'))
      await soon(() => expect(told.isClosed).toBe(true))
      expect(performance.now() - startMs).toBeGreaterThan(99 + keepAliveSpareMs)
      await soon(() => expect(port.connections()).toBe(0))
    },
  )

  it.each([
    ['new', false],
    ['used', true],
  ])(
    'a request that comes in time on a %s connection is answered by a process that is late',
    async (_, isUsed) => {
      const { number, port } = await startPort({ keepAliveTimeoutMs: 200, keepAliveSpareMs: 200 }, options)
      const { socket, told } = await openClient(number, isTls)
      await soon(() => expect(port.connections()).toBe(1))
      if (isUsed) socket.write(REQUEST)
      if (isUsed) await soon(() => expect(told.text).toContain('1.1 /plain'))
      // What the handshake still had to say is read.
      await pause(20)
      told.text = ''
      // From here on the loop goes to its timers, and only then it reads.
      await new Promise(resolve => setImmediate(resolve))
      socket.write(REQUEST)
      keepBusy(450)
      await soon(() => expect(told.text).toContain('1.1 /plain'))
      expect(told.isClosed).toBe(false)
    },
  )
})
