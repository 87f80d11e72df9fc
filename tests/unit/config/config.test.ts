// The configuration as a whole: its defaults, its problems all at once, and who may come in.
import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { isLoopback, loadConfig, storeSecretsOf } from '../../../src/config/config.ts'
import { CONFIG_EXIT_CODE, ConfigError } from '../../../src/config/config-error.ts'
import type { Environment } from '../../../src/config/environment.ts'
import { selfSigned } from '../../support/self-signed.ts'

/** What `auto` is here, where no file tells of a quota. */
const CORES = process.platform === 'linux' ? Math.min(64, availableParallelism()) : 1

const noFile = (path: string) => {
  throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' })
}

const load = (env: Environment, files: Readonly<Record<string, string>> = {}) =>
  loadConfig({ env, cwd: '/srv/exai', readFile: path => files[path] ?? noFile(path) })

/** The problems that a load ends with; none when it does not. */
async function problemsOf(
  env: Environment,
  files: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  try {
    await load(env, files)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('a configuration of nothing', () => {
  test('listens on loopback, with the documented limits and times', async () => {
    const { snapshot: _, ...config } = await load({})
    expect(config).toEqual({
      listen: { host: '127.0.0.1', port: 8080, tls: undefined, corsOrigins: [] },
      auth: { mode: 'loopback' },
      timeouts: {
        requestMs: 600_000,
        connectMs: 5_000,
        firstTokenMs: 120_000,
        idleMs: 60_000,
        drainDelayMs: 0,
        drainTimeoutMs: 30_000,
        overloadDelayMs: 2_000,
      },
      limits: {
        maxRequestBytes: 4_194_304,
        maxFileBytes: 4_294_967_296,
        fileQuotaBytes: undefined,
        fileTtlMs: undefined,
        conversationTtlMs: undefined,
      },
      metricsPublic: false,
      allowPrivateUrls: false,
      logging: { level: 'info', sampleRatio: 1 },
      dataDir: '/srv/exai/data',
      workers: CORES,
      notices: [],
    })
  })

  test('has the four providers, which wait for their keys, and the sandbox', async () => {
    const { snapshot } = await load({})
    const waiting = (id: string, baseUrl: string) => ({ kind: id, id, baseUrl, keys: [], openEnded: false })
    expect(snapshot).toEqual({
      version: 1,
      providers: [
        waiting('openai', 'https://api.openai.com/v1'),
        waiting('glm', 'https://api.z.ai/api/paas/v4'),
        waiting('kimi', 'https://api.moonshot.ai/v1'),
        waiting('minimax', 'https://api.minimax.io/v1'),
        { kind: 'sandbox', id: 'sandbox' },
      ],
      models: [],
      aliases: [],
      limits: [],
      chains: [],
      queue: { maxWaiting: 100, maxWaitMs: 10_000 },
      circuit: { window: 20, callsMin: 10, failurePercent: 50, openMs: 30_000 },
    })
  })

  test('cannot be changed, to the ground', async () => {
    const config = await load({ OPENAI_API_KEY: 'sk-one,sk-two' })
    const [openai] = config.snapshot.providers
    const parts = [config, config.listen, config.snapshot, config.snapshot.providers, openai]
    expect(parts.map(Object.isFrozen)).toEqual([true, true, true, true, true])
    expect(
      openai?.kind === 'openai' && openai.keys.every(Object.isFrozen) && Object.isFrozen(openai.keys),
    ).toBe(true)
  })
})

describe('a configuration', () => {
  test('takes several keys, and lets any model through to another address', async () => {
    const { snapshot } = await load({
      OPENAI_API_KEY: 'sk-one, sk-two',
      OPENAI_BASE_URL: 'http://10.0.0.7:4000/v1/',
    })
    expect(snapshot.providers[0]).toEqual({
      kind: 'openai',
      id: 'openai',
      baseUrl: 'http://10.0.0.7:4000/v1',
      keys: [
        { secret: 'sk-one', label: 'key-1' },
        { secret: 'sk-two', label: 'key-2' },
      ],
      openEnded: true,
    })
  })

  test('names every problem at once, and no value of a secret', async () => {
    const problems = await problemsOf({
      PORT: '80a',
      LOG_LEVEL: 'loud',
      OPENAI_API_KEY: 'sk-very-secret,',
      REQUEST_TIMEOUT: '0.5',
      TLS_CERT: 'cert.pem',
      EXAI_CONFIG: 'exai.yaml',
      HOST: '0.0.0.0',
    })
    const names = problems.map(problem => problem.split(' ')[0])
    expect(names.sort()).toEqual(
      ['EXAI_CONFIG', 'HOST', 'LOG_LEVEL', 'OPENAI_API_KEY', 'PORT', 'REQUEST_TIMEOUT', 'TLS_CERT'].sort(),
    )
    expect(problems.join('\n')).not.toContain('sk-very-secret')
  })

  test('counts an empty variable as not set', async () => {
    const { listen, snapshot } = await load({ PORT: ' ', OPENAI_API_KEY: '', OPENAI_BASE_URL: '' })
    expect(listen.port).toBe(8080)
    expect(snapshot.providers[0]).toMatchObject({ keys: [], baseUrl: 'https://api.openai.com/v1' })
  })

  test('ends a failed start with the status of sysexits for it', () => {
    expect(CONFIG_EXIT_CODE).toBe(78)
    expect(new ConfigError(['PORT must be 1', 'HOST is bad']).message).toContain(
      'PORT must be 1\nHOST is bad',
    )
  })

  test('says what has no effect, and what was probably meant', async () => {
    const { notices } = await load({
      JWT_ISSUER: 'me',
      ZAI_API_KEY: 'id.secret',
      MOONSHOT_API_KEY: 'sk-a',
      KIMI_API_KEY: 'sk-b',
      EXAI_PORT: '9000',
      EXAI_CONFG: 'x.yaml',
      EXAI_COLOUR: 'blue',
      UNRELATED: '1',
    })
    expect([...notices].sort()).toEqual([
      'EXAI_COLOUR is no setting, and has no effect',
      'EXAI_CONFG is no setting: did you mean EXAI_CONFIG?',
      'EXAI_PORT is no setting: did you mean PORT?',
      'JWT_ISSUER has no effect without JWT_SECRET or JWT_JWKS_URL',
      'MOONSHOT_API_KEY is ignored, because KIMI_API_KEY is set',
    ])
  })

  test('takes a number of workers, or as many as there are cores, and as many as can divide a limit', async () => {
    expect((await load({})).workers).toBe(CORES)
    expect((await load({ WORKERS: '1' })).workers).toBe(1)
    expect((await load({ WORKERS: '4' })).workers).toBe(4)
    expect((await load({ WORKERS: 'auto' })).workers).toBe(CORES)
    for (const wrong of ['0', '65', 'all', '1.5'])
      expect(await problemsOf({ WORKERS: wrong })).toContain(
        'WORKERS must be a whole number, 1 to 64, or auto',
      )
    const few = {
      '/srv/exai/exai.yaml':
        'providers: [{ name: local, kind: openai-compatible, base_url: "http://h/v1", max_concurrent: 2 }]',
    }
    const limited = await load({ WORKERS: '4', EXAI_CONFIG: 'exai.yaml' }, few)
    expect([limited.workers, limited.notices.length]).toEqual([2, 1])
  })

  test('takes a Supabase project and a Redis, both parts of the first or none, and knows their secrets', async () => {
    const url = 'https://project.supabase.co'
    const config = await load({
      SUPABASE_URL: `${url}/`,
      SUPABASE_KEY: 'service',
      REDIS_URL: 'redis://:pass%21@r',
    })
    expect(config).toMatchObject({ supabase: { url, key: 'service' }, redisUrl: 'redis://:pass%21@r' })
    expect(storeSecretsOf(config)).toEqual(['service', 'redis://:pass%21@r', 'pass%21', 'pass!'])
    const bare = await load({})
    expect([bare.supabase, bare.redisUrl, storeSecretsOf(bare)]).toEqual([undefined, undefined, []])
    const half = (missing: string) =>
      `${missing} is missing: SUPABASE_URL and SUPABASE_KEY go together, set both or none`
    expect(await problemsOf({ SUPABASE_URL: url })).toEqual([half('SUPABASE_KEY')])
    expect(await problemsOf({ SUPABASE_KEY: 'service' })).toEqual([half('SUPABASE_URL')])
    expect(await problemsOf({ REDIS_URL: 'localhost:6379' })).toEqual([
      'REDIS_URL must be a URL that begins with redis:// or rediss://',
    ])
  })

  test('reads the other names of a setting, and blames the one that was used', async () => {
    expect(await problemsOf({ MOONSHOT_API_URL: 'api.moonshot.ai' })).toEqual([
      'MOONSHOT_API_URL must be an absolute URL that begins with http:// or https://',
    ])
    const { snapshot } = await load({ OPENAI_API_BASE: 'https://eu.api.openai.com/v1' })
    expect(snapshot.providers[0]).toMatchObject({ baseUrl: 'https://eu.api.openai.com/v1' })
  })
})

describe('a service without authentication', () => {
  test.each(['0.0.0.0', '::', '192.168.1.4', 'gateway.example', '127.1'])(
    'does not start on %s',
    async host => {
      const [problem, ...others] = await problemsOf({ HOST: host })
      expect(others).toEqual([])
      expect(problem).toMatch(/^HOST is not a loopback address.*EXAI_AUTH=key.*JWT_SECRET.*JWT_JWKS_URL/)
      expect(problem).toMatch(/EXAI_AUTH=none/)
    },
  )

  test.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'LOCALHOST'])(
    'starts on %s',
    async host => {
      expect((await load({ HOST: host })).auth).toEqual({ mode: 'loopback' })
    },
  )

  test('starts anywhere once everybody is let in', async () => {
    expect(await load({ HOST: '0.0.0.0', EXAI_AUTH: 'none' })).toMatchObject({
      listen: { host: '0.0.0.0' },
      auth: { mode: 'open' },
    })
  })

  test('knows loopback in its IPv6 form', () => {
    expect(isLoopback('::ffff:127.0.0.1')).toBe(true)
    expect(isLoopback('::ffff:10.0.0.1')).toBe(false)
    expect(isLoopback('localhost.example')).toBe(false)
  })
})

