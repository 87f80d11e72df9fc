// Forged, misused and broken tokens: each is a good one with one thing wrong.
import { randomBytes } from 'node:crypto'
import { refusedLikeAStranger } from '../asking.ts'
import type { Attack } from '../attack.ts'
import { claims, hmac, jwkOf, makePairs, type Part, privately, spellings, tokenOf } from '../credentials.ts'
import { goodToken, type Stage } from '../stage.ts'

const TOPIC = 'tokens'

type Forge = (stage: Stage) => string | Promise<string>

/** An attack whose token must be refused like no token at all. */
export const forged = (name: string, forge: Forge): Attack => ({
  topic: TOPIC,
  name,
  run: async stage => {
    const token = await forge(stage)
    // What stands behind the last dot is the part that no other token has.
    const own = token.slice(-40)
    if (/^[A-Za-z0-9_-]{32,}$/.test(own))
      stage.hide({
        name: `a refused token (${name})`,
        text: own,
        surfaces: ['log', 'metrics', 'error'],
        isPlainOnly: true,
      })
    return refusedLikeAStranger(stage, [['authorization', `Bearer ${token}`]])
  },
})

/** A token with this header, signed with the right secret. */
const headed =
  (header: Part): Forge =>
  stage =>
    tokenOf(header, claims(), hmac(stage.jwtSecret))

const attackers = makePairs()

const without: readonly Attack[] = [
  ...['none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'none\u0000', 'n\u043ene', ''].flatMap(alg => [
    forged(`a token of the algorithm ${JSON.stringify(alg)} without a signature is sent`, () =>
      tokenOf({ alg, typ: 'JWT' }, claims(), () => ''),
    ),
    forged(
      `a token of the algorithm ${JSON.stringify(alg)} with the signature of a good one is sent`,
      stage => tokenOf({ alg, typ: 'JWT' }, claims(), hmac(stage.jwtSecret)),
    ),
  ]),
  ...[null, ['none'], ['HS256'], { toString: 'HS256' }, 0, true].map(alg =>
    forged(`a token whose algorithm is ${JSON.stringify(alg)} is sent`, headed({ alg })),
  ),
  forged('a token that names no algorithm is sent', headed({ typ: 'JWT' })),
  forged('a token without its last dot and signature is sent', () =>
    tokenOf({ alg: 'none' }, claims(), () => '').slice(0, -1),
  ),
  forged('a token whose header gives two algorithms is sent', stage =>
    tokenOf('{"alg":"HS256","alg":"none"}', claims(), hmac(stage.jwtSecret)),
  ),
]

const confused: readonly Attack[] = [
  ...(['rsa', 'ec', 'ed'] as const).flatMap(kind =>
    [
      'its PEM',
      'its PEM without the last line end',
      'its PEM with CR LF',
      'its DER',
      'its JWK',
      'its numbers',
    ].map(spelling =>
      forged(`the published ${kind} key, as ${spelling}, is used as the secret of HS256`, ({ pairs }) =>
        tokenOf(
          { alg: 'HS256', kid: pairs[kind].kid },
          claims(),
          hmac(spellings(pairs[kind])[spelling] ?? ''),
        ),
      ),
    ),
  ),
  ...['HS384', 'HS512'].map(alg =>
    forged(`the right secret is used with ${alg}`, stage =>
      tokenOf({ alg }, claims(), hmac(stage.jwtSecret, alg.replace('HS', 'sha'))),
    ),
  ),
  ...['RS256', 'ES256', 'EdDSA', 'PS256', 'hs256', 'HS256 '].map(alg =>
    forged(`the right secret is used and the token says ${alg}`, headed({ alg })),
  ),
  ...['RS384', 'RS512'].map(alg =>
    forged(`the published RSA key is used with ${alg}`, ({ pairs }) =>
      tokenOf({ alg, kid: 'rsa-1' }, claims(), privately(pairs.rsa.privateKey, alg.replace('RS', 'sha'))),
    ),
  ),
  ...(['ec-1', 'ed-1', 'rsa-2', 'RSA-1', ''] as const).map(kid =>
    forged(`a token of the RSA key names the key ${JSON.stringify(kid)}`, ({ pairs }) =>
      tokenOf({ alg: 'RS256', kid }, claims(), privately(pairs.rsa.privateKey)),
    ),
  ),
  forged('a signature of ES256 is all zero', () =>
    tokenOf({ alg: 'ES256', kid: 'ec-1' }, claims(), () => Buffer.alloc(64).toString('base64url')),
  ),
  forged('a signature of RS256 is all zero', () =>
    tokenOf({ alg: 'RS256', kid: 'rsa-1' }, claims(), () => Buffer.alloc(256).toString('base64url')),
  ),
  ...(['rsa', 'ec', 'ed'] as const).map(kind =>
    forged(`a stranger's ${kind} key signs in the name of the published one`, () =>
      tokenOf(
        { alg: attackers[kind].alg, kid: `${kind}-1` },
        claims(),
        privately(attackers[kind].privateKey),
      ),
    ),
  ),
  ...[new Uint8Array(0), new Uint8Array(32), Buffer.from('secret'), Buffer.from('your-256-bit-secret')].map(
    (secret, at) =>
      forged(`a token is signed with guess ${at + 1} of the secret`, () =>
        tokenOf({ alg: 'HS256' }, claims(), hmac(secret)),
      ),
  ),
]

