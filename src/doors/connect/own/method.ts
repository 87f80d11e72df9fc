// A method that is served directly: how its messages are read and written, and what its handler is.
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  type MessageInitShape,
  toJsonString,
} from '@bufbuild/protobuf'
import { Code, ConnectError, type MethodImplSpec } from '@connectrpc/connect'
import { createMethodSerializationLookup } from '@connectrpc/connect/protocol'
import { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { DownloadFileResponseSchema } from '#gen/exai/v1/files_service_pb'
import { COUNTED_FROM_BYTES } from '../../http/json-size.ts'
import { hasTooManyPieces } from '../pieces.ts'
import type { GivenMethod, RouterOptions } from '../router.ts'
import { type InitWriter, initWriter } from './init-json.ts'
import { readJson } from './json.ts'
import type { OwnKind } from './shape.ts'

/** A method that is served directly. */
export interface OwnMethod {
  readonly spec: Extract<MethodImplSpec, { kind: OwnKind }>
  readonly limits: GivenMethod['limits']
  readonly options: RouterOptions
  /** Whether its answers are the events of a chat. */
  readonly isOfEvents: boolean
  /** Whether its answers are the chunks of a file. */
  readonly isOfFile: boolean
  /** Reads a request; undefined for one that is to be refused. */
  parse(bytes: Uint8Array, isBinary: boolean): Message | undefined
  /** Bytes of an answer. Throws what connect-es says when it cannot be written or is too large. */
  binary(answer: MessageInitShape<DescMessage>): Uint8Array
  /** Text of an answer, with its length in bytes. Throws the same. */
  json(answer: MessageInitShape<DescMessage>): JsonText
}

/** A text and its length in bytes of UTF-8. */
export interface JsonText {
  readonly text: string
  readonly sizeBytes: number
}

/** The method as it is served; undefined for one that only connect-es serves, because its client streams. */
export function ownMethodOf({ spec, limits, options }: GivenMethod): OwnMethod | undefined {
  if (spec.kind !== 'unary' && spec.kind !== 'server_streaming') return undefined
  const { method } = spec
  const { jsonOptions, writeMaxBytes } = options
  const codec = createMethodSerializationLookup(method, undefined, jsonOptions, {
    readMaxBytes: limits.readMaxBytes,
    writeMaxBytes,
  })
  const written = codec.getO(true)
  let write: InitWriter<DescMessage> | undefined
  // Made anew for each message, if there are any.
  const writing = jsonOptions.registry === undefined ? undefined : jsonOptions
  return {
    spec,
    limits,
    options,
    isOfEvents: method.output === StreamEventSchema,
    isOfFile: method.output === DownloadFileResponseSchema,
    parse: (bytes, isBinary) => {
      const form = isBinary ? method.input : 'json'
      if (bytes.byteLength >= COUNTED_FROM_BYTES && hasTooManyPieces(bytes, form)) return undefined
      if (bytes.byteLength > limits.readMaxBytes) return undefined
      try {
        if (isBinary) return fromBinary(method.input, bytes)
        const value = readJson(bytes)
        // The codec takes what is JSON, and says itself what is not right in it.
        return value === undefined ? undefined : fromJson(method.input, value as JsonValue, jsonOptions)
      } catch {
        // Whoever takes over reads it once more, and says what is wrong.
        return undefined
      }
    },
    binary: answer => written.serialize(create(method.output, answer)),
    json: answer => {
      // Made for the first answer: most methods are hardly ever asked.
      write ??= initWriter<DescMessage>(method.output)
      const known = write(answer)
      const text = known ?? textOf(method.output, create(method.output, answer), writing)
      const sizeBytes = Buffer.byteLength(text)
      // It says so itself.
      if (sizeBytes > writeMaxBytes) codec.getO(false).serialize(create(method.output, answer))
      return { text, sizeBytes }
    },
  }
}

function textOf(
  schema: DescMessage,
  message: Message,
  options: RouterOptions['jsonOptions'] | undefined,
): string {
  try {
    return toJsonString(schema, message, options)
  } catch (error) {
    throw ConnectError.from(error, Code.Internal)
  }
}
