// Tokens signed with the secret: which ones are let in, and that every other one gets the same refusal.
import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { issueToken } from '../../../src/access/token-issue.ts'
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

let rig: AccessRig
beforeEach(async () => {
  rig = await openAccessRig()
})
afterEach(() => rig.close())

const HEADER = { alg: 'HS256', typ: 'JWT' }
const now = () => rig.clock.now()
const nowS = () => Math.floor(now() / 1000)
const ask = async (token: string) => rig.access.authenticate(bearer(token))
const askWith = (over: Record<string, unknown>) => ask(goodToken(now(), over))

const REFUSAL = {
  reason: 'UNAUTHENTICATED',
  message:
    'a valid credential is needed: send one API key or token, not expired and not revoked, as authorization: Bearer <it>',
}

const refused = async (token: string) => expect(ask(token)).rejects.toMatchObject(REFUSAL)

describe('a good token', () => {
  test('says tenant, subject and scopes', async () => {
    expect(await askWith({ tenant_id: 'acme', scope: 'chat files' })).toEqual({
      tenant: 'acme',
      subject: 'ada',
      scopes: ['chat', 'files'],
    })
  })

  test('is one that this service made', async () => {
    const wish = { subject: 'ada', tenant: 'acme', scopes: ['chat', 'admin'], ttlMs: 60_000 } as const
    const token = await issueToken(TOKENS, { ...wish, nowMs: now() })
    expect(await ask(token)).toEqual({ tenant: 'acme', subject: 'ada', scopes: ['chat', 'admin'] })
    rig.clock.pass(91_000)
    await refused(token)
  })

  test.each([
    ['of several audiences with ours among them', { aud: ['somebody', 'exai-mcp-client'] }],
    ['that ends at a fraction of a second', { exp: 1_800_000_000.5 }],
    ['that ends in the year 9999', { exp: 253_402_300_799 }],
    ['that began a moment ago by a clock that is ahead', { nbf: Date.parse('2026-11-22T17:00:29Z') / 1000 }],
    ['that ended a moment ago by a clock that is behind', { exp: Date.parse('2026-11-22T16:59:31Z') / 1000 }],
    ['with claims of others', { email: 'ada@example.org', constructor: {}, toString: 5 }],
  ])('is one %s', async (_, over) => {
    expect(await askWith(over)).toMatchObject({ subject: 'ada' })
  })

  test('is let in again without being checked again, until it ends', async () => {
    const token = goodToken(now(), { exp: nowS() + 120 })
    await ask(token)
    expect(rig.access.authenticate(bearer(token))).toMatchObject({ subject: 'ada' })
    rig.clock.pass(120_000)
    expect(rig.access.authenticate(bearer(token))).toBeInstanceOf(Promise)
    rig.clock.pass(31_000)
    await refused(token)
  })

  test('may have a claim twice: the last one counts, as RFC 7519 has it', async () => {
    const text = JSON.stringify(claimsAt(now())).replace('{', '{"sub":"eve","tenant_id":"first",')
    const token = tokenOf(HEADER, text.replace(/}$/, ',"tenant_id":"second"}'), hmac())
    expect(await ask(token)).toMatchObject({ subject: 'ada', tenant: 'second' })
  })

  test('brings along keys and addresses of keys that nobody looks at', async () => {
    const bait = { jku: 'http://127.0.0.1:1/', x5u: 'http://127.0.0.1:1/', jwk: { kty: 'oct', k: 'AAAA' } }
    expect(await ask(tokenOf({ ...HEADER, ...bait }, claimsAt(now()), hmac()))).toMatchObject({
      subject: 'ada',
    })
    await refused(tokenOf({ ...HEADER, ...bait }, claimsAt(now()), hmac(Buffer.alloc(3))))
  })
})