const keyIds: readonly unknown[] = [
  '../../../../../../dev/null',
  '/dev/null',
  'file:///dev/null',
  "' UNION SELECT 'AAAA' -- ",
  '| whoami',
  '__proto__',
  'constructor',
  '\u0000',
  'x'.repeat(3000),
]

const guided: readonly Attack[] = [
  ...keyIds.map(kid =>
    forged(`the key id ${JSON.stringify(kid).slice(0, 40)} leads to a known secret`, () =>
      tokenOf({ alg: 'HS256', kid }, claims(), hmac(kid === "' UNION SELECT 'AAAA' -- " ? 'AAAA' : '')),
    ),
  ),
  ...[['rsa-1'], { kid: 'rsa-1' }, 1, true, null].map(kid =>
    forged(`the key id is ${JSON.stringify(kid)}`, ({ pairs }) =>
      tokenOf({ alg: 'RS256', kid }, claims(), privately(pairs.rsa.privateKey)),
    ),
  ),
  ...(['jku', 'x5u'] as const).map(
    (name): Attack => ({
      topic: TOPIC,
      name: `${name} leads to a stranger's keys`,
      run: async stage => {
        const before = stage.trap.visits.length
        const url = `http://127.0.0.1:${stage.trap.port}/${name}`
        const header = { alg: 'RS256', kid: 'rsa-1', [name]: url }
        const token = tokenOf(header, claims(), privately(attackers.rsa.privateKey))
        const problems = await refusedLikeAStranger(stage, [['authorization', `Bearer ${token}`]])
        const visits = stage.trap.visits.slice(before).filter(said => said.includes(name))
        return [...problems, ...visits.map(said => `the address in the token was asked: ${said}`)]
      },
    }),
  ),
  ...['jwk', 'x5c'].map(name =>
    forged(`a token brings its own key along as ${name}`, () => {
      const own = jwkOf(attackers.rsa)
      const header = { alg: 'RS256', kid: 'rsa-1', [name]: name === 'jwk' ? own : [own['n']] }
      return tokenOf(header, claims(), privately(attackers.rsa.privateKey))
    }),
  ),
  forged('a token demands an extension that is not there', headed({ alg: 'HS256', crit: ['exp2'], exp2: 1 })),
  forged('a token demands an empty list of extensions', headed({ alg: 'HS256', crit: [] })),
  forged('a token says that its claims are not encoded', headed({ alg: 'HS256', b64: false, crit: ['b64'] })),
]

const now = (): number => Math.floor(Date.now() / 1000)

/** A token with this wrong with its claims, signed with the right secret. */
const claiming = (name: string, over: () => Readonly<Record<string, unknown>>): Attack =>
  forged(name, stage => tokenOf({ alg: 'HS256' }, claims(over()), hmac(stage.jwtSecret)))

