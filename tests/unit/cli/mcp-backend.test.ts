// The RPCs of a service that is somewhere else: where it is, and what is said of one that does not answer as it should.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { remoteBackend, urlOf } from '../../../src/cli/mcp-backend.ts'

const { signal } = new AbortController()

/** Something that answers everything so, and says what it was sent. */
async function listening(status: number, contentType: string, body: string) {
  const seen: { readonly host: string | undefined; readonly authorization: string | undefined }[] = []
  const server = createServer((req, res) => {
    const { host, authorization } = req.headers
    seen.push({ host, authorization })
    req.resume().on('end', () => res.writeHead(status, { 'content-type': contentType }).end(body))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  // It listens on TCP: never a path.
  return { port: (server.address() as AddressInfo).port, seen }
}

describe('where the service is', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:8080'],
    ['0.0.0.0', 'http://127.0.0.1:8080'],
    ['::', 'http://127.0.0.1:8080'],
    ['::1', 'http://[::1]:8080'],
    ['box.example', 'http://box.example:8080'],
  ])('follows from its settings: HOST=%s', (host, url) => {
    expect(urlOf({ host, port: 8080 })).toBe(url)
  })

  it('is https with a certificate', () => {
    expect(urlOf({ host: 'localhost', port: 443, tls: { cert: '' } })).toBe('https://localhost:443')
  })
})

describe('the RPCs of a service elsewhere', () => {
  it('are asked with the credential, as somebody of its own machine', async () => {
    const { port, seen } = await listening(200, 'application/proto', '')
    await remoteBackend({ host: '127.0.0.1', port, credential: 'exai_key' }).getStatus(signal)
    expect(seen).toEqual([{ host: 'localhost', authorization: 'Bearer exai_key' }])
  })

  it('say what something else is that listens there', async () => {
    const { port } = await listening(404, 'text/html', '<h1>Not here</h1>')
    await expect(remoteBackend({ host: '127.0.0.1', port }).getStatus(signal)).rejects.toMatchObject({
      reason: 'UNSUPPORTED',
      message: `what listens at http://127.0.0.1:${port} is not this service: set HOST and PORT`,
    })
  })

  it('never tell what a stranger said', async () => {
    const { port } = await listening(500, 'application/json', '{"code":"internal","message":"hunter2"}')
    const asked = remoteBackend({ host: '127.0.0.1', port }).getStatus(signal)
    await expect(asked).rejects.toMatchObject({
      reason: 'UPSTREAM_UNAVAILABLE',
      message: expect.not.stringContaining('hunter2'),
    })
  })

  it('are cancelled by their caller', async () => {
    const gone = AbortSignal.abort()
    const asked = remoteBackend({ host: '127.0.0.1', port: 1 }).getStatus(gone)
    await expect(asked).rejects.toMatchObject({ reason: 'CANCELLED' })
  })
})
