// Addresses of media that lead inside: forged, redirected, and rebound between two looks.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { GatewayError } from '../../../src/core/errors.ts'
import { createSafeFetch } from '../../../src/core/safe-fetch.ts'
import { ask, bearable, upstreamProblems } from '../asking.ts'
import type { Attack } from '../attack.ts'
import type { Stage } from '../stage.ts'

const TOPIC = 'media'

/** Addresses that are not of the public internet, in every way of writing them. */
const inside = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '0',
  '0.0.0.0',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '017700000001',
  '127.0.0.1.',
  '\uff11\uff12\uff17.0.0.1',
  '127\u30020\u30020\u30021',
  '%31%32%37.0.0.1',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[2002:7f00:1::]',
  '[fe80::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '2852039166',
  '0xa9fea9fe',
  '[::ffff:169.254.169.254]',
  '100.64.0.1',
  '168.63.129.16',
  '192.0.0.192',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '240.0.0.1',
] as const

interface Recorded {
  /** Names that were looked up. */
  readonly looked: string[]
  /** Addresses that were dialled, as far as the safe fetch could tell. */
  readonly dialled: string[]
}

type Names = Readonly<Record<string, readonly (readonly string[])[]>>

/**
 * Downloads through a resolver that knows only these names, giving each time the next list, and a dialler that records where
 * it should connect to, and connects to a host of the test instead. Nothing else is ever looked up or dialled.
 */
async function download(
  url: string,
  names: Names = {},
  redirects: Readonly<Record<string, string>> = {},
): Promise<Recorded & { readonly error: unknown }> {
  const looked: string[] = []
  const dialled: string[] = []
  const host = createServer((request, response) => {
    const location = redirects[`http://${request.headers.host}${request.url}`]
    if (location !== undefined)
      response.writeHead(302, { location: Buffer.from(location).toString('latin1') }).end()
    else response.writeHead(200, { 'content-type': 'image/png' }).end('from inside')
  }).listen(0, '127.0.0.1')
  await once(host, 'listening')
  const { port } = host.address() as AddressInfo // Listening on TCP: never a path.
  const media = createSafeFetch({
    allowPrivate: false,
    resolve: async name => {
      const times = looked.filter(each => each === name).length
      looked.push(name)
      return (names[name]?.[times] ?? names[name]?.at(-1) ?? []).map(address => ({ address }))
    },
    connect: async ({ address }) => {
      dialled.push(address)
      const socket = connect({ host: '127.0.0.1', port })
      await once(socket, 'connect')
      return socket
    },
  })
  try {
    await media.fetch({ url, maxBytes: 1_000, signal: AbortSignal.timeout(5_000) })
    return { looked, dialled, error: undefined }
  } catch (error) {
    return { looked, dialled, error }
  } finally {
    host.closeAllConnections()
    host.close()
    await once(host, 'close')
  }
}

const PUBLIC = '93.184.216.34'
const PUBLIC_TOO = '93.184.216.35'

/** A download that must be refused, and must have dialled only these addresses on its way. */
const refusedAt = (
  name: string,
  url: string,
  names: Names = {},
  redirects: Readonly<Record<string, string>> = {},
  dialledBefore: readonly string[] = [],
): Attack => ({
  topic: TOPIC,
  name,
  run: async () => {
    const { dialled, error } = await download(url, names, redirects)
    const isRefused = error instanceof GatewayError && error.reason === 'INVALID_REQUEST'
    // What a name leads to is for nobody outside to know.
    const told = Object.values(names)
      .flat(2)
      .filter(address => isRefused && !url.includes(address) && error.message.includes(address))
    return [
      ...(isRefused ? [] : [`it ended as ${error}`]),
      ...told.map(address => `it says that a name leads to ${address}`),
      ...(dialled.join() === dialledBefore.join() ? [] : [`it dialled ${dialled.join(', ')}`]),
    ]
  },
})

const literal: readonly Attack[] = inside.flatMap(host => [
  refusedAt(`the address is ${host}`, `http://${host}/x`),
  refusedAt(
    `a public host redirects to ${host}`,
    'http://start.example/x',
    { 'start.example': [[PUBLIC]] },
    { 'http://start.example/x': `http://${host}/y` },
    [PUBLIC],
  ),
])

const schemes: readonly Attack[] = [
  'file:///etc/passwd',
  'ftp://93.184.216.34/x',
  'gopher://93.184.216.34/x',
  'javascript:alert(1)',
  'blob:http://localhost/x',
  'http://user:password@93.184.216.34/x',
  'ws://93.184.216.34/',
].flatMap(url => [
  refusedAt(`the address is ${url}`, url),
  refusedAt(
    `a public host redirects to ${url}`,
    'http://start.example/x',
    { 'start.example': [[PUBLIC]] },
    { 'http://start.example/x': url },
    [PUBLIC],
  ),
])

