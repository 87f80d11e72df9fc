// Writes spans as OTLP's protobuf the moment they end: nothing of a call is kept for its trace, and no batch is walked again.
import { type AttributeWriter, attributeKey, createOtlpWriter, type OtlpWriter } from './otlp-writer.ts'

/** Where a span stands. */
export interface SpanPlace {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  readonly isSampled: boolean
  /** As W3C writes it; empty when there is none. */
  readonly state: string
}

/** What is known of a span that has ended. */
export interface EndedSpan {
  readonly name: string
  /** By their numbers in the protocol. */
  readonly kind: (typeof SPAN_KINDS)[keyof typeof SPAN_KINDS]
  readonly place: SpanPlace
  /** Id of the span above; empty: it is the root of its trace. */
  readonly parentId: string
  /** Whether the span above is another process's. */
  readonly isParentRemote: boolean
  /** In milliseconds since the Unix epoch. */
  readonly startMs: number
  readonly endMs: number
  readonly isError: boolean
  /** Writes what is said of it. */
  attributes(to: AttributeWriter): void
}

/** Whose spans they are. */
export interface SpanOrigin {
  readonly resource: Readonly<Record<string, string>>
  readonly scope: { readonly name: string; readonly version: string }
}

/** Gathers spans. */
export interface SpanEncoder {
  add(span: EndedSpan): void
  /** How many are gathered. */
  count(): number
  /** An ExportTraceServiceRequest with what is gathered, and begins anew. */
  take(): Uint8Array
}

/** Kinds of spans, as opentelemetry/proto/trace/v1/trace.proto counts them. */
export const SPAN_KINDS = { server: 2, client: 3 } as const

// Field numbers and wire types, as in trace.proto, resource.proto and common.proto of opentelemetry/proto.
const TAG = {
  request: 0x0a,
  resource: 0x0a,
  resourceAttribute: 0x0a,
  scopeSpans: 0x12,
  scope: 0x0a,
  scopeName: 0x0a,
  scopeVersion: 0x12,
  span: 0x12,
  traceId: 0x0a,
  spanId: 0x12,
  state: 0x1a,
  parent: 0x22,
  name: 0x2a,
  kind: 0x30,
  start: 0x39,
  end: 0x41,
  attribute: 0x4a,
} as const
/** Field 15 of a span: a status whose field 3 is its code. */
const STATUS_UNSET = Uint8Array.of(0x7a, 0x02, 0x18, 0x00)
const STATUS_ERROR = Uint8Array.of(0x7a, 0x02, 0x18, 0x02)
const FIRST_BYTES = 64 * 1024

/** A tag and a length take this at most. */
const LENGTH_HEAD_BYTES = 10

/** Makes it. */
export function createSpanEncoder(origin: SpanOrigin): SpanEncoder {
  const resource = resourceBytes(origin)
  const scope = scopeBytes(origin)
  const head = createOtlpWriter(resource.length + scope.length + 2 * LENGTH_HEAD_BYTES, TAG.attribute)
  // What stands before the spans depends on how long they are: its place is kept free, so that they need not be copied.
  const free = new Uint8Array(resource.length + scope.length + 2 * LENGTH_HEAD_BYTES)
  const spans = createOtlpWriter(FIRST_BYTES, TAG.attribute)
  let count = 0

  function headOf(bodyBytes: number): Uint8Array {
    const inner = scope.length + bodyBytes
    head.length(TAG.scopeSpans, inner)
    const scopeHead = head.take()
    head.length(TAG.request, resource.length + scopeHead.length + inner)
    for (const part of [resource, scopeHead, scope]) head.raw(part)
    return head.take()
  }

  return {
    add(span) {
      if (count === 0) spans.raw(free)
      const begun = spans.begin(TAG.span)
      writeSpan(spans, span)
      spans.end(begun)
      count += 1
    },
    count: () => count,
    take() {
      if (count === 0) return headOf(0)
      const all = spans.take()
      count = 0
      const before = headOf(all.length - free.length)
      const from = free.length - before.length
      all.set(before, from)
      return all.subarray(from)
    },
  }
}

function writeSpan(to: OtlpWriter, span: EndedSpan): void {
  const { place, parentId } = span
  to.hex(TAG.traceId, place.traceId)
  to.hex(TAG.spanId, place.spanId)
  if (place.state !== '') to.field(TAG.state, place.state)
  if (parentId !== '') to.hex(TAG.parent, parentId)
  to.field(TAG.name, span.name)
  to.byte(TAG.kind)
  to.byte(span.kind)
  to.time(TAG.start, span.startMs)
  to.time(TAG.end, Math.max(span.startMs, span.endMs))
  span.attributes(to)
  to.raw(span.isError ? STATUS_ERROR : STATUS_UNSET)
  to.raw(flagsOf(place.isSampled, span.isParentRemote))
}

/** Field 16, of 32 bits: whether it is sampled, that it is known whether the parent is remote, and whether it is. */
function flagsOf(isSampled: boolean, isRemote: boolean): Uint8Array {
  if (isSampled) return isRemote ? FLAGS.sampledRemote : FLAGS.sampled
  return isRemote ? FLAGS.remote : FLAGS.none
}

const FLAGS = {
  none: Uint8Array.of(0x85, 0x01, 0, 1, 0, 0),
  remote: Uint8Array.of(0x85, 0x01, 0, 3, 0, 0),
  sampled: Uint8Array.of(0x85, 0x01, 1, 1, 0, 0),
  sampledRemote: Uint8Array.of(0x85, 0x01, 1, 3, 0, 0),
} as const

function scopeBytes({ scope }: SpanOrigin): Uint8Array {
  const writer = createOtlpWriter(256, TAG.attribute)
  const begun = writer.begin(TAG.scope)
  writer.field(TAG.scopeName, scope.name)
  writer.field(TAG.scopeVersion, scope.version)
  writer.end(begun)
  return writer.take()
}

function resourceBytes({ resource }: SpanOrigin): Uint8Array {
  const writer = createOtlpWriter(256, TAG.resourceAttribute)
  const begun = writer.begin(TAG.resource)
  for (const [name, value] of Object.entries(resource)) writer.text(attributeKey(name), value)
  writer.end(begun)
  return writer.take()
}
