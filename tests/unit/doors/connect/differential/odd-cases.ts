// Requests that are not as they should be, and that both ways have to refuse, or take, alike.
import { gzipSync } from 'node:zlib'
import { envelope } from '../raw.ts'
import {
  bytesOf,
  type Case,
  CHAT,
  type Form,
  form,
  framed,
  grpcTypes,
  headersOf,
  methods,
  STREAM,
  UNARY,
  versions,
} from './cases.ts'
import { READ_MAX_BYTES } from './server.ts'

function damaged(one: Form): Readonly<Record<string, readonly Uint8Array[]>> {
  const good = framed(one, bytesOf(one, { model: 'plain', messages: [{}] }))
  const whole = (text: string | Uint8Array): readonly Uint8Array[] => [framed(one, Buffer.from(text))]
  const many = one.isBinary
    ? Buffer.alloc(250_000, Buffer.from([0x12, 0]))
    : `{"stop":[${'"",'.repeat(110_000)}""]}`
  const pieces = Array.from({ length: 3 }, (_, index) =>
    good.subarray(index * 3, index === 2 ? undefined : index * 3 + 3),
  )
  return {
    nothing: [],
    'an empty message': whole(''),
    'no message': whole('\xff\xff'),
    'an unknown field': whole(one.isBinary ? Buffer.from([0xfa, 0x3f, 1, 65]) : '{"modle":"plain"}'),
    'a wrong type': whole(one.isBinary ? Buffer.from([0x08, 1]) : '{"model":7}'),
    'half a message': whole(one.isBinary ? Buffer.from([0x0a, 9, 65]) : '{"model":"pl'),
    'a byte order mark': whole('\ufeff{"model":"plain"}'),
    'text that is no UTF-8': whole(Buffer.from('{"model":"\xff\xfe"}', 'latin1')),
    'too many pieces': whole(many),
    'too large': whole(Buffer.alloc(READ_MAX_BYTES + 1, 32)),
    'just not too large': whole(Buffer.alloc(READ_MAX_BYTES, 32)),
    'in pieces': pieces,
    ...(one.isEnveloped ? misframed(one) : {}),
  }
}

function misframed(one: Form): Readonly<Record<string, readonly Uint8Array[]>> {
  const bytes = bytesOf(one, { model: 'plain' })
  const good = envelope(bytes)
  const head = Buffer.from([0, 0, 0, 0, 9])
  return {
    'half an envelope': [good.subarray(0, 8)],
    'half a prefix': [good.subarray(0, 3)],
    'a prefix alone': [head],
    'two messages': [Buffer.concat([good, good])],
    'a second message later': [good, good],
    'a broken second message': [Buffer.concat([good, envelope(Buffer.from([0xff]))])],
    'a byte too many': [Buffer.concat([good, Buffer.from([0])])],
    'a stray flag': [envelope(gzipSync(bytes), 1)],
    'an end in front': [Buffer.concat([envelope(Buffer.from('{}'), 2), good])],
    'an end behind': [Buffer.concat([good, envelope(Buffer.from('{}'), 2)])],
    'trailers in front': [Buffer.concat([envelope(Buffer.from('a: b\r\n'), 0x80), good])],
    'trailers behind': [Buffer.concat([good, envelope(Buffer.from('a: b\r\n'), 0x80)])],
    'an unknown flag': [envelope(bytes, 4)],
    'a second one too large': [Buffer.concat([good, Buffer.from([0, 0x7f, 0, 0, 0])])],
  }
}

/** Bodies that are not what they should be, or come in an odd way. */
export function oddBodies(): readonly Case[] {
  return versions.flatMap(version =>
    methods.flatMap(({ path, forms }) =>
      forms.flatMap(one => [
        ...Object.entries(damaged(one)).map(([name, body]) => ({
          name: `h${version} ${path} ${one.type} ${name}`,
          version,
          path,
          headers: headersOf(one),
          body,
        })),
        {
          name: `h${version} ${path} ${one.type} a size that is too large, before the rest comes`,
          version,
          path,
          headers: headersOf(one, one.isEnveloped ? {} : { 'content-length': String(READ_MAX_BYTES * 2) }),
          body: [Buffer.from([0, 0x7f, 0, 0, 0])],
          isOpen: true,
        },
      ]),
    ),
  )
}

const oddTypes = [
  ...[
    'text/plain',
    'application/xml',
    'application/JSON',
    'application/connect+json',
    'application/connect+proto',
  ],
  ...[
    'application/json;charset=utf8',
    'application/json; charset=latin1',
    'application/grpc+thrift',
    'application/GRPC',
  ],
  ...[
    'application/grpc-web-text',
    'application/grpc-web-text+proto',
    'application/grpc;x=1',
    'application/proto;x=1',
  ],
  ...['application/connect+xml', 'application/json;charset=utf-8', 'application/connect+json;charset=utf-8'],
]

/** Other content types, verbs, methods and header fields than those that are served directly. */
export function oddHeaders(): readonly Case[] {
  const query = `?connect=v1&encoding=json&message=${encodeURIComponent('{}')}`
  return versions.flatMap(version => {
    const simple = (path: string, type: string, more: Partial<Case> = {}): Case => ({
      name: `h${version} ${more.verb ?? 'POST'} ${path} ${type}`,
      version,
      path,
      headers: headersOf(form(type)),
      body: [framed(form(type), bytesOf(form(type), {}))],
      ...more,
    })
    return [
      ...oddTypes.flatMap(type => [simple(UNARY, type), simple(STREAM, type)]),
      ...['application/json', 'application/connect+json', ...grpcTypes].flatMap(type => [
        ...['GET', 'PUT', 'DELETE'].map(verb => simple(UNARY, type, { verb })),
        ...[
          '/exai.v1.ChatService/Nothing',
          '/a.b.C/D',
          `${UNARY}?a=b`,
          `${CHAT}/CountTokens`,
          `${CHAT}/ListModels`,
        ].map(path => simple(path, type)),
        simple('/exai.v1.FilesService/UploadFile', type),
      ]),
      simple(`${CHAT}/ListModels${query}`, 'application/json', { verb: 'GET' }),
      simple(`${CHAT}/ListModels${query}&compression=gzip`, 'application/json', { verb: 'GET' }),
      simple(UNARY, 'application/json', {
        headers: headersOf(form('application/json'), { origin: 'http://a.example', 'grpc-encoding': 'gzip' }),
      }),
      simple(UNARY, 'application/json', {
        headers: headersOf(form('application/json'), {
          origin: 'http://a.example',
          'x-a': '1',
          'accept-encoding': 'gzip;q=1',
        }),
      }),
    ]
  })
}
