// A call of the soak whose connection breaks says which connection that was.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { noteSockets } from './sockets.ts'

it('a call whose connection is reset says how many calls it had, how old it is, and how much came', async () => {
  using notes = noteSockets()
  const server = createServer((req, res) => {
    if (req.url === '/reset') req.socket.resetAndDestroy()
    else res.end('well')
  })
  onTestFinished(() => void server.close().closeAllConnections())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  // A connection is not used again in the turn of its last answer.
  const failing = async (): Promise<string> => {
    expect(await (await fetch(url)).text()).toBe('well')
    await new Promise(resolve => setImmediate(resolve))
    return notes.of(await fetch(`${url}/reset`).catch((error: unknown) => error))
  }
  await expect
    .poll(failing)
    .toMatch(
      /^request 2 of a connection that was open for \d\.\d s, sent \d\.\d s ago after \d\.\d s without any; \d{3} bytes out and \d{3} in$/,
    )
  expect(notes.of(new Error('another'))).toBe('')
})