const misused: readonly Attack[] = [
  claiming('a token has expired a minute ago', () => ({ exp: now() - 60 })),
  claiming('a token has expired half a century ago', () => ({ exp: 1 })),
  claiming('a token is not yet good', () => ({ nbf: now() + 3600 })),
  ...[undefined, null, '9999999999', 0, -1, true, [9_999_999_999], 1e18].map(exp =>
    claiming(`a token expires at ${JSON.stringify(exp)}`, () => ({ exp })),
  ),
  forged('a token expires at a number beyond all numbers', stage =>
    tokenOf(
      { alg: 'HS256' },
      JSON.stringify(claims({ exp: 0 })).replace('"exp":0', '"exp":1e999'),
      hmac(stage.jwtSecret),
    ),
  ),
  ...['later', true, [0]].map(nbf => claiming(`a token begins at ${JSON.stringify(nbf)}`, () => ({ nbf }))),
  ...[undefined, 'exai', 'exai-mcp-client2', 'EXAI-MCP-CLIENT', '*', ['a', 'b'], {}, 0].map(aud =>
    claiming(`a token is for ${JSON.stringify(aud)}`, () => ({ aud })),
  ),
  ...[undefined, 'exai-mcp-server/', 'https://exai-mcp-server', ' exai-mcp-server', ['other'], 1].map(iss =>
    claiming(`a token is from ${JSON.stringify(iss)}`, () => ({ iss })),
  ),
  ...[
    '',
    '*',
    '../default',
    "default' OR '1'='1",
    'default,mallory',
    'a b',
    'x'.repeat(129),
    'hon\u0435st',
    null,
    7,
    ['default'],
    {},
  ].map(tenant_id =>
    claiming(`a token has the tenant ${JSON.stringify(tenant_id).slice(0, 40)}`, () => ({ tenant_id })),
  ),
  ...['', 'a\r\nb', '\u001b[31m', 'x'.repeat(256), 7, { toString: 'admin' }].map(sub =>
    claiming(`a token has the subject ${JSON.stringify(sub).slice(0, 40)}`, () => ({ sub })),
  ),
  ...[7, { admin: true }, [['admin']], [7]].map(scope =>
    claiming(`a token has the scope ${JSON.stringify(scope)}`, () => ({ scope })),
  ),
]

/** A good token of which the text is changed. */
const changed = (name: string, change: (token: string, stage: Stage) => string): Attack =>
  forged(name, stage => change(goodToken(stage), stage))

const broken: readonly Attack[] = [
  changed('the signature of a good token lacks its last ten characters', token => token.slice(0, -10)),
  changed('the signature of a good token is taken away', token => token.replace(/[^.]+$/, '')),
  changed('the claims of a good token are replaced', token => {
    const [header, , signature] = token.split('.')
    return `${header}.${Buffer.from(JSON.stringify(claims({ scope: 'admin' }))).toString('base64url')}.${signature}`
  }),
  changed('a good token has a fourth part', token => `${token}.x`),
  changed('a good token has five parts, like an encrypted one', token => `${token}.${token.slice(0, 20)}.x`),
  changed('a good token is written in plain base64', token => token.replace(/^([^.]+)/, '$1==')),
  changed('a good token has a dot in front', token => `.${token}`),
  forged('a token of dots alone is sent', () => '..'),
  forged('a token of random characters is sent', () => randomBytes(64).toString('base64url')),
  forged('a token whose parts are no JSON is sent', stage =>
    tokenOf('alg=HS256', 'sub=admin', hmac(stage.jwtSecret)),
  ),
  forged('a token whose header is a list is sent', stage =>
    tokenOf('["HS256"]', claims(), hmac(stage.jwtSecret)),
  ),
  forged('a token whose claims are a list is sent', stage =>
    tokenOf({ alg: 'HS256' }, '[1]', hmac(stage.jwtSecret)),
  ),
  forged('a token whose claims are null is sent', stage =>
    tokenOf({ alg: 'HS256' }, 'null', hmac(stage.jwtSecret)),
  ),
  forged('a token with claims nested 2,000 deep, and a stranger’s signature, is sent', () =>
    tokenOf({ alg: 'HS256' }, `{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`, hmac('x')),
  ),
  forged('a token of 12,000 characters is sent', stage =>
    tokenOf({ alg: 'HS256' }, claims({ more: 'x'.repeat(9_000) }), hmac(stage.jwtSecret)),
  ),
]

/** All of them. */
export const tokenAttacks: readonly Attack[] = [...without, ...confused, ...guided, ...misused, ...broken]
