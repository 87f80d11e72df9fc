// Bodies that are too large, too deep, packed too well, or not what they say.
import { gzipSync } from 'node:zlib'
import type { Answer } from '../answer.ts'
import { ask, bearable, chatBody, jsonOf, refused } from '../asking.ts'
import { type Attack, insidesIn, unless } from '../attack.ts'
import { HONEST_MODEL, type Stage, type Target } from '../stage.ts'
import type { Field } from '../wire.ts'

const TOPIC = 'bodies'
const CHAT = '/exai.v1.ChatService/Complete'

const both = (name: string, run: (target: Target, stage: Stage) => Promise<readonly string[]>): Attack => ({
  topic: TOPIC,
  name,
  run: async stage => {
    const found = await Promise.all(
      [stage.open, stage.guarded].map(async target =>
        (await run(target, stage)).map(problem => `${target.name}: ${problem}`),
      ),
    )
    return found.flat()
  },
})

/** A message of gRPC or of a Connect stream; its length may be a lie. */
function envelope(flags: number, data: Uint8Array, length = data.length): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flags, 0)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, data])
}

// Made once, when the first attack wants it: a gibibyte takes seconds to pack.
const bombs = new Map<number, Buffer>()
function bomb(mebibytes: number): Buffer {
  const made = bombs.get(mebibytes) ?? gzipSync(Buffer.alloc(mebibytes * 1024 * 1024, 0x20), { level: 1 })
  bombs.set(mebibytes, made)
  return made
}

const type = (text: string): Field => ['content-type', text]
const GRPC: readonly Field[] = [type('application/grpc'), ['te', 'trailers']]