describe('the tenant of a token', () => {
  test.each([
    ['of its subject', {}, 'sub:ada'],
    ['of a subject that cannot stand in a name, by a hash', { sub: 'auth0|ada' }, /^sub:sha256:[\w-]{43}$/],
    [
      'of a subject that looks like such a hash, by a hash of its own',
      { sub: 'sha256:x' },
      /^sub:sha256:[\w-]{43}$/,
    ],
    ['of a long subject, by a hash', { sub: 'a'.repeat(125) }, /^sub:sha256:[\w-]{43}$/],
    ['that it names', { tenant_id: 'a.b_c:d@e-f' }, 'a.b_c:d@e-f'],
    ['that it names, without a subject', { tenant_id: 'acme', sub: undefined }, 'acme'],
  ])('is the one %s', async (_, over, tenant) => {
    expect(await askWith(over)).toMatchObject({
      tenant: typeof tenant === 'string' ? tenant : expect.stringMatching(tenant),
    })
  })

  test('is another for every subject', async () => {
    const subjects = ['ada', 'Ada', 'auth0|ada', 'auth0|eve', 'a'.repeat(124), 'a'.repeat(125)]
    const tenants = await Promise.all(subjects.map(async sub => (await askWith({ sub })).tenant))
    expect(new Set(tenants).size).toBe(subjects.length)
  })
})

describe('the scopes of a token', () => {
  test.each([
    ['a text with words of others', 'openid chat profile', ['chat']],
    ['a list', ['files', 'monitoring'], ['files', 'monitoring']],
    ['words in other letters', 'Chat ADMIN', []],
    ['words run together', 'chat,files', []],
    ['an empty text', '', []],
    ['an empty list', [], []],
    ['words twice and many spaces', 'chat  chat', ['chat']],
    ['names of what every object has', 'constructor toString __proto__', []],
    ['nothing', undefined, []],
  ])('are those that it names: %s', async (_, scope, scopes) => {
    expect((await askWith({ scope })).scopes).toEqual(scopes)
  })

  test('without one let nobody do anything', async () => {
    const caller = await askWith({ scope: 'openid' })
    expect(() => rig.access.authorize(caller, 'exai.v1.ChatService/Complete')).toThrow(
      /needs the scope chat$/,
    )
  })
})

const long = 'x'.repeat(256)

