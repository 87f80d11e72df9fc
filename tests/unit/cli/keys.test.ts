// `exai keys` in front of a port: nobody there, somebody else, and a store with more keys than a page has.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { Scope } from '#gen/exai/v1/key_pb'
import { addressOf } from '../../../src/cli/address.ts'
import { openStoredKeys } from '../../../src/cli/key-store.ts'
import { keysCommand } from '../../../src/cli/keys.ts'
import { loadConfig } from '../../../src/config/config.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { runHere } from '../../support/command-rig.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'exai-keys-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const run = (args: readonly string[], port = 0) =>
  runHere(keysCommand, args, { DATA_DIR: dataDir, PORT: String(port) })

async function portOf(server: Server | ReturnType<typeof createTcp>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  // A TCP server that listens has an address of this kind.
  return (server.address() as AddressInfo).port
}

test('what listens there and is not this service is told nothing, and the store is left alone', async () => {
  const seen: unknown[] = []
  const port = await portOf(
    createServer((req, res) => {
      seen.push(req.headers)
      res.end('hello')
    }),
  )
  const { code, stderr } = await run(['list', '--key', 'exai_canary'], port)
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^exai: what listens at .* is not this service: .*--store/),
  ])
  expect(JSON.stringify(seen)).not.toContain('canary')
})

test('what hangs up on everybody is no service, and said so', async () => {
  const port = await portOf(createTcp(socket => socket.destroy()))
  const { code, stderr } = await run(['list'], port)
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^exai: the service at .* cannot be asked: /)])
})

test('the store is worked on in every way, a line for people and JSON for programs', async () => {
  const made = JSON.parse(
    (await run(['create', '--label', 'x', '--scope', 'chat', '--store', '--json'])).stdout,
  )
  const rotated = await run(['rotate', made.key.id, '--store'])
  expect(rotated.stdout).toMatch(/^secret +exai_[\w-]{43}$/m)
  expect(rotated.stderr).toMatch(/the old one is refused from now on/)
  const revoked = JSON.parse((await run(['revoke', made.key.id, '--store', '--json'])).stdout)
  expect(revoked.key).toMatchObject({ id: made.key.id, state: 'STATE_REVOKED' })
  const again = await run(['rotate', made.key.id, '--store'])
  expect([again.code, again.stderr]).toEqual([
    1,
    expect.stringMatching(/^exai: no key that is accepted has the id/),
  ])
})

test('a list has all pages', async () => {
  const readFile = () => ''
  const config = await loadConfig({ env: { DATA_DIR: dataDir }, readFile, cwd: '/' })
  const { service, close } = await openStoredKeys({ config, clock: systemClock, complain: () => undefined })
  for (let made = 0; made < 501; made += 1)
    await service.createKey({ label: `key ${made}`, scopes: [Scope.CHAT] })
  await close()
  const { stdout } = await run(['list', '--json', '--store'])
  expect(JSON.parse(stdout).keys).toHaveLength(501)
})

test.each([
  ['127.0.0.1', 'http://127.0.0.1:8080'],
  ['0.0.0.0', 'http://127.0.0.1:8080'],
  ['::', 'http://127.0.0.1:8080'],
  ['::1', 'http://[::1]:8080'],
  ['gateway.example', 'http://gateway.example:8080'],
])('a service that listens on %s is asked at %s', (host, url) => {
  expect(addressOf({ host, port: 8080 })).toBe(url)
})