/** Whether a call was refused, in whatever protocol. */
function isRefused({ status, headers, body }: Answer): boolean {
  const grpc = headers['grpc-status']
  if (grpc !== undefined) return grpc !== '0'
  return status >= 400 || /grpc-status: ?[1-9]|"error":\{"code"/.test(body)
}

const denied = (answer: Answer): readonly string[] => [
  ...insidesIn(answer),
  ...unless(answer.status > 0 && isRefused(answer), answer),
]

const packed: readonly Attack[] = [
  both('a Connect request of 100 MiB is packed into 450 KB', async ({ wire, pass }) =>
    denied(
      await wire.h1({
        path: CHAT,
        fields: [...pass, type('application/json'), ['content-encoding', 'gzip']],
        body: bomb(100),
      }),
    ),
  ),
  both('a gRPC message of 100 MiB is packed', async ({ wire, pass }) =>
    denied(
      await wire.h2({
        path: CHAT,
        fields: [...pass, ...GRPC, ['grpc-encoding', 'gzip']],
        body: envelope(1, bomb(100)),
      }),
    ),
  ),
  both('a message of 100 MiB is packed into a Connect stream', async ({ wire, pass }) => {
    const fields: readonly Field[] = [
      ...pass,
      type('application/connect+json'),
      ['connect-content-encoding', 'gzip'],
    ]
    return denied(
      await wire.h1({ path: '/exai.v1.ChatService/StreamComplete', fields, body: envelope(1, bomb(100)) }),
    )
  }),
  both('ten messages of 100 MiB are packed into one upload', async ({ wire, pass }) => {
    const fields: readonly Field[] = [...pass, ...GRPC, ['grpc-encoding', 'gzip']]
    const message = envelope(1, bomb(100))
    return denied(
      await wire.h2({
        path: '/exai.v1.FilesService/UploadFile',
        fields,
        body: Buffer.concat(Array(10).fill(message)),
      }),
    )
  }),
  both('what is packed is packed once more', async ({ wire, pass }) =>
    denied(
      await wire.h1({
        path: CHAT,
        fields: [...pass, type('application/json'), ['content-encoding', 'gzip']],
        body: gzipSync(bomb(100)),
      }),
    ),
  ),
  both('packed bytes are broken', async ({ wire, pass }) =>
    denied(
      await wire.h1({
        path: CHAT,
        fields: [...pass, type('application/json'), ['content-encoding', 'gzip']],
        body: bomb(1).subarray(0, 500),
      }),
    ),
  ),
  both('bytes say that they are packed, and are not', async ({ wire, pass }) =>
    denied(
      await wire.h1({
        path: CHAT,
        fields: [...pass, type('application/json'), ['content-encoding', 'gzip']],
        body: '{}',
      }),
    ),
  ),
  ...['br', 'deflate', 'gzip, gzip', 'identity, gzip', 'x-gzip', '__proto__', 'constructor'].map(coding =>
    both(`a body is packed by ${coding}`, async ({ wire, pass }) =>
      denied(
        await wire.h1({
          path: CHAT,
          fields: [...pass, type('application/json'), ['content-encoding', coding]],
          body: bomb(1),
        }),
      ),
    ),
  ),
]

const framedMessages: readonly Attack[] = [
  both('a gRPC message says that it has 4 GiB', async ({ wire, pass }) =>
    denied(
      await wire.h2({
        path: CHAT,
        fields: [...pass, ...GRPC],
        body: envelope(0, Buffer.alloc(10), 0xffff_ffff),
      }),
    ),
  ),
  both('a gRPC message is packed without a word of how', async ({ wire, pass }) =>
    denied(await wire.h2({ path: CHAT, fields: [...pass, ...GRPC], body: envelope(1, Buffer.alloc(10)) })),
  ),
  both('a gRPC message has flags that do not exist', async ({ wire, pass }) =>
    denied(await wire.h2({ path: CHAT, fields: [...pass, ...GRPC], body: envelope(0x7e, Buffer.alloc(10)) })),
  ),
  both('a gRPC call has two messages where there is one', async ({ wire, pass }) =>
    denied(
      await wire.h2({
        path: CHAT,
        fields: [...pass, ...GRPC],
        body: Buffer.concat([envelope(0, Buffer.alloc(0)), envelope(0, Buffer.alloc(0))]),
      }),
    ),
  ),
  both('a gRPC message ends early', async ({ wire, pass }) =>
    denied(
      await wire.h2({ path: CHAT, fields: [...pass, ...GRPC], body: envelope(0, Buffer.alloc(10), 100) }),
    ),
  ),
  both('a request says that it has a terabyte', async ({ wire, pass }) => {
    const fields: readonly Field[] = [...pass, type('application/json'), ['content-length', '1099511627776']]
    return denied(await wire.h1({ path: CHAT, fields, body: '{' }))
  }),
  both('a request has 6 MiB', async (target, stage) =>
    refused(
      await ask(target, 'ChatService/Complete', chatBody(stage, { user: 'x'.repeat(6 * 1024 * 1024) })),
    ),
  ),
]

const wide = (bytes: readonly number[]): Buffer => Buffer.from(bytes)

/** What stands before the bytes of a protobuf field: its number and their length. */
function fieldHead(number: number, length: number): Buffer {
  const varint: number[] = []
  for (let left = length; ; left = Math.floor(left / 128)) {
    varint.push(left < 128 ? left : (left % 128) + 128)
    if (left < 128) return wide([(number << 3) | 2, ...varint])
  }
}

const field = (number: number, data: Uint8Array): Buffer =>
  Buffer.concat([fieldHead(number, data.length), data])

/** A tool result in a tool result, and so on, as deep as wanted. */
function nested(depth: number): Buffer {
  const text = field(1, Buffer.from('x'))
  const heads: Buffer[] = []
  let length = text.length
  // From the inside out: a part of a tool result, that in a part; at last a part of a message, that in a request.
  for (const number of [...Array.from({ length: depth }, () => [2, 5]).flat(), 2, 2]) {
    const head = fieldHead(number, length)
    heads.push(head)
    length += head.length
  }
  return Buffer.concat([...heads.reverse(), text])
}

const binary: readonly (readonly [name: string, bytes: () => Uint8Array])[] = [
  ['a text that is no UTF-8', () => field(1, wide([0xff, 0xfe, 0xc0, 0xaf]))],
  ['half a surrogate in a text', () => field(1, wide([0xed, 0xa0, 0x80]))],
  ['a tool result nested 5,000 deep', () => nested(5_000)],
  ['a tool result nested 60,000 deep', () => nested(60_000)],
  ['a field longer than the message', () => wide([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  ['a number that never ends', () => Buffer.alloc(1_000, 0xff)],
  ['a field of number 0', () => wide([0x00, 0x00])],
  ['a wire type that does not exist', () => wide([0x0f, 0x00])],
  ['a group that is not closed', () => Buffer.alloc(20_000, 0x0b)],
  ['a million empty messages', () => Buffer.alloc(2_000_000, Buffer.from([0x12, 0x00]))],
]

const protobufs: readonly Attack[] = binary.map(([name, bytes]) =>
  both(`a protobuf message has ${name}`, async ({ wire, pass }) => {
    const body = bytes()
    return [
      ...denied(await wire.h1({ path: CHAT, fields: [...pass, type('application/proto')], body })),
      ...denied(await wire.h2({ path: CHAT, fields: [...pass, ...GRPC], body: envelope(0, body) })),
    ]
  }),
)

const deep = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth)
const options = (text: string): string =>
  `{"model":"${HONEST_MODEL}","messages":[{"role":"ROLE_USER","content":[{"text":"x"}]}],"providerOptions":{"*":{"x":${text}}}}`

const texts: readonly (readonly [name: string, body: string | Uint8Array])[] = [
  ['lists nested 1,000 deep', options(deep('[', ']', 1_000))],
  ['lists nested 100,000 deep', options(deep('[', ']', 100_000))],
  ['objects nested 100,000 deep', options(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)],
  ['a million brackets that are not closed', '['.repeat(1_000_000)],
  [
    'a tool schema nested 50,000 deep',
    `{"model":"${HONEST_MODEL}","messages":[{"role":"ROLE_USER","content":[{"text":"x"}]}],"tools":[{"name":"a","parameters":${`{"type":"object","properties":{"a":`.repeat(50_000)}{}${'}}'.repeat(50_000)}}]}`,
  ],
  [
    'a tool result nested 20,000 deep',
    `{"model":"${HONEST_MODEL}","messages":[{"role":"ROLE_TOOL","content":[${'{"toolResult":{"callId":"a","content":['.repeat(20_000)}{"text":"x"}${']}}'.repeat(20_000)}]}]}`,
  ],
  ['200,000 keys', `{${Array.from({ length: 200_000 }, (_, at) => `"k${at}":1`).join(',')}}`],
  ['a number of a million digits', options('9'.repeat(1_000_000))],
  ['a number beyond all numbers', options('1e999999')],
  ['a key twice', '{"model":"sandbox","model":"honest","messages":[]}'],
  [
    'bytes that are no UTF-8',
    Buffer.concat([Buffer.from('{"model":"'), wide([0xff, 0xfe, 0xc0, 0xaf]), Buffer.from('"}')]),
  ],
  ['half a surrogate pair', `{"model":"\\ud800","messages":[]}`],
  ['a NUL', `{"model":"a\u0000b","messages":[]}`],
  ['an escaped NUL', `{"model":"a\\u0000b","messages":[{"role":"ROLE_USER","content":[{"text":"x"}]}]}`],
  ['the mark of UTF-16', Buffer.from('\ufeff{"model":"x"}', 'utf16le')],
  ['a mark of UTF-8 and nothing', Buffer.from('\ufeff')],
  ['nothing', ''],
  ['null', 'null'],
  ['a text', '"x"'],
  ['NaN', '{"temperature":NaN}'],
  ['an enum beyond all numbers', '{"reasoningEffort":99999999999999999999}'],
  ['a duration of all time', '{"resumeWindow":"999999999999999999999s"}'],
]

const jsons: readonly Attack[] = texts.map(([name, body]) =>
  both(`a JSON message has ${name}`, async ({ wire, pass }) => {
    const answer = await wire.h1({ path: CHAT, fields: [...pass, type('application/json')], body })
    // Options for providers may be anything that JSON can say: those are the provider's to judge.
    return Buffer.from(body).includes('providerOptions')
      ? bearable(answer)
      : refused(answer, 'invalid_argument', 'not_found', 'resource_exhausted')
  }),
)

const wrongTypes: readonly Attack[] = [
  '',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json\u00e9',
  'application/grpc+json2',
  'application/connect+xml',
  '__proto__',
].map(given =>
  both(`a chat is sent as ${JSON.stringify(given)}`, async ({ wire, pass }, stage) => {
    const answer = await wire.h1({ path: CHAT, fields: [...pass, type(given)], body: chatBody(stage) })
    return [...denied(answer), ...(jsonOf(answer)['code'] === 'internal' ? ['it is a fault of ours'] : [])]
  }),
)

/** All of them. */
export const bodyAttacks: readonly Attack[] = [
  ...packed,
  ...framedMessages,
  ...protobufs,
  ...jsons,
  ...wrongTypes,
]