describe('a token is refused', () => {
  test.each<[string, Record<string, unknown>]>([
    ['has expired', { exp: Date.parse('2026-11-22T16:59:30Z') / 1000 }],
    ['has no end', { exp: undefined }],
    ['ends at a text', { exp: '1900000000' }],
    ['ends at null', { exp: null }],
    ['ends after the year 9999', { exp: 253_402_300_800 }],
    ['ends before there was time', { exp: -1 }],
    ['begins later', { nbf: Date.parse('2026-11-22T17:00:31Z') / 1000 }],
    ['begins at a text', { nbf: '0' }],
    ['is of another issuer', { iss: 'somebody' }],
    ['is of an issuer in other letters', { iss: 'Exai-mcp-server' }],
    ['is of a list of issuers', { iss: ['exai-mcp-server'] }],
    ['has no issuer', { iss: undefined }],
    ['is for another audience', { aud: 'somebody' }],
    ['is for several others', { aud: ['somebody', 'exai-mcp-client2'] }],
    ['is for nobody', { aud: [] }],
    ['has no audience', { aud: undefined }],
    ['has neither subject nor tenant', { sub: undefined }],
    ['has an empty subject', { sub: '' }],
    ['has a subject that is no text', { sub: 5 }],
    ['has a subject with a line break', { sub: 'ada\nlevel=error' }],
    ['has a subject that is too long', { sub: long }],
    ['has an empty tenant', { tenant_id: '' }],
    ['has a tenant that is no text', { tenant_id: ['acme'] }],
    ['has null for a tenant', { tenant_id: null }],
    ['has a tenant with a space', { tenant_id: 'a b' }],
    ['has a tenant with letters of others', { tenant_id: 'ácme' }],
    ['has a tenant that is too long', { tenant_id: 'a'.repeat(129) }],
    ['has a tenant with a line break at its end', { tenant_id: 'acme\n' }],
    ['has scopes that are a number', { scope: 7 }],
    ['has scopes that are an object', { scope: { chat: true } }],
    ['has a list of scopes with more than texts', { scope: ['chat', null] }],
    ['has null for scopes', { scope: null }],
  ])('that %s', async (_, over) => {
    await expect(askWith(over)).rejects.toMatchObject(REFUSAL)
  })

  test.each<[string, Record<string, unknown> | string]>([
    ['has no algorithm', { alg: 'none' }],
    ['has no algorithm in other letters', { alg: 'nOnE' }],
    ['names none at all', { typ: 'JWT' }],
    ['names another secret one', { alg: 'HS512' }],
    ['names a public one', { alg: 'RS256' }],
    ['names a list', { alg: ['HS256'] }],
    ['has a critical part that is unknown', { alg: 'HS256', crit: ['exp2'], exp2: 1 }],
    ['has an empty list of critical parts', { alg: 'HS256', crit: [] }],
    ['leaves its claims as they are', { alg: 'HS256', crit: ['b64'], b64: false }],
    ['names its key by a number', { alg: 'HS256', kid: 5 }],
    ['names its key by an object', { alg: 'HS256', kid: { toString: 'x' } }],
    ['names its key by too long a text', { alg: 'HS256', kid: `${long}x` }],
    ['has a header that is a list', '["HS256"]'],
    ['has a header that is null', 'null'],
    ['has a header that is no JSON', '{"alg":"HS256"'],
  ])('that %s', async (_, head) => {
    await refused(tokenOf(head, claimsAt(now()), hmac()))
  })

  test('whose end is infinite', async () => {
    await refused(
      tokenOf(HEADER, JSON.stringify(claimsAt(now())).replace(/"exp":\d+/, '"exp":1e999'), hmac()),
    )
  })

  test.each([
    ['by another secret', hmac('another-secret-of-at-least-32-bytes-')],
    ['by an empty secret', hmac('')],
    ['by nobody', () => ''],
    ['by nothing in particular', () => 'AAAA'],
    ['by the sum of another token', () => hmac()('eyJhbGciOiJIUzI1NiJ9.e30')],
  ])('that is signed %s', async (_, signer) => {
    await refused(tokenOf(HEADER, claimsAt(now()), signer))
  })

  test('that is signed by a private key of its own, whose public half it brings along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = publicKey.export({ format: 'jwk' })
    await refused(tokenOf({ alg: 'ES256', jwk }, claimsAt(now()), privately(privateKey)))
  })

  test.each(['', 'x', 'a.b', 'a.b.c.d', '..', 'a..c', 'é.b.c', 'e30.e30.e30', 'null.null.null'])(
    'that is none: %j',
    async token => {
      // Some are refused by their form alone, at once.
      await expect((async () => rig.access.authenticate(bearer(token)))()).rejects.toMatchObject(REFUSAL)
    },
  )

  test('that has claims which are no object', async () => {
    for (const claims of ['[]', 'null', '"text"', '5', 'no json'])
      await refused(tokenOf(HEADER, claims, hmac()))
  })

  test('that is a mebibyte long, before anything of it is read', () => {
    const token = goodToken(now(), { filler: 'x'.repeat(1024 * 1024) })
    expect(() => rig.access.authenticate(bearer(token))).toThrow(REFUSAL.message)
  })

  test('that was changed in any of its bytes', async () => {
    const token = goodToken(now())
    const places = [...token].flatMap((letter, index) => (letter === '.' ? [] : [index]))
    // The last letter has bits that say nothing, and the rest is what is looked at here.
    for (const place of places.slice(0, -1).filter((_, index) => index % 7 === 0)) {
      const other = token[place] === 'A' ? 'B' : 'A'
      await refused(token.slice(0, place) + other + token.slice(place + 1))
    }
  })
})
