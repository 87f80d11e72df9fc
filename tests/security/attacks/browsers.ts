// What a page of somebody else's can do from a browser: read across origins, send forms, open sockets.
import { ask, chatBody, refused, upstreamProblems } from '../asking.ts'
import { type Attack, insidesIn, unless } from '../attack.ts'
import { ALLOWED_ORIGIN, type Stage } from '../stage.ts'
import type { Field } from '../wire.ts'

const TOPIC = 'browsers'
const CHAT = '/exai.v1.ChatService/Complete'

const nearOrigins = [
  'https://evil.example',
  'null',
  `${ALLOWED_ORIGIN}.evil.example`,
  'https://evil-app.example.org',
  'https://app.example.org:444',
  'http://app.example.org',
  'https://app.example.org@evil.example',
  'https://app.example.org\u0000.evil.example',
  `${ALLOWED_ORIGIN}, https://evil.example`,
  `${ALLOWED_ORIGIN}//evil`,
  'https://*',
  '*',
  '__proto__',
] as const

const readers: readonly Attack[] = nearOrigins.map(origin => ({
  topic: TOPIC,
  name: `a page of ${JSON.stringify(origin)} asks whether it may call the guarded gateway`,
  run: async ({ guarded }) => {
    const from: Field = ['origin', origin]
    const answers = await Promise.all([
      guarded.wire.h1({
        method: 'OPTIONS',
        path: CHAT,
        fields: [
          from,
          ['access-control-request-method', 'POST'],
          ['access-control-request-headers', 'authorization'],
        ],
      }),
      guarded.wire.h1({
        method: 'OPTIONS',
        path: '/metrics',
        fields: [
          from,
          ['access-control-request-method', 'GET'],
          ['access-control-request-private-network', 'true'],
        ],
      }),
      ask(guarded, 'ChatService/ListModels', {}, { fields: [...guarded.pass, from] }),
      guarded.wire.h1({ method: 'GET', path: '/health', fields: [from] }),
    ])
    return answers.flatMap(answer => [
      ...insidesIn(answer),
      ...Object.keys(answer.headers)
        .filter(name => name.startsWith('access-control-allow-'))
        .map(name => `it is given ${name}: ${answer.headers[name]}`),
    ])
  },
}))

const honest: Attack = {
  topic: TOPIC,
  name: 'the page that may call is told so, without leave to send cookies, and caches are told that it depends on the page',
  run: async ({ guarded }) => {
    const answer = await guarded.wire.h1({
      method: 'OPTIONS',
      path: CHAT,
      fields: [
        ['origin', ALLOWED_ORIGIN],
        ['access-control-request-method', 'POST'],
      ],
    })
    const { headers } = answer
    return [
      ...unless(headers['access-control-allow-origin'] === ALLOWED_ORIGIN, answer),
      ...(headers['access-control-allow-credentials'] === undefined ? [] : ['it may send cookies']),
      ...(/origin/i.test(headers['vary'] ?? '') ? [] : ['caches are not told']),
    ]
  },
}

const forms: readonly Attack[] = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain; application/json',
  'text/plain, application/json',
].map(type => ({
  topic: TOPIC,
  name: `a form sends a chat as ${type}, with the credential that a browser could have`,
  run: async stage => {
    const found = await Promise.all(
      [stage.open, stage.guarded].map(async ({ wire, pass }) => {
        const body = chatBody(stage)
        const answer = await wire.h1({ path: CHAT, fields: [...pass, ['content-type', type]], body })
        return [...refused(answer), ...upstreamProblems(stage, body)]
      }),
    )
    return found.flat()
  },
}))

const sockets: readonly Attack[] = ['/ws', '/ws/monitoring', '/', '/mcp', '/v1/realtime', CHAT].flatMap(
  path =>
    ['https://evil.example', 'null', 'http://localhost'].map(
      (origin): Attack => ({
        topic: TOPIC,
        name: `a page of ${origin} opens a WebSocket at ${path}`,
        run: async ({ open, guarded }: Stage) => {
          const found = await Promise.all(
            [open, guarded].map(async ({ name, wire }) => {
              const head = [
                `GET ${path} HTTP/1.1`,
                'Host: localhost',
                'Connection: Upgrade',
                'Upgrade: websocket',
                'Sec-WebSocket-Version: 13',
                'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
                `Origin: ${origin}`,
              ]
              const { answers } = await wire.bytes([`${head.join('\r\n')}\r\n\r\n`], { limitMs: 3_000 })
              const [answer = { status: 0, headers: {}, body: '' }] = answers
              // The front page is for everybody; it is no socket.
              const isForeign = name === 'open' && origin !== 'http://localhost'
              const isPage = path === '/' && answer.status === 200 && !isForeign
              const isOpened = answer.headers['sec-websocket-accept'] !== undefined
              // The page of this very host may connect to where there is a socket; elsewhere there is none for anybody.
              const mayOpen = origin === 'http://localhost' && path.startsWith('/ws')
              const isGood = mayOpen ? isOpened : !isOpened && (answer.status >= 400 || isPage)
              return [...insidesIn(answer), ...unless(isGood, answer)]
            }),
          )
          return found.flat()
        },
      }),
    ),
)

const upgrades: readonly Attack[] = ['h2c', 'websocket, h2c', 'TLS/1.3', '__proto__'].map(to => ({
  topic: TOPIC,
  name: `a request wants to go on as ${to}`,
  run: async ({ open, guarded }) => {
    const found = await Promise.all(
      [open, guarded].map(({ wire }) =>
        wire.bytes(
          [
            `POST ${CHAT} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${to}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 0\r\n\r\n`,
          ],
          { limitMs: 3_000 },
        ),
      ),
    )
    return found.flatMap(({ answers }) =>
      answers.flatMap(answer => [...insidesIn(answer), ...unless(answer.status >= 400, answer)]),
    )
  },
}))

const headers: readonly Attack[] = ['/', '/health', '/metrics', '/nothing'].map(path => ({
  topic: TOPIC,
  name: `${path} cannot be taken for another type by a browser, nor kept by a cache`,
  run: async ({ open }) => {
    const { headers } = await open.wire.h1({ method: 'GET', path })
    return [
      ...(headers['x-content-type-options'] === 'nosniff' ? [] : ['its type may be guessed']),
      ...(headers['cache-control'] === 'no-store' ? [] : ['it may be kept']),
      ...(headers['server'] === undefined && headers['x-powered-by'] === undefined
        ? []
        : ['it says what serves it']),
    ]
  },
}))

/** All of them. */
export const browserAttacks: readonly Attack[] = [
  ...readers,
  honest,
  ...forms,
  ...sockets,
  ...upgrades,
  ...headers,
]
