// A collector of traces: takes OTLP over HTTP as protobuf on a real socket, decodes it by the wire format, and keeps the spans.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** A span as it came. */
export type CollectedSpan = {
  readonly traceId: string
  readonly spanId: string
  /** Empty: it is the root. */
  readonly parentSpanId: string
  readonly traceState: string
  readonly name: string
  /** 2: server, 3: client (opentelemetry/proto/trace/v1/trace.proto). */
  readonly kind: number
  /** 2: error. */
  readonly status: number
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly durationNanos: bigint
}

/** A running collector. */
export type Collector = {
  /** As OTEL_EXPORTER_OTLP_ENDPOINT wants it. */
  readonly url: string
  spans(): readonly CollectedSpan[]
  /** Attributes of the service, of the last export. */
  resource(): Readonly<Record<string, string | number | boolean>>
  /** Header fields of each export. */
  exports(): readonly IncomingHttpHeaders[]
  /** From now on exports get this status. */
  answer(status: number): void
  close(): Promise<void>
}

type Fields = ReadonlyMap<number, readonly (Uint8Array | bigint | number)[]>

/** Starts it on a free port. */
export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = []
  const seen: IncomingHttpHeaders[] = []
  let resource: Readonly<Record<string, string | number | boolean>> = {}
  let status = 200
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.push(request.headers)
      const isRight =
        request.method === 'POST' &&
        request.url === '/v1/traces' &&
        request.headers['content-type'] === 'application/x-protobuf'
      if (isRight && status === 200) take(Buffer.concat(chunks), request.headers['content-encoding'])
      response.writeHead(isRight ? status : 400, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  function take(body: Buffer, encoding: string | undefined): void {
    const bytes = encoding === 'gzip' ? gunzipSync(body) : body
    // ExportTraceServiceRequest 1 → ResourceSpans 1 resource, 2 → ScopeSpans 2 → Span.
    for (const batch of messages(fieldsOf(bytes), 1)) {
      for (const about of messages(batch, 1)) resource = attributesOf(about, 1)
      for (const scope of messages(batch, 2)) spans.push(...messages(scope, 2).map(spanOf))
    }
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () => spans,
    resource: () => resource,
    exports: () => seen,
    answer: next => {
      status = next
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function spanOf(fields: Fields): CollectedSpan {
  const [status] = messages(fields, 15)
  return {
    traceId: hex(fields, 1),
    spanId: hex(fields, 2),
    parentSpanId: hex(fields, 4),
    traceState: text(fields, 3),
    name: text(fields, 5),
    kind: number(fields, 6),
    status: status === undefined ? 0 : number(status, 3),
    attributes: attributesOf(fields, 9),
    durationNanos: BigInt(number(fields, 8)) - BigInt(number(fields, 7)),
  }
}

/** KeyValue: 1 key, 2 AnyValue of 1 string, 2 bool, 3 int, 4 double. */
function attributesOf(fields: Fields, at: number): Readonly<Record<string, string | number | boolean>> {
  return Object.fromEntries(
    messages(fields, at).map(pair => {
      const [value] = messages(pair, 2)
      if (value === undefined) throw new Error(`the attribute ${text(pair, 1)} has no value`)
      if (value.has(1)) return [text(pair, 1), text(value, 1)]
      if (value.has(2)) return [text(pair, 1), number(value, 2) === 1]
      if (value.has(4)) return [text(pair, 1), number(value, 4)]
      return [text(pair, 1), number(value, 3)]
    }),
  )
}

function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, (Uint8Array | bigint | number)[]>()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    const values = fields.get(field) ?? []
    fields.set(field, values)
    if (type === WireType.LengthDelimited) values.push(reader.bytes())
    else if (type === WireType.Varint) values.push(BigInt(reader.int64()))
    else if (type === WireType.Bit64) values.push(numberOfBits(reader.fixed64(), field))
    else if (type === WireType.Bit32) values.push(reader.fixed32())
    else throw new Error(`a field of wire type ${type}`)
  }
  return fields
}

/** Times are whole numbers; the only double that is sent is the fourth kind of an attribute's value. */
function numberOfBits(bits: bigint | string, field: number): number | bigint {
  if (field !== 4) return BigInt(bits)
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(bits))
  return view.getFloat64(0)
}

function messages(fields: Fields, at: number): readonly Fields[] {
  return (fields.get(at) ?? []).map(value => {
    if (!(value instanceof Uint8Array)) throw new Error(`field ${at} is no message`)
    return fieldsOf(value)
  })
}

function text(fields: Fields, at: number): string {
  const value = fields.get(at)?.at(-1)
  return value instanceof Uint8Array ? Buffer.from(value).toString() : ''
}

function hex(fields: Fields, at: number): string {
  const value = fields.get(at)?.at(-1)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : ''
}

function number(fields: Fields, at: number): number {
  const value = fields.get(at)?.at(-1) ?? 0
  if (value instanceof Uint8Array) throw new Error(`field ${at} is no number`)
  return Number(value)
}