const named: readonly Attack[] = [
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'rebound.example',
    'metadata.google.internal',
    '127.0.0.1.nip.io',
  ].map(name =>
    refusedAt(`the name ${name} leads to this machine`, `http://${name}/x`, {
      [name.toLowerCase()]: [['127.0.0.1']],
    }),
  ),
  refusedAt('a name has a public and a private address', 'http://mixed.example/', {
    'mixed.example': [[PUBLIC, '10.0.0.1']],
  }),
  refusedAt('a name has a public address and a private one of IPv6', 'http://mixed.example/', {
    'mixed.example': [[PUBLIC, 'fd00::1']],
  }),
  refusedAt('a name leads to an address with a zone', 'http://zone.example/', {
    'zone.example': [['fe80::1%eth0']],
  }),
  refusedAt('a name leads to another name', 'http://name.example/', { 'name.example': [['localhost']] }),
  refusedAt('a name has no address', 'http://none.example/'),
  refusedAt(
    'a name is bound anew between the download and its redirect',
    'http://anew.example/x',
    { 'anew.example': [[PUBLIC], ['127.0.0.1']] },
    { 'http://anew.example/x': 'http://anew.example/y' },
    [PUBLIC],
  ),
  refusedAt(
    'a chain of redirects ends inside',
    'http://one.example/',
    { 'one.example': [[PUBLIC]], 'two.example': [[PUBLIC_TOO]] },
    { 'http://one.example/': 'http://two.example/', 'http://two.example/': 'http://192.168.1.1/' },
    [PUBLIC, PUBLIC_TOO],
  ),
  refusedAt(
    'a host redirects to itself for ever',
    'http://round.example/',
    { 'round.example': [[PUBLIC]] },
    { 'http://round.example/': 'http://round.example/' },
    [PUBLIC, PUBLIC, PUBLIC, PUBLIC],
  ),
  {
    topic: TOPIC,
    name: 'a name is bound anew right after it was looked up: what was checked is what is dialled',
    run: async () => {
      const { looked, dialled, error } = await download('http://anew.example/', {
        'anew.example': [[PUBLIC], ['127.0.0.1'], ['127.0.0.1']],
      })
      return [
        ...(error === undefined ? [] : [`it ended as ${error}`]),
        ...(looked.length === 1 ? [] : [`it was looked up ${looked.length} times`]),
        ...(dialled.join() === PUBLIC ? [] : [`it dialled ${dialled.join(', ')}`]),
      ]
    },
  },
]

const withMedia = (url: string, text: string): unknown => ({
  model: 'kimi/kimi-k3',
  messages: [{ role: 'ROLE_USER', content: [{ text }, { media: { mimeType: 'image/png', url } }] }],
})

/** The same through a running gateway, for a provider that wants the bytes: the trap on this machine must stay empty. */
const through: readonly Attack[] = [
  ...[
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '0',
    '[::ffff:127.0.0.1]',
    '127.0.0.1.',
    '\uff11\uff12\uff17.0.0.1',
  ].map(
    (host): Attack => ({
      topic: TOPIC,
      name: `a chat names media at ${host}, where something listens`,
      run: stage => sent(stage, `http://${host}:${stage.trap.port}/inside`),
    }),
  ),
  ...[
    'file:///etc/passwd',
    'file://localhost/proc/self/environ',
    'data:image/png,<x>',
    `data:image/png;base64,${'A'.repeat(3 * 1024 * 1024)}`,
    'data:;base64,',
    'jar:http://localhost!/',
    'http://',
    'http://[',
    '//localhost/x',
    `http://${'a'.repeat(70_000)}/`,
  ].map(
    (url): Attack => ({
      topic: TOPIC,
      name: `a chat names media at ${url.slice(0, 40)}`,
      run: stage => sent(stage, url),
    }),
  ),
]

async function sent(stage: Stage, url: string): Promise<readonly string[]> {
  const before = stage.trap.visits.length
  const text = stage.canary()
  const body = JSON.stringify(withMedia(url, text))
  const found = await Promise.all(
    [stage.open, stage.guarded].map(target => ask(target, 'ChatService/Complete', body)),
  )
  const passed = stage.kimi.requests.filter(
    ({ rawBody }) => rawBody.includes(text) && /trap|root:|PATH=/.test(rawBody.toString()),
  )
  return [
    ...found.flatMap(answer => (answer.status === 503 ? [] : bearable(answer))),
    ...passed.map(() => 'what lies inside was sent to the provider'),
    ...stage.trap.visits.slice(before).map(said => `the trap was asked: ${said}`),
    ...(url.startsWith('data:') ? [] : upstreamProblems(stage, body)),
  ]
}

/** All of them. */
export const mediaAttacks: readonly Attack[] = [...literal, ...schemes, ...named, ...through]
