// The requests that both ways have to answer alike.
import { gzipSync } from 'node:zlib'
import { create, type MessageInitShape, toBinary, toJsonString } from '@bufbuild/protobuf'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { envelope } from '../raw.ts'
import type { RawRequest } from './client.ts'
import { READ_MAX_BYTES } from './server.ts'

/** A request with what it is about. */
export type Case = RawRequest & { readonly name: string }

/** The chat service. */
export const CHAT = '/exai.v1.ChatService'
/** A method with one answer. */
export const UNARY = `${CHAT}/Complete`
/** A method whose answer is a stream. */
export const STREAM = `${CHAT}/StreamComplete`
/** HTTP/1.1 and HTTP/2. */
export const versions = [1, 2] as const

/** How messages of one content type are written. */
export type Form = { readonly type: string; readonly isBinary: boolean; readonly isEnveloped: boolean }

/** The form of a content type. */
export function form(type: string): Form {
  return {
    type,
    isBinary: !type.includes('json'),
    isEnveloped: type.startsWith('application/grpc') || type.startsWith('application/connect+'),
  }
}

/** Content types of gRPC and gRPC-Web. */
export const grpcTypes = [
  'application/grpc',
  'application/grpc+proto',
  'application/grpc+json',
  'application/grpc-web',
  'application/grpc-web+proto',
  'application/grpc-web+json',
]
const unaryForms = [
  ...grpcTypes,
  'application/json',
  'application/json; charset=utf-8',
  'application/proto',
].map(form)
const streamForms = [...grpcTypes, 'application/connect+json', 'application/connect+proto'].map(form)
/** Both methods, and the forms in which each is called. */
export const methods = [
  { path: UNARY, forms: unaryForms },
  { path: STREAM, forms: streamForms },
] as const

/** A request in a form. */
export function bytesOf(
  { isBinary }: Form,
  init: MessageInitShape<typeof CompleteRequestSchema>,
): Uint8Array {
  const message = create(CompleteRequestSchema, init)
  return isBinary
    ? toBinary(CompleteRequestSchema, message)
    : Buffer.from(toJsonString(CompleteRequestSchema, message))
}

/** A message as its form frames it. */
export function framed({ isEnveloped }: Form, bytes: Uint8Array): Uint8Array {
  return isEnveloped ? envelope(bytes) : bytes
}

/** The fields of a compression, each protocol's own. */
function fieldsOf(
  { type, isEnveloped }: Form,
  kind: 'accept' | 'send',
  name: string,
): Record<string, string> {
  const prefix = type.startsWith('application/grpc') ? 'grpc-' : isEnveloped ? 'connect-' : ''
  if (kind === 'accept') return { [`${prefix}accept-encoding`]: name }
  return {
    [prefix === 'connect-'
      ? 'connect-content-encoding'
      : prefix === ''
        ? 'content-encoding'
        : `${prefix}encoding`]: name,
  }
}

/** The header of every request. */
export function headersOf({ type }: Form, more: Record<string, string> = {}): Record<string, string> {
  return { 'content-type': type, 'x-request-id': 'r1', te: 'trailers', ...more }
}

const unaryModels = [
  'plain',
  'empty',
  'large',
  'fields',
  'heads',
  'refused',
  'broken',
  'fault',
  'foreign',
  'half',
]
const streamModels = [
  ...['plain', 'paced', 'empty', 'large', 'fields', 'refused', 'broken', 'fault', 'foreign', 'half'],
  ...['at once refused', 'at once broken', 'at once fault', 'at once foreign'],
  ...['in pairs plain', 'in pairs large', 'in pairs paced', 'in pairs empty', 'in pairs refused'],
]

// Of an answer in an envelope that it cannot write connect-es alone tells what is wrong, and nobody else: see the test of that.
function modelsOf(path: string, { isEnveloped }: Form): readonly string[] {
  const models = path === UNARY ? unaryModels : streamModels
  return isEnveloped ? models : [...models, 'unwritable']
}

/** Requests as they should be, with every way in which the handler may go on. */
export function wellFormed(): readonly Case[] {
  return versions.flatMap(version =>
    methods.flatMap(({ path, forms }) =>
      forms.flatMap(one =>
        modelsOf(path, one).flatMap(model =>
          ['', 'br, gzip'].map(accept => ({
            name: `h${version} ${path} ${one.type} ${model} accept "${accept}"`,
            version,
            path,
            headers: headersOf(one, accept === '' ? {} : fieldsOf(one, 'accept', accept)),
            body: [framed(one, bytesOf(one, { model, messages: [{}] }))],
          })),
        ),
      ),
    ),
  )
}

/** Requests that are packed, or say so. */
export function packed(): readonly Case[] {
  return versions.flatMap(version =>
    methods.flatMap(({ path, forms }) =>
      forms.flatMap(one => {
        const bytes = bytesOf(one, { model: 'large' })
        const zipped = gzipSync(bytes)
        const wrong = gzipSync(bytes).fill(7, 12)
        const bodies = {
          gzip: one.isEnveloped ? envelope(zipped, 1) : zipped,
          'gzip that is not needed': one.isEnveloped ? envelope(bytes) : zipped,
          'gzip that is broken': one.isEnveloped ? envelope(wrong, 1) : wrong,
          'gzip of too much': one.isEnveloped
            ? envelope(gzipSync(Buffer.alloc(READ_MAX_BYTES + 1)), 1)
            : gzipSync(Buffer.alloc(READ_MAX_BYTES + 1)),
        }
        const sent = [
          ...Object.entries(bodies).map(([name, body]) => ({ name, body, encoding: 'gzip' })),
          { name: 'br', body: framed(one, bytes), encoding: 'br' },
          { name: 'identity', body: framed(one, bytes), encoding: 'identity' },
          { name: 'identity with a flag', body: envelope(zipped, 1), encoding: 'identity' },
        ]
        return sent.map(({ name, body, encoding }) => ({
          name: `h${version} ${path} ${one.type} ${name}`,
          version,
          path,
          headers: headersOf(one, fieldsOf(one, 'send', encoding)),
          body: [body],
        }))
      }),
    ),
  )
}

/** Time-outs, of calls that answer at once and of such that never do. */
export function timeOuts(): readonly Case[] {
  const given = [
    ['5000', '5S', 'plain'],
    ['9999999999', '99999999H', 'plain'],
    ['20', '20m', 'slow'],
    ['0', '0n', 'slow'],
    ['soon', '1 hour', 'plain'],
    ['99999999999', '999999999S', 'plain'],
    ['', '', 'plain'],
  ] as const
  return versions.flatMap(version =>
    methods.flatMap(({ path, forms }) =>
      forms.flatMap(one =>
        given.map(([connect, grpc, model]) => {
          const isGrpc = one.type.startsWith('application/grpc')
          const value = isGrpc ? grpc : connect
          return {
            name: `h${version} ${path} ${one.type} ${model} within "${value}"`,
            version,
            path,
            headers: headersOf(one, { [isGrpc ? 'grpc-timeout' : 'connect-timeout-ms']: value }),
            body: [framed(one, bytesOf(one, { model }))],
          }
        }),
      ),
    ),
  )
}
