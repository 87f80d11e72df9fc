// Everything slow and everything large: peers that hold what they were given, until a limit of time or size ends them.
import { setTimeout as sleep } from 'node:timers/promises'
import { openRaw, PREFACE, requestFrame, SETTINGS } from '../../support/raw-client.ts'
import { ask, refused } from '../asking.ts'
import { type Attack, insidesIn, unless } from '../attack.ts'
import type { Stage, Target } from '../stage.ts'
import { http1Bytes } from '../wire.ts'

const TOPIC = 'slow and large'
const CHAT = '/exai.v1.ChatService/Complete'

const HEAD = `POST ${CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`

const both =
  (run: (target: Target) => Promise<readonly string[]>) =>
  async ({ open, guarded }: Stage): Promise<readonly string[]> =>
    (await Promise.all([open, guarded].map(run))).flat()

/** Opens many connections that send one piece and then drip; says which of them are still open after the time. */
const held = (
  name: string,
  limitS: number,
  count: number,
  start: string | Uint8Array,
  drip: string,
): Attack => ({
  topic: TOPIC,
  name,
  isLong: true,
  run: both(async ({ name: target, service }) => {
    const clients = await Promise.all(Array.from({ length: count }, () => openRaw(service.port)))
    const left = new Set(clients)
    for (const client of clients) void client.ended.then(() => left.delete(client))
    for (const client of clients) client.send(start)
    const endsAtMs = performance.now() + limitS * 1_000
    while (left.size > 0 && performance.now() < endsAtMs) {
      await sleep(500)
      if (drip !== '') for (const client of clients) if (client.socket.writable) client.send(drip)
    }
    const said = new Set(clients.map(client => client.received().split(' ')[1] ?? ''))
    for (const client of clients) client.socket.destroy()
    return [
      ...(left.size === 0
        ? []
        : [`${target}: ${left.size} of ${count} are still connected after ${limitS} s`]),
      ...(said.has('200') ? [`${target}: one was answered 200`] : []),
    ]
  }),
})

// The limits are 10 s for a header, a protocol and first SETTINGS, 60 s for a body and for a reader that takes nothing, and 120 s
// for a connection that waits for its first or next request, as pools and browsers have them.
const slow: readonly Attack[] = [
  held('100 connections say nothing', 125, 100, '', ''),
  held('100 connections send a header one line each half second', 15, 100, HEAD, 'X-A: b\r\n'),
  held('100 connections send half a preface of HTTP/2', 15, 100, 'PR', ''),
  held('50 connections send a preface of HTTP/2 and nothing more', 15, 50, PREFACE, ''),
  held(
    '50 connections send a body one character each half second',
    70,
    50,
    `${HEAD}Content-Length: 100000\r\n\r\n`,
    ' ',
  ),
  held(
    '50 connections send a body in chunks of one character',
    70,
    50,
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    '1\r\n \r\n',
  ),
  held(
    '50 connections send a chunk size one digit each half second',
    70,
    50,
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    '0',
  ),
]

/** More than the kernel keeps for a reader that does not come. */
const FILE_BYTES = 3 * 1024 * 1024

const readers: readonly Attack[] = [
  {
    topic: TOPIC,
    name: 'readers ask for a file ten times and take none of it',
    isLong: true,
    run: both(async target => {
      const content = Buffer.alloc(FILE_BYTES, 0x61).toString('base64')
      const made = await ask(target, 'FilesService/CreateFile', { filename: 'large.txt', content })
      const fileId = /file_[0-9a-f-]{36}/.exec(made.body)?.[0] ?? ''
      if (fileId === '') return unless(false, made)
      const message = Buffer.from(JSON.stringify({ fileId }))
      const head = Buffer.alloc(5)
      head.writeUInt32BE(message.length, 1)
      const fields = [...target.pass, ['content-type', 'application/connect+json'] as const]
      const one = http1Bytes({
        path: '/exai.v1.FilesService/DownloadFile',
        fields,
        body: Buffer.concat([head, message]),
      })
      const kept = Buffer.from(one.toString('latin1').replace('Connection: close\r\n', ''), 'latin1')
      const clients = await Promise.all(
        Array.from({ length: 5 }, () => openRaw(target.service.port, { reads: false })),
      )
      for (const client of clients) client.send(Buffer.concat(Array(10).fill(kept)))
      const isOver = await probe(clients, 80_000)
      for (const client of clients) client.socket.destroy()
      return isOver ? [] : [`${target.name}: readers that take nothing are still connected after 80 s`]
    }),
  },
]

