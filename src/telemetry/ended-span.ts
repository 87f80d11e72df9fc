// A span when it has ended, as OpenTelemetry's exporters read it: made once, when everything is known of it.
import {
  type Attributes,
  type HrTime,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** What is known of a span. */
export interface SpanFacts {
  readonly name: string
  readonly kind: SpanKind
  readonly context: SpanContext
  /** Absent: it is the root of its trace. */
  readonly parent: SpanContext | undefined
  /** By the clock of its call, in milliseconds. */
  readonly startMs: number
  /** By the same clock. */
  readonly endMs: number
  readonly isError: boolean
  readonly attributes: Attributes
}

/** Whose spans they are. */
export interface SpanOrigin {
  readonly resource: Resource
  readonly scope: { readonly name: string; readonly version: string }
}

// They are the same in every span, and nobody writes into them.
const UNSET: SpanStatus = Object.freeze({ code: SpanStatusCode.UNSET })
const ERROR: SpanStatus = Object.freeze({ code: SpanStatusCode.ERROR })
const NONE: never[] = []
Object.freeze(NONE)

/** Makes the span. */
export function endedSpan(facts: SpanFacts, { resource, scope }: SpanOrigin): ReadableSpan {
  const { name, kind, context, parent, startMs, endMs, isError, attributes } = facts
  const span: ReadableSpan & { parentSpanContext?: SpanContext } = {
    name,
    kind,
    spanContext: () => context,
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    status: isError ? ERROR : UNSET,
    attributes,
    links: NONE,
    events: NONE,
    duration: hrTime(Math.max(0, endMs - startMs)),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
  // A copy of the whole with this in it would take most of the time.
  if (parent !== undefined) span.parentSpanContext = parent
  return span
}

/** Seconds and nanoseconds; what a double has of a time in our days is a fraction of a microsecond. */
function hrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000)
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)]
}
