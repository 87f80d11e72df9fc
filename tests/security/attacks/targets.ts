// Names of hosts and forms of targets and paths by which a guard could be walked around.
import { METHOD_NEEDS, PAGE_NEEDS } from '../../../src/access/scopes.ts'
import type { Answer } from '../answer.ts'
import { ask, chatBody, JSON_TYPE, refused, upstreamProblems } from '../asking.ts'
import { type Attack, insidesIn, unless } from '../attack.ts'
import type { Stage } from '../stage.ts'
import type { Field } from '../wire.ts'

const TOPIC = 'targets'
const CHAT = '/exai.v1.ChatService/Complete'

const foreign = [
  'evil.example',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '127.0.0.1.nip.io',
  'localhost@evil.example',
  'evil.example#localhost',
  'evil.example/localhost',
  'evil.example:80:localhost',
  'localhost:80:80',
  'localhost,evil.example',
  'evil.example, localhost',
  'localhost evil.example',
  '0.0.0.0',
  '[::]',
  '[::ffff:127.0.0.1].evil.example',
  '2130706433',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '127.1',
  'localhost%00.evil.example',
  'l\u00f6calhost',
  'localhost..',
  '.localhost',
  'localhost:',
  'localhost:99999999',
] as const

const hosts: readonly Attack[] = foreign.map(host => ({
  topic: TOPIC,
  name: `the unguarded gateway is called as ${host}`,
  run: async ({ open, ...stage }) => {
    const whole = { ...stage, open }
    const [first, second] = [chatBody(whole), chatBody(whole)]
    const answers = await Promise.all([
      ask(open, 'ChatService/Complete', first, { fields: [['host', host]] }),
      ask(open, 'ChatService/Complete', second, { fields: [[':authority', host]], http: 2 }),
      open.wire.h1({ method: 'GET', path: '/metrics', fields: [['host', host]] }),
      open.wire.h1({
        method: 'OPTIONS',
        path: CHAT,
        fields: [
          ['host', host],
          ['origin', `http://${host}`],
          ['access-control-request-method', 'POST'],
        ],
      }),
    ])
    return [
      ...answers.flatMap(notLetIn),
      ...upstreamProblems(whole, first),
      ...upstreamProblems(whole, second),
    ]
  },
}))

/** HTTP/2 has its own check of names: one that it resets is refused, too. */
function notLetIn(answer: Answer): readonly string[] {
  return [
    ...insidesIn(answer),
    ...unless(answer.status === 0 || (answer.status >= 400 && answer.status < 500), answer),
  ]
}

const twoNames: readonly Attack[] = [
  {
    topic: TOPIC,
    name: 'over HTTP/2 the authority is of this machine, and the Host is not',
    run: ({ open }) =>
      ask(
        open,
        'ChatService/ListModels',
        {},
        {
          fields: [
            [':authority', 'localhost'],
            ['host', 'evil.example'],
          ],
          http: 2,
        },
      ).then(notLetIn),
  },
  {
    topic: TOPIC,
    name: 'over HTTP/2 the Host is of this machine, and the authority is not',
    run: ({ open }) =>
      ask(
        open,
        'ChatService/ListModels',
        {},
        {
          fields: [
            [':authority', 'evil.example'],
            ['host', 'localhost'],
          ],
          http: 2,
        },
      ).then(notLetIn),
  },
  {
    topic: TOPIC,
    name: 'a foreign Host stands in front of one of this machine',
    run: ({ open }) =>
      ask(
        open,
        'ChatService/ListModels',
        {},
        {
          fields: [
            ['host', 'evil.example'],
            ['host', 'localhost'],
          ],
        },
      ).then(notLetIn),
  },
  ...['evil.example', 'localhost'].flatMap(name =>
    ['http', 'https', 'ftp', 'file'].map(
      (scheme): Attack => ({
        topic: TOPIC,
        name: `the target is ${scheme}://${name}, and the Host is not of that name`,
        run: async ({ open, guarded }) => {
          const host: Field = ['host', name === 'localhost' ? 'evil.example' : 'localhost']
          const found = await Promise.all([
            open.wire.h1({ path: `${scheme}://${name}${CHAT}`, fields: [host, JSON_TYPE], body: '{}' }),
            open.wire.h1({ method: 'GET', path: `${scheme}://${name}/metrics`, fields: [host] }),
            guarded.wire.h1({ path: `${scheme}://${name}${CHAT}`, fields: [host, JSON_TYPE], body: '{}' }),
          ])
          return found.flatMap(answer => refused(answer))
        },
      }),
    ),
  ),
  ...[
    'localhost:80',
    '127.0.0.1:22',
    '*',
    '*/metrics',
    'metrics',
    '',
    '?',
    '#',
    '\\metrics',
    '//localhost/metrics',
    'http:',
    'http://',
  ].map(
    (target): Attack => ({
      topic: TOPIC,
      name: `the target is ${JSON.stringify(target)}`,
      run: async ({ open, guarded }) => {
        const found = await Promise.all(
          [open, guarded].flatMap(({ wire }) =>
            ['GET', 'POST', 'OPTIONS', 'CONNECT'].map(method =>
              wire.h1({ method, path: target, fields: [['x-forwarded-for', '203.0.113.9']] }),
            ),
          ),
        )
        return found.flatMap(notLetIn)
      },
    }),
  ),
]

