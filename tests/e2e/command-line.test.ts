// Tests the command line: what it prints, how it fails to start and with which exit code, and where its settings come from.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { postJson } from '../support/clients.ts'
import { runCommand, type Service, startService } from '../support/running-server.ts'

/** What must never be shown to somebody who only mistyped a setting. */
const STACK = /^\s+at |node:internal|\.ts:\d+/m

/** Probes are logged at debug only. */
async function logsProbes(service: Service): Promise<void> {
  const init = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
  expect((await fetch(`${service.url}/grpc.health.v1.Health/Check`, init)).status).toBe(200)
  await service.line(({ level, method }) => level === 'debug' && method === 'grpc.health.v1.Health/Check')
}

describe('the command', () => {
  it.each(['--help', '-h'])('%s prints how to use it, and every setting', async flag => {
    const { code, stdout, stderr } = await runCommand([flag])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('exai health')
    expect(stdout).toContain('/exai.v1.ChatService/Complete')
    for (const name of ['HOST', 'PORT', 'OPENAI_API_KEY', 'OPENAI_BASE_URL', 'REQUEST_TIMEOUT', 'LOG_LEVEL'])
      expect(stdout).toMatch(new RegExp(`^ +${name} `, 'm'))
  })

  it.each(['--version', '-v'])('%s prints the version', async flag => {
    expect(await runCommand([flag])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })

  it.each([['dance'], ['serve', 'now'], ['--dance'], ['health', '--twice']])(
    'anything else (%s %s) is exit code 64 and one line',
    async (...args) => {
      const { code, stdout, stderr } = await runCommand(args.filter(arg => arg !== undefined))
      expect([code, stdout]).toEqual([64, ''])
      expect(stderr).toMatch(/^exai: .+\n$/)
      expect(stderr).not.toMatch(STACK)
    },
  )

  it('health says whether the service at PORT takes calls', async () => {
    const service = await startService()
    const env = { PORT: String(service.port) }
    expect(await runCommand(['health'], { env })).toEqual({ code: 0, stdout: 'ready\n', stderr: '' })
    await service.stop()
    const { code, stdout } = await runCommand(['health'], { env })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^not ready: .+\n$/)
  })
})

