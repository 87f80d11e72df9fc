// Reads OTLP's traces by their schema into plain objects, so that what two writers wrote can be compared field by field.
import { BinaryReader } from '@bufbuild/protobuf/wire'

type Kind = 'text' | 'hex' | 'bytes' | 'int' | 'uint' | 'bool' | 'double' | 'fixed64' | 'fixed32'
type Field = readonly [name: string, type: Kind | (() => Schema), isList?: 'list']
type Schema = Readonly<Record<number, Field>>

// opentelemetry/proto/common/v1/common.proto
const anyValue: Schema = {
  1: ['text', 'text'],
  2: ['bool', 'bool'],
  3: ['int', 'int'],
  4: ['double', 'double'],
}
const keyValue: Schema = { 1: ['key', 'text'], 2: ['value', () => anyValue] }
const scope: Schema = { 1: ['name', 'text'], 2: ['version', 'text'] }
// opentelemetry/proto/trace/v1/trace.proto; what spans of ours cannot have is read as bytes.
const span: Schema = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  3: ['traceState', 'text'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'text'],
  6: ['kind', 'uint'],
  7: ['start', 'fixed64'],
  8: ['end', 'fixed64'],
  9: ['attributes', () => keyValue, 'list'],
  10: ['droppedAttributes', 'uint'],
  11: ['events', 'bytes'],
  12: ['droppedEvents', 'uint'],
  13: ['links', 'bytes'],
  14: ['droppedLinks', 'uint'],
  15: ['status', () => ({ 2: ['message', 'text'], 3: ['code', 'uint'] })],
  16: ['flags', 'fixed32'],
}
const resource: Schema = {
  1: ['attributes', () => keyValue, 'list'],
  2: ['droppedAttributes', 'uint'],
}
const scopeSpans: Schema = {
  1: ['scope', () => scope],
  2: ['spans', () => span, 'list'],
  3: ['schemaUrl', 'text'],
}
const resourceSpans: Schema = {
  1: ['resource', () => resource],
  2: ['scopeSpans', () => scopeSpans, 'list'],
  3: ['schemaUrl', 'text'],
}
const request: Schema = { 1: ['resourceSpans', () => resourceSpans, 'list'] }

/** Reads an ExportTraceServiceRequest. A number of zero is as good as absent; an unknown field throws. */
export function readTraces(bytes: Uint8Array): unknown {
  return read(bytes, request)
}

function read(bytes: Uint8Array, schema: Schema): Readonly<Record<string, unknown>> {
  const reader = new BinaryReader(bytes)
  const message: Record<string, unknown> = {}
  while (reader.pos < reader.len) {
    const [number] = reader.tag()
    const field = schema[number]
    if (field === undefined) throw new Error(`no field ${number} is known`)
    const [name, type, isList] = field
    const value = typeof type === 'string' ? scalar(reader, type) : read(reader.bytes(), type())
    if (isList === 'list') message[name] = [...(Array.isArray(message[name]) ? message[name] : []), value]
    else if (type === 'uint' && value === 0) delete message[name]
    else message[name] = value
  }
  return message
}

function scalar(reader: BinaryReader, kind: Kind): unknown {
  switch (kind) {
    case 'text':
      return Buffer.from(reader.bytes()).toString()
    case 'hex':
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('hex')
    case 'int':
      return BigInt(reader.int64())
    case 'uint':
      return reader.uint32()
    case 'bool':
      return reader.bool()
    case 'double':
      return reader.double()
    case 'fixed64':
      return BigInt(reader.fixed64())
    case 'fixed32':
      return reader.fixed32()
    default:
      return kind satisfies never
  }
}
