// Credentials that are missing, doubled, mixed, misplaced, out of date or too weak.
import { METHOD_NEEDS } from '../../../src/access/scopes.ts'
import {
  ask,
  chatBody,
  JSON_TYPE,
  jsonOf,
  refused,
  refusedLikeAStranger,
  upstreamProblems,
} from '../asking.ts'
import { type Attack, insidesIn, unless } from '../attack.ts'
import { claims, hmac, tokenOf } from '../credentials.ts'
import { goodToken, type Stage } from '../stage.ts'
import type { Field } from '../wire.ts'

const TOPIC = 'credentials'

const shown = (name: string, fields: (stage: Stage) => readonly Field[]): Attack => ({
  topic: TOPIC,
  name,
  run: stage => refusedLikeAStranger(stage, fields(stage)),
})

const bearer = (text: string): Field => ['authorization', `Bearer ${text}`]
const good = ({ keys }: Stage): string => keys.chat.secret

/** A character of a secret made another one. */
const touched = (secret: string, at: number): string =>
  `${secret.slice(0, at)}${secret[at] === 'A' ? 'B' : 'A'}${secret.slice(at + 1)}`

const malformed: readonly Attack[] = [
  ...[
    '',
    'Bearer',
    'Bearer ',
    'Basic YWRtaW46YWRtaW4=',
    'Digest username="admin"',
    'Bearer null',
    'Bearer undefined',
  ].map(value => shown(`authorization is ${JSON.stringify(value)}`, () => [['authorization', value]])),
  shown('a good key stands without its scheme', stage => [['authorization', good(stage)]]),
  shown('a good key stands behind another scheme', stage => [['authorization', `Token ${good(stage)}`]]),
  shown('the scheme stands twice', stage => [['authorization', `Bearer Bearer ${good(stage)}`]]),
  shown('two good keys stand in one field', stage => [
    ['authorization', `Bearer ${good(stage)}, Bearer ${good(stage)}`],
  ]),
  shown('a good key stands in quotation marks', stage => [bearer(`"${good(stage)}"`)]),
  shown('something stands behind a good key', stage => [['authorization', `Bearer ${good(stage)} x`]]),
  shown('a good token is sent as an API key', stage => [['x-api-key', goodToken(stage)]]),
  shown('a good key has another last character', stage => [bearer(touched(good(stage), 47))]),
  shown('a good key has another first character', stage => [bearer(touched(good(stage), 5))]),
  shown('a good key is one character short', stage => [bearer(good(stage).slice(0, -1))]),
  shown('a good key is one character long', stage => [bearer(`${good(stage)}A`)]),
  shown('a good key is written in small letters', stage => [bearer(good(stage).toLowerCase())]),
  shown('the prefix that people see stands for the key', stage => [bearer(good(stage).slice(0, 9))]),
  shown('the id of a key stands for the key', stage => [bearer(stage.keys.chat.id)]),
  ...["exai_' OR '1'='1", 'exai_*', 'exai_%', `exai_${'\u00e9'.repeat(43)}`].map(text =>
    shown(`the key is ${text.slice(0, 20)}`, () => [bearer(text)]),
  ),
]

const gone: readonly Attack[] = [
  shown('a key that was revoked is used', stage => [bearer(stage.keys.revoked.secret)]),
  shown('a key that has expired is used', stage => [bearer(stage.keys.expired.secret)]),
  shown('the secret that a key had before it was rotated is used', stage => [
    bearer(stage.keys.replaced.secret),
  ]),
  shown('a revoked key is used as x-api-key', stage => [['x-api-key', stage.keys.revoked.secret]]),
  shown('a key that never was is used', () => [bearer(`exai_${'A'.repeat(43)}`)]),
]

const doubled: readonly Attack[] = [
  shown('the same good key is sent twice', stage => [bearer(good(stage)), bearer(good(stage))]),
  shown('a good key is followed by a bad one', stage => [bearer(good(stage)), bearer('x')]),
  shown('a bad key is followed by a good one', stage => [bearer('x'), bearer(good(stage))]),
  shown('a good key is sent in each field, and they differ', stage => [
    bearer(good(stage)),
    ['x-api-key', stage.keys.admin.secret],
  ]),
  shown('a good key and a good token are sent', stage => [
    bearer(goodToken(stage)),
    ['x-api-key', good(stage)],
  ]),
  shown('two good API keys are sent', stage => [
    ['x-api-key', good(stage)],
    ['X-API-KEY', stage.keys.admin.secret],
  ]),
  shown('a good key stands beside an empty authorization', stage => [
    ['authorization', ''],
    ['x-api-key', good(stage)],
  ]),
]

const trusted: readonly Field[] = [
  ['host', 'localhost'],
  ['host', '127.0.0.1'],
  ['x-forwarded-for', '127.0.0.1'],
  ['forwarded', 'for=127.0.0.1;host=localhost'],
  ['x-real-ip', '127.0.0.1'],
  ['x-forwarded-host', 'localhost'],
  ['x-forwarded-user', 'admin'],
  ['x-remote-user', 'admin'],
  ['x-tenant-id', 'default'],
  ['x-exai-scope', 'admin'],
  ['x-original-url', '/health'],
  ['x-rewrite-url', '/health'],
  ['x-http-method-override', 'GET'],
  ['origin', 'http://localhost'],
  ['referer', 'http://localhost/'],
  ['user-agent', 'grpc-health-probe'],
  ['user-agent', 'kube-probe/1.30'],
]

