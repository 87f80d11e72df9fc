// A service that asks who comes, as a process of its own, and the commands that administer its keys.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonQuestion, postJson } from '../support/clients.ts'
import { freePorts } from '../support/free-port.ts'
import { runCommand, type Service, startService } from '../support/running-server.ts'
import { selfSigned } from '../support/self-signed.ts'

const FIRST = /^exai: the first admin key, shown only now: (exai_[\w-]{43})$/m
const SECRET = /exai_[\w-]{43}/g

let dataDir: string
let services: Service[]
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'exai-access-'))
  services = []
})
afterEach(async () => {
  await Promise.all(services.map(service => service.stop()))
  await rm(dataDir, { recursive: true, force: true })
})

type Env = Readonly<Record<string, string>>

async function start(env: Env = {}, files: Readonly<Record<string, string>> = {}): Promise<Service> {
  const service = await startService({ DATA_DIR: dataDir, EXAI_AUTH: 'key', ...env }, { files })
  services.push(service)
  return service
}

const firstKeyOf = (service: Service) => FIRST.exec(service.output())?.[1] ?? ''
const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })
const ask = (service: Service, credential: string) =>
  postJson(service.url, 'Complete', jsonQuestion('sandbox', 'hello'), bearer(credential))

/** Runs a command that is meant for a service, or for the store when there is none. */
function command(args: readonly string[], { port }: Pick<Service, 'port'>, env: Env = {}) {
  return runCommand(args, { env: { DATA_DIR: dataDir, EXAI_AUTH: 'key', PORT: String(port), ...env } })
}

/** Makes a key with a command, and reads what it printed. */
async function make(service: Pick<Service, 'port'>, env: Env, ...args: readonly string[]) {
  const asked = ['keys', 'create', '--json', '--label', 'app', '--scope', 'chat', ...args]
  const { code, stdout, stderr } = await command(asked, service, env)
  expect([code, stderr]).toEqual([0, 'exai: the secret is shown only now\n'])
  const { key, secret } = JSON.parse(stdout)
  return { id: String(key.id), secret: String(secret) }
}

describe('a service with EXAI_AUTH=key', () => {
  it('shows its first admin key once, and lets in whoever has a key', async () => {
    const service = await start()
    const admin = firstKeyOf(service)
    expect(service.output().match(SECRET)).toEqual([admin])
    expect((await ask(service, '')).status).toBe(401)
    expect((await ask(service, admin)).status).toBe(200)
    await service.stop()
    const again = await start()
    expect(again.output()).not.toMatch(FIRST)
    expect((await ask(again, admin)).status).toBe(200)
  })

  it('takes a key back with the answer to the command that revokes or rotates it', async () => {
    const service = await start()
    const env = { EXAI_API_KEY: firstKeyOf(service) }
    const { id, secret } = await make(service, env)
    expect((await ask(service, secret)).status).toBe(200)
    const { stdout } = await command(['keys', 'rotate', id, '--json'], service, env)
    const next = String(JSON.parse(stdout).secret)
    expect((await ask(service, secret)).status).toBe(401)
    expect((await ask(service, next)).status).toBe(200)
    expect((await command(['keys', 'revoke', id], service, env)).stdout).toMatch(/^state +revoked$/m)
    expect((await ask(service, next)).status).toBe(401)
    const table = (await command(['keys', 'list'], service, env)).stdout
    expect(table.trimEnd().split('\n')).toHaveLength(3)
    expect(table).toMatch(new RegExp(`^${id}  app  .*  revoked  `, 'm'))
  })

  it('says in its log who did what to which key, and never a secret', async () => {
    const service = await start()
    const admin = firstKeyOf(service)
    const { id, secret } = await make(service, { EXAI_API_KEY: admin })
    await ask(service, secret)
    await ask(service, `${secret.slice(0, -2)}zz`)
    const line = await service.line(({ action, key_id: keyId }) => action === 'key.create' && keyId === id)
    expect(line).toMatchObject({
      subject: expect.stringMatching(/^key_/),
      key_label: 'app',
      tenant: 'default',
    })
    await service.stop()
    const log = service.output().replace(FIRST, '')
    for (const text of [admin, secret]) expect(log).not.toContain(text.slice(9, 40))
  })

  it('takes tokens as well when they are configured', async () => {
    const env = { JWT_SECRET: 'a-secret-for-tests-only-of-at-least-32-bytes' }
    const service = await start(env)
    const made = await command(['token', 'create', '--sub', 'ada', '--scope', 'chat'], service, env)
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect((await ask(service, made.stdout.trim())).status).toBe(200)
    const { stdout } = await command(['token', 'create', '--sub', 'ada', '--scope', 'files'], service, env)
    expect((await ask(service, stdout.trim())).status).toBe(403)
  })
})