const origins = [
  'null',
  'https://evil.example',
  'http://localhost.evil.example',
  'http://localhost@evil.example',
  'http://127.0.0.1.nip.io',
  'file://',
  'chrome-extension://abcdefgh',
  'http://0.0.0.0',
  'http://[::]',
  'javascript://localhost',
  'http://localhost:1:2',
  'http://evil.example http://localhost',
] as const

const pages: readonly Attack[] = origins.map(origin => ({
  topic: TOPIC,
  name: `a page of ${origin} calls the unguarded gateway`,
  run: async stage => {
    const body = chatBody(stage)
    const answers = await Promise.all(
      [1, 2].map(http =>
        ask(stage.open, 'ChatService/Complete', body, {
          fields: [['origin', origin]],
          http: http === 1 ? 1 : 2,
        }),
      ),
    )
    const readable = answers.filter(({ headers }) => headers['access-control-allow-origin'] !== undefined)
    return [
      ...answers.flatMap(notLetIn),
      ...upstreamProblems(stage, body),
      ...readable.map(() => 'the page may read the answer'),
    ]
  },
}))

const variants: readonly (readonly [name: string, change: (path: string) => string])[] = [
  ['with a dot segment', path => `/.${path}`],
  ['through another folder', path => `/health/..${path}`],
  ['through an encoded folder', path => `/health/%2e%2e${path}`],
  ['through a twice encoded folder', path => `/health/%252e%252e${path}`],
  ['with two slashes', path => `/${path}`],
  ['with an encoded slash', path => `/%2f${path.slice(1)}`],
  ['with a slash behind it', path => `${path}/`],
  ['with a dot behind it', path => `${path}.`],
  ['with a parameter', path => `${path};x=y`],
  ['with a parameter in front', path => `/;x=y${path}`],
  ['with an encoded NUL', path => `${path}%00`],
  ['with a suffix of static files', path => `${path}%00.png`],
  [
    'with an encoded character',
    path => path.replace(/[a-z]/, letter => `%${letter.charCodeAt(0).toString(16)}`),
  ],
  ['with an encoded dot', path => path.replace('.', '%2e')],
  ['in capitals', path => path.toUpperCase()],
  ['with a backslash', path => path.replaceAll('/', '\\')],
  ['with an encoded line end', path => `${path}%0d%0aX-Evil:%20yes`],
  ['with an encoded question mark', path => `${path}%3f`],
  ['with overlong UTF-8', path => path.replace('/', '/%c0%af')],
  ['with bare UTF-8', path => `${path}\u00e9`],
]

/** Paths near every route, without a credential and from afar: only what is exactly an open page may answer. */
const paths: readonly Attack[] = [
  ...Object.keys(PAGE_NEEDS),
  ...Object.keys(METHOD_NEEDS).map(method => `/${method}`),
].map(route => ({
  topic: TOPIC,
  name: `paths near ${route} are asked for`,
  run: async ({ guarded }: Stage) => {
    const far: Field = ['x-forwarded-for', '203.0.113.9']
    const found = await Promise.all(
      variants.map(async ([name, change], at) => {
        const path = change(route)
        if (path === route) return []
        const method = route.includes('exai.v1') || route.includes('grpc') ? 'POST' : 'GET'
        const request = { method, path, fields: [far, JSON_TYPE], body: method === 'GET' ? '' : '{}' }
        const answer = await (at % 3 === 0 ? guarded.wire.h2(request) : guarded.wire.h1(request))
        const isEvil = answer.headers['x-evil'] !== undefined
        return [...notLetIn(answer), ...(isEvil ? ['a field was put into the answer'] : [])].map(
          problem => `${name}: ${problem}`,
        )
      }),
    )
    return found.flat()
  },
}))

const metrics: readonly Attack[] = [
  ...(
    [
      ['from afar', ['x-forwarded-for', '203.0.113.9']],
      ['through a standard proxy', ['forwarded', 'for=203.0.113.9']],
      ['through a name that was bound to this machine anew', ['host', 'rebound.example']],
      ['from a foreign page', ['origin', 'https://evil.example']],
    ] as const
  ).map(
    ([how, field]): Attack => ({
      topic: TOPIC,
      name: `the metrics of the guarded gateway are read ${how}, without a credential`,
      run: ({ guarded }) =>
        guarded.wire.h1({ method: 'GET', path: '/metrics', fields: [field] }).then(answer => refused(answer)),
    }),
  ),
  {
    topic: TOPIC,
    name: 'the metrics of the guarded gateway are read from afar with a key for chat alone',
    run: ({ guarded, keys }) =>
      guarded.wire
        .h1({
          method: 'GET',
          path: '/metrics',
          fields: [
            ['x-forwarded-for', '203.0.113.9'],
            ['x-api-key', keys.only.chat.secret],
          ],
        })
        .then(answer => refused(answer)),
  },
]

/** All of them. */
export const targetAttacks: readonly Attack[] = [...hosts, ...twoNames, ...pages, ...paths, ...metrics]
