// What a recording is made of, as bytes: the events of a call in their protobuf form, and how the call ended.
import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { type StreamEvent, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteSchema } from '#gen/exai/v1/route_pb'
import { GatewayError, type Origin, type Reason } from '../core/errors.ts'
import type { EventInit } from './events.ts'

/** How a recorded call ended. */
export type Ending =
  | { readonly type: 'completed' }
  | {
      readonly type: 'failed'
      readonly error: GatewayError
      /** Who asked for that, where somebody did: the name that it gave itself. */
      readonly cancelledBy?: string
    }

/** One entry of a recording. The ending is the last one. */
export type Entry =
  | { readonly type: 'event'; readonly event: StreamEvent }
  | { readonly type: 'end'; readonly ending: Ending }

interface KeptError {
  readonly reason: Reason
  readonly message: string
  readonly origin: Origin
  readonly provider?: string
  readonly model?: string
  readonly retryDelayMs?: number
  readonly route?: JsonValue
  readonly cancelledBy?: string
}

// No event begins with this byte: it would be the field number 0, which protobuf does not have.
const END = 0

/** An event as an entry, under its number in the recording. */
export function eventEntry(event: EventInit, sequence: number): Uint8Array {
  return toBinary(StreamEventSchema, create(StreamEventSchema, { ...event, sequence }))
}

/** An ending as an entry. The cause of an error is not kept: it is for the log of the process where it happened. */
export function endEntry(ending: Ending): Uint8Array {
  if (ending.type === 'completed') return Uint8Array.of(END)
  const { error, cancelledBy } = ending
  const { provider, model, retryDelayMs, route } = error.details
  const kept: KeptError = {
    reason: error.reason,
    message: error.message,
    origin: error.origin,
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    ...(route === undefined ? {} : { route: toJson(RouteSchema, route) }),
    ...(cancelledBy === undefined ? {} : { cancelledBy }),
  }
  return Buffer.concat([Uint8Array.of(END), Buffer.from(JSON.stringify(kept))])
}

/** Whether an entry is an ending. */
export function isEnd(bytes: Uint8Array): boolean {
  return bytes[0] === END
}

/** Reads an entry that `eventEntry` or `endEntry` has made. */
export function entryOf(bytes: Uint8Array): Entry {
  if (!isEnd(bytes)) return { type: 'event', event: fromBinary(StreamEventSchema, bytes) }
  if (bytes.byteLength === 1) return { type: 'end', ending: { type: 'completed' } }
  const kept: KeptError = JSON.parse(Buffer.from(bytes.subarray(1)).toString())
  const { reason, message, route, cancelledBy, ...details } = kept
  const error = new GatewayError(reason, message, {
    ...details,
    ...(route === undefined ? {} : { route: fromJson(RouteSchema, route) }),
  })
  return {
    type: 'end',
    ending: { type: 'failed', error, ...(cancelledBy === undefined ? {} : { cancelledBy }) },
  }
}