describe('TLS', () => {
  const identity = selfSigned()
  const env = { TLS_CERT: 'tls/cert.pem', TLS_KEY: '/etc/exai/key.pem' }
  const paths = ['/srv/exai/tls/cert.pem', '/etc/exai/key.pem'] as const

  test('is read from both files, relative to the folder of the process', async () => {
    const { listen } = await load(env, { [paths[0]]: identity.cert, [paths[1]]: identity.key })
    expect(listen.tls).toEqual({ cert: identity.cert, key: identity.key })
  })

  test('needs both names', async () => {
    expect(await problemsOf({ TLS_CERT: 'a' })).toEqual([
      expect.stringMatching(/^TLS_CERT is set without TLS_KEY/),
    ])
    expect(await problemsOf({ TLS_KEY: 'a' })).toEqual([
      expect.stringMatching(/^TLS_KEY is set without TLS_CERT/),
    ])
  })

  test('needs files that are there', async () => {
    expect(await problemsOf(env, { [paths[0]]: identity.cert })).toEqual([
      'TLS_KEY names a file that cannot be read (ENOENT): correct the path',
    ])
  })

  test('needs a key that belongs to the certificate', async () => {
    const [problem] = await problemsOf(env, { [paths[0]]: identity.cert, [paths[1]]: identity.cert })
    expect(problem).toMatch(/^TLS_CERT and TLS_KEY are no PEM certificate and its private key/)
  })
})