describe('exai keys', () => {
  it('works on the store when no service answers, and a service that starts then knows the keys', async () => {
    const [port = 0] = await freePorts(1)
    const { id, secret } = await make({ port }, {}, '--scope', 'admin', '--tenant', 'acme')
    const service = await start()
    expect(service.output()).not.toMatch(FIRST)
    expect((await ask(service, secret)).status).toBe(200)
    expect((await command(['keys', 'list'], service, { EXAI_API_KEY: secret })).stdout).toContain(id)
  })

  it('works on the store beside a service for whoever has lost the admin key', async () => {
    const service = await start()
    const { secret } = await make(service, {}, '--store', '--scope', 'admin')
    expect((await ask(service, secret)).status).toBe(200)
  })

  it('asks a service over TLS, and believes only the certificate of its settings', async () => {
    const { cert, key } = selfSigned()
    const other = selfSigned()
    const files = { 'cert.pem': cert, 'key.pem': key, 'other.pem': other.cert, 'other-key.pem': other.key }
    const tls = { TLS_CERT: 'cert.pem', TLS_KEY: 'key.pem' }
    const service = await start(tls, files)
    const env = { DATA_DIR: dataDir, PORT: String(service.port), EXAI_API_KEY: firstKeyOf(service) }
    const good = await runCommand(['keys', 'list'], { env: { ...env, ...tls }, files })
    expect([good.code, good.stderr]).toEqual([0, ''])
    expect(good.stdout).toContain('first admin key')
    const foreign = { TLS_CERT: 'other.pem', TLS_KEY: 'other-key.pem' }
    const bad = await runCommand(['keys', 'list'], { env: { ...env, ...foreign }, files })
    expect([bad.code, bad.stdout]).toEqual([1, ''])
    expect(bad.stderr).toMatch(/^exai: the service at .* cannot be asked: .*\n$/)
  })

  it.each<[string, readonly string[], Env, number, RegExp]>([
    [
      'nobody says who asks',
      ['list'],
      {},
      1,
      /set EXAI_API_KEY to the secret of an admin key, or give --key/,
    ],
    ['the key is wrong', ['list', '--key', 'exai_x'], {}, 1, /set EXAI_API_KEY/],
    [
      'the label is empty',
      ['create', '--label', '', '--scope', 'chat', '--store'],
      {},
      1,
      /^exai: label must have/,
    ],
    ['the key is not there', ['revoke', 'key_1', '--store'], {}, 1, /^exai: no key has the id "key_1"/],
    ['an option is none', ['list', '--frob'], {}, 64, /--frob.*exai keys --help/],
    ['the settings are wrong', ['list'], { PORT: 'x' }, 78, /PORT must be/],
  ])('says in one line what is wrong when %s', async (_, args, env, code, message) => {
    const service = await start()
    const ended = await command(['keys', ...args], service, env)
    expect([ended.code, ended.stdout]).toEqual([code, ''])
    expect(ended.stderr).toMatch(message)
    expect(ended.stderr).not.toMatch(/^\s+at /m)
  })

  it.each(['keys', 'token'])('%s has a help of its own', async name => {
    const { code, stdout } = await runCommand([name, '--help'])
    expect([code, stdout]).toEqual([0, expect.stringContaining(`exai ${name} create`)])
  })
})