describe('settings that cannot be', () => {
  it('are exit code 78, all named at once, without a stack and without a secret', async () => {
    const { code, stdout, stderr } = await runCommand([], {
      env: {
        PORT: '99999',
        LOG_LEVEL: 'chatty',
        REQUEST_TIMEOUT: 'soon',
        OPENAI_BASE_URL: 'not a url',
        MAX_REQUEST_BYTES: '7',
        JWT_SECRET: 'short-canary-secret',
      },
    })
    expect([code, stdout]).toEqual([78, ''])
    const wrong = [
      'PORT',
      'LOG_LEVEL',
      'REQUEST_TIMEOUT',
      'OPENAI_BASE_URL',
      'MAX_REQUEST_BYTES',
      'JWT_SECRET',
    ]
    for (const name of wrong) expect(stderr).toMatch(new RegExp(`^ +${name}\\b`, 'm'))
    expect(stderr).not.toMatch(STACK)
    expect(stderr).not.toContain('canary')
  })

  it('a public address without authentication is exit code 78 and the ways out are named', async () => {
    const { code, stderr } = await runCommand([], { env: { HOST: '0.0.0.0', PORT: '0' } })
    expect(code).toBe(78)
    expect(stderr).toContain('HOST')
    expect(stderr).toContain('JWT_SECRET')
    expect(stderr).toContain('EXAI_AUTH=none')
    expect(stderr).toContain('127.0.0.1')
    expect(stderr).not.toMatch(STACK)
  })

  it.each([
    ['an empty DATA_DIR and EXAI_AUTH=key', { EXAI_AUTH: 'key' }],
    ['JWT_SECRET', { JWT_SECRET: 'a-secret-for-tests-only-of-at-least-32-bytes' }],
    ['JWT_JWKS_URL', { JWT_JWKS_URL: 'http://127.0.0.1:1/jwks' }],
  ])('others are those that ask who comes: with %s nobody is let in without a credential', async (_, env) => {
    const service = await startService({ HOST: '0.0.0.0', ...env })
    onTestFinished(async () => void (await service.stop()))
    const url = `http://127.0.0.1:${service.port}`
    for (const headers of [{}, { authorization: 'Bearer x' }, { host: 'localhost' }])
      expect((await postJson(url, 'ListModels', {}, headers)).status).toBe(401)
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })

  it('one of the ways out is EXAI_AUTH=none: then it starts there and takes calls for any host', async () => {
    const service = await startService({ HOST: '0.0.0.0', EXAI_AUTH: 'none' })
    onTestFinished(async () => void (await service.stop()))
    const { status } = await postJson(`http://127.0.0.1:${service.port}`, 'ListModels', {})
    expect(status).toBe(200)
  })

  it('a config file with mistakes is exit code 78, and each mistake is named by its place', async () => {
    const { code, stderr } = await runCommand([], {
      env: { EXAI_CONFIG: 'exai.yaml', PORT: '0' },
      files: { 'exai.yaml': 'providers:\n  - id: mine\n    base_url: 5\nnonsense: true\n' },
    })
    expect(code).toBe(78)
    expect(stderr).toMatch(/^ +exai\.yaml:3: .*base_url/m)
    expect(stderr).toMatch(/^ +exai\.yaml:4: nonsense/m)
    expect(stderr).not.toMatch(STACK)
  })

  it.each([
    [
      'a file stands in its way',
      { DATA_DIR: 'taken/data' },
      /^DATA_DIR \S+taken\/data cannot be used: ENOTDIR: .*; let this user write there/,
    ],
    [
      'its database is none',
      { DATA_DIR: '.' },
      /^DATA_DIR \S+ cannot be used: .*not a database.*put a backup back/,
    ],
  ])('a DATA_DIR that cannot be used is exit code 78 and one clear line: %s', async (_, env, message) => {
    const files = { taken: '', 'exai.db': 'what a database does not begin with\n'.repeat(100) }
    const { code, stdout, stderr } = await runCommand([], { env: { PORT: '0', ...env }, files })
    expect([code, stderr]).toEqual([78, ''])
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'error', msg: expect.stringMatching(message) })
  })

  it('a port that is in use is exit code 1 and one clear line', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => other.once('listening', resolve))
    onTestFinished(() => void other.close())
    // A TCP server that listens has an address of this kind.
    const { port } = other.address() as AddressInfo
    const { code, stdout } = await runCommand([], { env: { PORT: String(port) } })
    expect(code).toBe(1)
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      msg: `port ${port} of 127.0.0.1 is in use: stop what listens there, or set PORT`,
    })
  })
})

describe('settings', () => {
  it('are read from .env in the working folder', async () => {
    const service = await startService(
      {},
      { files: { '.env': 'LOG_LEVEL=debug\nOPENAI_API_KEY="from-file"\n' } },
    )
    onTestFinished(async () => void (await service.stop()))
    const { json } = await postJson(service.url, 'ListModels', { provider: 'openai' })
    expect(JSON.stringify(json)).toContain('gpt-')
    await logsProbes(service)
  })

  it('of the environment win over those of .env', async () => {
    const service = await startService(
      { LOG_LEVEL: 'debug', OPENAI_BASE_URL: '' },
      { files: { '.env': 'LOG_LEVEL=chatty\nPORT=1\nOPENAI_BASE_URL=no url\n' } },
    )
    onTestFinished(async () => void (await service.stop()))
    expect(service.port).not.toBe(1)
    await logsProbes(service)
  })

  it('that nobody knows, and those without an effect, are named in a warning', async () => {
    const service = await startService({ EXAI_COLOUR: 'red', JWT_ISSUER: 'me' })
    onTestFinished(async () => void (await service.stop()))
    const warnings = service.log().filter(({ level }) => level === 'warn')
    expect(warnings.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^EXAI_COLOUR is no setting/),
      'JWT_ISSUER has no effect without JWT_SECRET or JWT_JWKS_URL',
    ])
  })
})
