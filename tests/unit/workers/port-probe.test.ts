// The port that workers share: nobody else may be there, and one that the system chose is kept until they are.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { probePort } from '../../../src/workers/port-probe.ts'

const host = '127.0.0.1'

async function listening(options: { readonly port: number; readonly reusePort?: boolean }): Promise<number> {
  const server = createServer()
  onTestFinished(() => void server.close())
  server.listen({ host, ...options })
  await once(server, 'listening')
  const at = server.address()
  return typeof at === 'object' && at !== null ? at.port : 0
}

it('is refused while somebody listens there, also with other processes', async () => {
  for (const reusePort of [false, true]) {
    const port = await listening({ port: 0, reusePort })
    await expect(probePort({ host, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  }
})

it('is free after a look at one of which the number is known', async () => {
  const port = await freePort()
  const probed = await probePort({ host, port })
  expect(probed.at).toEqual({ address: host, port })
  expect(await listening({ port })).toBe(port)
})

it('is kept for those who share it when the system has chosen it', async () => {
  const probed = await probePort({ host, port: 0 })
  onTestFinished(probed.release)
  const { port } = probed.at
  await expect(listening({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(await listening({ port, reusePort: true })).toBe(port)
})

async function freePort(): Promise<number> {
  const probed = await probePort({ host, port: 0 })
  probed.release()
  return probed.at.port
}
