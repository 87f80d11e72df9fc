// `exai token create`: what is in the token, and what is wrong with arguments and settings.
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { tokenCommand } from '../../../src/cli/token.ts'
import { runHere } from '../../support/command-rig.ts'
import { createHandClock } from '../../support/hand-clock.ts'

const JWT_SECRET = 'a-secret-for-tests-only-of-at-least-32-bytes'
const NOW_S = Date.parse('2026-11-22T17:00:00Z') / 1000

const run = (args: readonly string[], env: Readonly<Record<string, string>> = { JWT_SECRET }) =>
  runHere(tokenCommand, args, env, createHandClock())

function claimsOf(token: string): unknown {
  const [head = '', body = '', signature = ''] = token.split('.')
  expect(signature).toBe(createHmac('sha256', JWT_SECRET).update(`${head}.${body}`).digest('base64url'))
  return JSON.parse(Buffer.from(body, 'base64url').toString())
}

describe('exai token create', () => {
  test('prints a token for an hour, and nothing else', async () => {
    const { code, stdout, stderr } = await run(['create', '--sub', 'ada', '--scope', 'files,chat'])
    expect([code, stderr]).toEqual([0, ''])
    expect(claimsOf(stdout.trim())).toEqual({
      iss: 'exai-mcp-server',
      aud: 'exai-mcp-client',
      sub: 'ada',
      scope: 'chat files',
      iat: NOW_S,
      exp: NOW_S + 3_600,
    })
  })

  test('takes a tenant, a time and names of its own, and prints JSON for programs', async () => {
    const args = [
      'create',
      '--sub',
      'ada',
      '--scope',
      'chat',
      '--scope',
      'admin',
      '--tenant',
      'acme',
      '--ttl',
      '90s',
    ]
    const env = { JWT_SECRET, JWT_ISSUER: 'me', JWT_AUDIENCE: 'you', EXAI_AUTH: 'key' }
    const { stdout } = await run([...args, '--json'], env)
    const { token, expires } = JSON.parse(stdout)
    expect(expires).toBe('2026-11-22T17:01:30.000Z')
    expect(claimsOf(token)).toMatchObject({
      iss: 'me',
      aud: 'you',
      scope: 'chat admin',
      tenant_id: 'acme',
      exp: NOW_S + 90,
    })
  })

  test.each([
    [[], /token wants create/],
    [['make'], /token wants create/],
    [['create', '--scope', 'chat'], /--sub is required/],
    [['create', '--sub', 'a\nb', '--scope', 'chat'], /--sub is required/],
    [['create', '--sub', 'ada'], /--scope is required/],
    [['create', '--sub', 'ada', '--scope', 'chat,root'], /--scope is required: some of chat, files/],
    [['create', '--sub', 'ada', '--scope', 'chat', '--tenant', 'a b'], /--tenant must have/],
    [['create', '--sub', 'ada', '--scope', 'chat', '--ttl', '0s'], /--ttl must be a time/],
    [['create', '--subject', 'ada'], /--subject/],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, stdout, stderr } = await run(args)
    expect([code, stdout]).toEqual([64, ''])
    expect(stderr).toMatch(message)
  })

  test.each([{}, { EXAI_AUTH: 'key' }, { JWT_JWKS_URL: 'https://id.example/' }])(
    'cannot sign without a secret (%j)',
    async env => {
      const { code, stdout, stderr } = await run(['create', '--sub', 'ada', '--scope', 'chat'], env)
      expect([code, stdout]).toEqual([78, ''])
      expect(stderr).toMatch(/^exai: JWT_SECRET is not set/)
    },
  )
})