const misplaced: readonly Attack[] = [
  ...trusted.map(([name, value]) =>
    shown(`${name}: ${value} stands in for a credential`, () => [[name, value]]),
  ),
  ...[
    'proxy-authorization',
    'x-authorization',
    'authorization-bin',
    'api-key',
    'cookie',
    'x-goog-api-key',
    'grpc-metadata-authorization',
  ].map(name =>
    shown(`a good key is sent as ${name}`, stage => [
      [name, name === 'cookie' ? `key=${good(stage)}` : `Bearer ${good(stage)}`],
    ]),
  ),
  ...['access_token', 'key', 'api_key', 'authorization'].map(
    (name): Attack => ({
      topic: TOPIC,
      name: `a good key is sent in the query as ${name}`,
      run: async stage => {
        const path = `/exai.v1.ChatService/Complete?${name}=${good(stage)}`
        return refused(
          await stage.guarded.wire.h1({ path, fields: [JSON_TYPE], body: chatBody(stage) }),
          'unauthenticated',
        )
      },
    }),
  ),
  {
    topic: TOPIC,
    name: 'a good key is sent in a trailer behind the body',
    run: async stage => {
      const body = chatBody(stage)
      const head =
        'POST /exai.v1.ChatService/Complete HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
      const more = `Transfer-Encoding: chunked\r\nTrailer: authorization\r\nConnection: close\r\n\r\n${body.length.toString(16)}\r\n${body}`
      const { answers } = await stage.guarded.wire.bytes([
        `${head}${more}\r\n0\r\nauthorization: Bearer ${good(stage)}\r\n\r\n`,
      ])
      const [answer = { status: 0, headers: {}, body: '' }] = answers
      return [...refused(answer, 'unauthenticated'), ...upstreamProblems(stage, body)]
    },
  },
]

/** Every method that needs something is called without anything, in every protocol. */
const bare: readonly Attack[] = Object.entries(METHOD_NEEDS)
  .filter(([, need]) => need !== 'open')
  .map(([method]) => ({
    topic: TOPIC,
    name: `${method} is called without a credential in every protocol`,
    run: async stage => {
      const types = [
        'application/json',
        'application/proto',
        'application/connect+json',
        'application/grpc',
        'application/grpc-web+proto',
      ]
      const found = await Promise.all(
        types.map(async type => {
          const request = { path: `/${method}`, fields: [['content-type', type]] as const, body: '{}' }
          const answer =
            type === 'application/grpc'
              ? await stage.guarded.wire.h2(request)
              : await stage.guarded.wire.h1(request)
          const isRefused =
            answer.headers['grpc-status'] === '16' || answer.body.includes('"unauthenticated"')
          return [...insidesIn(answer), ...unless(isRefused, answer)].map(problem => `${type}: ${problem}`)
        }),
      )
      return found.flat()
    },
  }))

/** Every method is called with a key that lacks its scope. */
const tooWeak: readonly Attack[] = Object.entries(METHOD_NEEDS)
  .filter(([, need]) => need !== 'open' && need !== 'any')
  .map(([method, need]) => ({
    topic: TOPIC,
    name: `${method} is called with keys that have every scope but ${need}`,
    run: async stage => {
      const weak = Object.entries(stage.keys.only).filter(([scope]) => scope !== need)
      const found = await Promise.all(
        weak.map(async ([, { secret }]) => {
          const isStream = /Stream|Watch|Upload|Download/.test(method) && !method.includes('Cancel')
          const type: Field = ['content-type', isStream ? 'application/connect+json' : 'application/json']
          const answer = await stage.guarded.wire.h1({
            path: `/${method}`,
            fields: [type, ['x-api-key', secret]],
            body: '{}',
          })
          const isRefused = answer.body.includes('"permission_denied"')
          return [...insidesIn(answer), ...unless(isRefused, answer)]
        }),
      )
      return found.flat()
    },
  }))

/** Tokens whose scope is not quite one. */
const nearScopes: readonly Attack[] = [
  undefined,
  '',
  'Chat',
  'chat,admin',
  'chat\tadmin',
  'CHAT',
  'chats',
  '*',
  [],
  ['chat admin'],
].map(scope => ({
  topic: TOPIC,
  name: `a token of the scope ${JSON.stringify(scope)} is used for chat`,
  run: async stage => {
    const token = tokenOf({ alg: 'HS256' }, claims({ scope }), hmac(stage.jwtSecret))
    const body = chatBody(stage)
    const answer = await ask(stage.guarded, 'ChatService/Complete', body, { fields: [bearer(token)] })
    const isRefused = answer.status === 403 && jsonOf(answer)['code'] === 'permission_denied'
    return [...insidesIn(answer), ...unless(isRefused, answer), ...upstreamProblems(stage, body)]
  },
}))

const floods: readonly Attack[] = [
  {
    topic: TOPIC,
    name: 'a thousand keys and tokens are guessed at once',
    run: async stage => {
      const found = await Promise.all(
        Array.from({ length: 1_000 }, async (_, at) => {
          const guess = `${at}`.padStart(6, 'x')
          const text =
            at % 2 === 0 ? `exai_${guess.padEnd(43, 'B')}` : tokenOf({ alg: 'HS256' }, claims(), hmac(guess))
          const answer = await ask(stage.guarded, 'ChatService/ListModels', {}, { fields: [bearer(text)] })
          return [...insidesIn(answer), ...unless([401, 429].includes(answer.status), answer)]
        }),
      )
      return found.flat().slice(0, 3)
    },
  },
]

/** All of them. */
export const credentialAttacks: readonly Attack[] = [
  ...malformed,
  ...gone,
  ...doubled,
  ...misplaced,
  ...bare,
  ...tooWeak,
  ...nearScopes,
  ...floods,
]
