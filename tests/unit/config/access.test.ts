// The settings of who may come in: which ones go together, and what starts and what does not.
import { describe, expect, test } from 'vitest'
import { accessSecretsOf, loadConfig } from '../../../src/config/config.ts'
import { ConfigError } from '../../../src/config/config-error.ts'
import type { Environment } from '../../../src/config/environment.ts'

const load = (env: Environment) =>
  loadConfig({
    env,
    cwd: '/srv/exai',
    readFile: path => {
      throw new Error(`no file ${path}`)
    },
  })

/** The problems that a load ends with; none when it does not. */
async function problemsOf(env: Environment): Promise<readonly string[]> {
  try {
    await load(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('a service that asks who comes', () => {
  const secret = 's'.repeat(32)
  const jwksUrl = 'https://id.example/jwks'
  const tokens = { issuer: 'exai-mcp-server', audience: 'exai-mcp-client' }

  test.each([
    ['EXAI_AUTH=key', { EXAI_AUTH: 'key' }, { mode: 'key' }],
    ['JWT_SECRET', { JWT_SECRET: secret }, { mode: 'token', tokens: { ...tokens, secret } }],
    ['JWT_JWKS_URL', { JWT_JWKS_URL: jwksUrl }, { mode: 'token', tokens: { ...tokens, jwksUrl } }],
    [
      'all of them',
      { EXAI_AUTH: 'KEY', JWT_SECRET: secret, JWT_JWKS_URL: jwksUrl },
      { mode: 'key', tokens: { ...tokens, secret, jwksUrl } },
    ],
    [
      'names of its own in the tokens',
      { JWT_SECRET: secret, JWT_ISSUER: 'me', JWT_AUDIENCE: 'you' },
      { mode: 'token', tokens: { issuer: 'me', audience: 'you', secret } },
    ],
  ])('starts anywhere with %s', async (_, env, auth) => {
    const config = await load({ ...env, HOST: '0.0.0.0' })
    expect(config.auth).toEqual(auth)
    expect(config.notices).toEqual([])
  })

  test('keeps its secrets together, so that a log can keep them out', async () => {
    const secrets = { JWT_SECRET: secret, KEY_PEPPER: 'p'.repeat(16), EXAI_API_KEY: 'exai_k' }
    expect(accessSecretsOf(await load(secrets))).toEqual([secret, 'p'.repeat(16), 'exai_k'])
    expect(accessSecretsOf(await load({}))).toEqual([])
  })

  test.each([
    ['JWT_SECRET', { JWT_SECRET: secret }],
    ['JWT_JWKS_URL', { JWT_JWKS_URL: jwksUrl }],
    ['JWT_SECRET and JWT_JWKS_URL', { JWT_SECRET: secret, JWT_JWKS_URL: jwksUrl }],
  ])('is not a service that lets everybody in: EXAI_AUTH=none with %s is refused', async (names, env) => {
    const problems = await problemsOf({ EXAI_AUTH: 'none', ...env })
    expect(problems).toEqual([expect.stringMatching(`^EXAI_AUTH=none lets everybody in, and ${names} would`)])
    expect(problems.join()).not.toContain(secret)
  })

  test('wants a secret of at least 32 bytes, and a pepper of 16, counted in bytes', async () => {
    expect(await problemsOf({ JWT_SECRET: 'ä'.repeat(15), KEY_PEPPER: 'ä'.repeat(7) })).toEqual([
      expect.stringMatching(/^JWT_SECRET must have at least 32 bytes/),
      expect.stringMatching(/^KEY_PEPPER must have at least 16 bytes/),
    ])
    const { auth, keyPepper } = await load({ JWT_SECRET: 'ä'.repeat(16), KEY_PEPPER: 'ä'.repeat(8) })
    expect([auth.mode, keyPepper]).toEqual(['token', 'ä'.repeat(8)])
  })

  test('wants the pepper to be set where replicas check the same keys', async () => {
    const supabase = { SUPABASE_URL: 'https://project.supabase.co', SUPABASE_KEY: 'service' }
    expect(await problemsOf({ ...supabase, EXAI_AUTH: 'key' })).toEqual([
      expect.stringMatching(/^KEY_PEPPER is missing: with SUPABASE_URL every replica/),
    ])
    await load({ ...supabase, EXAI_AUTH: 'key', KEY_PEPPER: 'p'.repeat(16) })
    await load({ ...supabase, JWT_SECRET: secret })
  })

  test.each([
    'http://id.example/jwks',
    'http://localhost.id.example/',
    'file:///keys',
    'https://u:p@id.example/',
    'keys',
  ])('fetches no keys of tokens from %s', async url => {
    expect((await problemsOf({ JWT_JWKS_URL: url })).join()).toMatch(/^JWT_JWKS_URL must/)
  })

  test.each([
    'http://127.0.0.1:9/jwks?tenant=a',
    'http://[::1]:9/',
    'http://localhost/keys',
    'https://id.example/',
  ])('fetches keys of tokens from %s', async url => {
    expect((await load({ JWT_JWKS_URL: url })).auth).toMatchObject({ tokens: { jwksUrl: url } })
  })
})