/** A socket that does not read learns of its end only by writing. */
async function probe(clients: Awaited<ReturnType<typeof openRaw>>[], limitMs: number): Promise<boolean> {
  const endsAtMs = performance.now() + limitMs
  while (performance.now() < endsAtMs) {
    await sleep(1_000)
    for (const client of clients) if (!client.socket.destroyed) client.send('\r\n')
    if (clients.every(client => client.socket.destroyed)) return true
  }
  return false
}

const large: readonly Attack[] = [
  ...(
    [
      ['a field of 20,000 characters', `X-A: ${'b'.repeat(20_000)}\r\n`],
      ['a field of a million characters', `X-A: ${'b'.repeat(1_000_000)}\r\n`],
      ['5,000 fields', 'X-A: b\r\n'.repeat(5_000)],
      ['5,000 fields of other names', Array.from({ length: 5_000 }, (_, at) => `X-${at}: b\r\n`).join('')],
      ['a name of 20,000 characters', `${'X'.repeat(20_000)}: b\r\n`],
      ['3,000 cookies', 'Cookie: a=b\r\n'.repeat(3_000)],
    ] as const
  ).map(
    ([what, fields]): Attack => ({
      topic: TOPIC,
      name: `a header has ${what}`,
      run: both(async ({ wire }) => {
        const { answers, isEnded } = await wire.bytes([`${HEAD}${fields}Content-Length: 2\r\n\r\n{}`])
        const wrong = answers.filter(({ status }) => status < 400)
        return [
          ...answers.flatMap(insidesIn),
          ...wrong.map(({ status }) => `it was answered ${status}`),
          ...(isEnded ? [] : ['it goes on']),
        ]
      }),
    }),
  ),
  ...[20_000, 1_000_000].map(
    (length): Attack => ({
      topic: TOPIC,
      name: `a target has ${length} characters`,
      run: both(async ({ wire }) => {
        const { answers } = await wire.bytes([
          `GET /${'a'.repeat(length)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        ])
        return answers.flatMap(answer => [...insidesIn(answer), ...unless(answer.status >= 400, answer)])
      }),
    }),
  ),
  {
    topic: TOPIC,
    name: 'a header of HTTP/2 has 17,000 characters',
    run: both(async ({ wire }) =>
      refused(await wire.h2({ path: CHAT, fields: [['x-a', 'b'.repeat(17_000)]] })),
    ),
  },
  {
    topic: TOPIC,
    name: 'one connection sends 2,000 requests without waiting for an answer',
    run: both(async ({ name, wire, service }) => {
      const one = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n'
      const { answers } = await wire.bytes([one.repeat(2_000)])
      const alive = await fetch(`${service.url}/health/live`)
      return [...answers.flatMap(insidesIn), ...(alive.status === 200 ? [] : [`${name} is not alive`])]
    }),
  },
  {
    topic: TOPIC,
    name: '1,500 connections are opened at once and left',
    run: both(async ({ service }) => {
      const clients = await Promise.all(Array.from({ length: 1_500 }, () => openRaw(service.port)))
      const alive = await fetch(`${service.url}/health/live`)
      for (const client of clients) client.socket.resetAndDestroy()
      return alive.status === 200 ? [] : [`it is answered ${alive.status}`]
    }),
  },
  {
    topic: TOPIC,
    name: '500 connections of HTTP/2 ask for a page and leave without reading',
    run: both(async ({ service }) => {
      const clients = await Promise.all(
        Array.from({ length: 500 }, () => openRaw(service.port, { reads: false })),
      )
      for (const client of clients) {
        client.send(Buffer.concat([PREFACE, SETTINGS, requestFrame(1, '/metrics')]))
        client.socket.destroySoon()
      }
      const alive = await fetch(`${service.url}/health/live`)
      return alive.status === 200 ? [] : [`it is answered ${alive.status}`]
    }),
  },
  {
    topic: TOPIC,
    name: 'a stranger sends 40 MiB although it was refused at the header',
    run: async ({ guarded }) => {
      const piece = Buffer.alloc(1024 * 1024, 0x20)
      const { answers } = await guarded.wire.bytes([
        `${HEAD}Content-Length: 41943040\r\n\r\n`,
        ...Array(40).fill(piece),
      ])
      const [answer = { status: 0, headers: {}, body: '' }] = answers
      return refused(answer, 'unauthenticated')
    },
  },
]

/** All of them. */
export const slowAttacks: readonly Attack[] = [...slow, ...readers, ...large]
