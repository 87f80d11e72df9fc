// Tokens signed with published keys, fetched from a real server: which keys count, when they are fetched, and what a dead host does.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TokenConfig } from '../../../src/config/config.ts'
import {
  type AccessRig,
  bearer,
  claimsAt,
  goodToken,
  hmac,
  openAccessRig,
  privately,
  TOKENS,
  tokenOf,
} from '../../support/access-rig.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const other = generateKeyPairSync('ed25519')

const jwkOf = (key: KeyObject, more: Record<string, unknown> = {}) => ({
  ...key.export({ format: 'jwk' }),
  ...more,
})

let server: Server
let url: string
/** What the host answers: the keys of a set, or a body as it stands, with a status and more. */
let answer: { keys?: unknown; body?: string | undefined; status?: number; headers?: Record<string, string> }
let fetches: number
let rig: AccessRig

beforeEach(async () => {
  fetches = 0
  answer = { keys: [] }
  server = createServer((_, res) => {
    fetches += 1
    res.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
    res.end(answer.body ?? JSON.stringify({ keys: answer.keys }))
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  // A TCP server that listens has an address of this kind.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  await open({})
})

afterEach(async () => {
  await rig.close()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

async function open(more: Partial<TokenConfig>): Promise<void> {
  const { issuer, audience } = TOKENS
  rig = await openAccessRig({ auth: { mode: 'token', tokens: { issuer, audience, jwksUrl: url, ...more } } })
}

const signed = (alg: string, key: KeyObject, kid?: unknown, sub = 'ada') =>
  tokenOf({ alg, ...(kid === undefined ? {} : { kid }) }, claimsAt(rig.clock.now(), { sub }), privately(key))
const ask = async (token: string) => rig.access.authenticate(bearer(token))
const refused = async (token: string) =>
  expect(ask(token)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })

describe('a token is let in that is signed with a published key', () => {
  test.each([
    ['RS256', rsa],
    ['ES256', ec],
    ['EdDSA', ed],
  ])('by %s', async (alg, { privateKey, publicKey }) => {
    answer.keys = [jwkOf(publicKey, { kid: 'k', use: 'sig', alg }), jwkOf(other.publicKey, { kid: 'o' })]
    expect(await ask(signed(alg, privateKey, 'k'))).toMatchObject({ subject: 'ada', scopes: ['chat'] })
  })

  test('and names none, where there is only one for its algorithm', async () => {
    answer.keys = [jwkOf(ed.publicKey, { kid: 'k' }), jwkOf(ec.publicKey)]
    expect(await ask(signed('EdDSA', ed.privateKey))).toMatchObject({ subject: 'ada' })
    expect(await ask(signed('ES256', ec.privateKey))).toMatchObject({ subject: 'ada' })
  })

  test('beside keys that nobody can read', async () => {
    answer.keys = [
      null,
      5,
      { kty: 'RSA' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
      jwkOf(ed.publicKey),
    ]
    expect(await ask(signed('EdDSA', ed.privateKey))).toMatchObject({ subject: 'ada' })
  })

  test('whose private half was published with it', async () => {
    answer.keys = [jwkOf(ed.privateKey, { kid: 'k' })]
    expect(await ask(signed('EdDSA', ed.privateKey, 'k'))).toMatchObject({ subject: 'ada' })
  })

  test('also while tokens of a secret are let in, each by its own', async () => {
    await rig.close()
    await open({ secret: TOKENS.secret })
    answer.keys = [jwkOf(rsa.publicKey, { kid: 'k' })]
    expect(await ask(signed('RS256', rsa.privateKey, 'k'))).toMatchObject({ subject: 'ada' })
    expect(await ask(goodToken(rig.clock.now()))).toMatchObject({ subject: 'ada' })
    await refused(tokenOf({ alg: 'RS256', kid: 'k' }, claimsAt(rig.clock.now()), hmac()))
  })
})

describe('a token is refused', () => {
  test('that takes a public key for the secret, in every form in which it is known', async () => {
    const { publicKey } = rsa
    answer.keys = [jwkOf(publicKey, { kid: 'k' })]
    const forms = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      publicKey.export({ type: 'pkcs1', format: 'pem' }),
      JSON.stringify(publicKey.export({ format: 'jwk' })),
      String(publicKey.export({ format: 'jwk' }).n),
    ]
    for (const secret of [undefined, TOKENS.secret]) {
      await rig.close()
      await open({ secret })
      for (const form of forms)
        await refused(tokenOf({ alg: 'HS256', kid: 'k' }, claimsAt(rig.clock.now()), hmac(form)))
    }
  })

  test('of a secret, where there is none, also when a secret was published', async () => {
    answer.keys = [
      { kty: 'oct', k: Buffer.from(TOKENS.secret).toString('base64url'), alg: 'HS256', kid: 'k' },
    ]
    await refused(tokenOf({ alg: 'HS256', kid: 'k' }, claimsAt(rig.clock.now()), hmac()))
    await refused(goodToken(rig.clock.now()))
    expect(fetches).toBe(0)
  })

  test.each([
    ['is for encryption', { use: 'enc' }],
    ['is not for checking', { key_ops: ['encrypt'] }],
    ['is of another algorithm', { alg: 'RS512' }],
    ['has a number for its id', { kid: 7 }],
  ])('whose key %s', async (_, more) => {
    answer.keys = [jwkOf(rsa.publicKey, { kid: 'k', ...more })]
    await refused(signed('RS256', rsa.privateKey, 'k'))
    await refused(signed('RS256', rsa.privateKey))
  })

  test('whose key is too small', async () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
    answer.keys = [jwkOf(small.publicKey, { kid: 'k' })]
    await refused(signed('RS256', small.privateKey, 'k'))
  })

  test('whose key has the id, and another algorithm', async () => {
    answer.keys = [jwkOf(ec.publicKey, { kid: 'k' })]
    await refused(signed('EdDSA', ed.privateKey, 'k'))
  })

  test('that names no key, where it could be one of several', async () => {
    answer.keys = [jwkOf(ed.publicKey, { kid: 'a' }), jwkOf(other.publicKey, { kid: 'b' })]
    await refused(signed('EdDSA', ed.privateKey))
  })

  test.each([
    '../../etc/passwd',
    "' OR 1=1 --",
    '/dev/null',
    '__proto__',
    'constructor',
    '',
    '\u0000',
    'k\n',
    'ĸ',
  ])('that names its key %j', async kid => {
    answer.keys = [jwkOf(ed.publicKey, { kid: 'k' })]
    await refused(signed('EdDSA', ed.privateKey, kid))
  })

  test('by an algorithm that is none of ours, whatever is published', async () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    answer.keys = [jwkOf(p384.publicKey, { kid: 'k' }), jwkOf(rsa.publicKey, { kid: 'r' })]
    await refused(signed('ES384', p384.privateKey, 'k'))
    await refused(signed('ES256', p384.privateKey, 'k'))
    await refused(signed('PS256', rsa.privateKey, 'r'))
  })
})

describe('the set of keys', () => {
  const good = () => signed('EdDSA', ed.privateKey, 'k')

  test('is fetched when it is first needed, once for all who wait, and again after ten minutes', async () => {
    answer.keys = [jwkOf(ed.publicKey, { kid: 'k' })]
    expect(fetches).toBe(0)
    await Promise.all(['a', 'b', 'c'].map(sub => ask(signed('EdDSA', ed.privateKey, 'k', sub))))
    rig.clock.pass(599_000)
    await ask(good())
    expect(fetches).toBe(1)
    rig.clock.pass(1_000)
    await ask(good())
    expect(fetches).toBe(2)
  })

  test('is fetched for an unknown id at most every 30 seconds, and then the new key counts', async () => {
    answer.keys = [jwkOf(other.publicKey, { kid: 'o' })]
    await refused(good())
    answer.keys = [jwkOf(ed.publicKey, { kid: 'k' })]
    for (let made = 0; made < 20; made += 1) await refused(signed('EdDSA', ed.privateKey, `made-up-${made}`))
    await refused(good())
    expect(fetches).toBe(1)
    rig.clock.pass(30_000)
    expect(await ask(good())).toMatchObject({ subject: 'ada' })
    expect(fetches).toBe(2)
  })

  test('loses a key that is published no more, and with it whoever was let in by it', async () => {
    answer.keys = [jwkOf(ed.publicKey, { kid: 'k' })]
    const token = good()
    await ask(token)
    answer.keys = [jwkOf(other.publicKey, { kid: 'o' })]
    rig.clock.pass(600_000)
    await refused(token)
  })

  test('is used on while its host is out of reach', async () => {
    answer.keys = [jwkOf(ed.publicKey, { kid: 'k' })]
    await ask(good())
    answer = { status: 503 }
    for (let hour = 0; hour < 3; hour += 1) {
      rig.clock.pass(3_600_000)
      expect(await ask(good())).toMatchObject({ subject: 'ada' })
    }
    expect(fetches).toBe(4)
  })

  const one = () => jwkOf(ed.publicKey, { kid: 'k' })
  test.each<[string, () => typeof answer]>([
    ['answers 404', () => ({ status: 404, keys: [one()] })],
    ['sends elsewhere', () => ({ status: 302, headers: { location: url }, keys: [one()] })],
    ['sends no JSON', () => ({ body: '<html>' })],
    ['sends no list', () => ({ body: '{"keys":{}}' })],
    ['sends a key alone', () => ({ body: JSON.stringify(one()) })],
    ['sends more than 64 keys', () => ({ keys: Array.from({ length: 65 }, one) })],
    ['sends more than a mebibyte', () => ({ keys: [one(), { filler: 'x'.repeat(1024 * 1024) }] })],
  ])(
    'of a host that %s is none: the caller is told to come again, and the log says why',
    async (_, faulty) => {
      answer = faulty()
      await expect(ask(good())).rejects.toMatchObject({
        reason: 'UPSTREAM_UNAVAILABLE',
        origin: 'gateway',
        details: { retryDelayMs: 30_000 },
      })
      expect(rig.lines).toMatchObject([{ message: 'the key set of tokens cannot be fetched' }])
      expect(fetches).toBe(1)
      answer = { keys: [one()] }
      rig.clock.pass(30_000)
      expect(await ask(good())).toMatchObject({ subject: 'ada' })
    },
  )

  test('may have 64 keys', async () => {
    answer.keys = [...Array.from({ length: 63 }, () => jwkOf(other.publicKey, { kid: 'o' })), one()]
    expect(await ask(good())).toMatchObject({ subject: 'ada' })
  })
})
