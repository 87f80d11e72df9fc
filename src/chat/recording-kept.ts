// An ended recording as bytes for the disk, so that who asks again after the process has died gets the same answer.
import { clone, create } from '@bufbuild/protobuf'
import { CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { WarningSchema } from '#gen/exai/v1/warning_pb'
import type { RecordedEnd } from '../core/call.ts'
import { GatewayError } from '../core/errors.ts'
import type { WarningInit } from '../core/provider.ts'
import type { EventInit } from './events.ts'
import { endEntry, eventEntry } from './recording-entry.ts'

/** What is kept of a recording. */
export interface KeptRecording {
  /** When the call began, in milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** Until when the id of the answer leads to it, in milliseconds since the Unix epoch; 0: it does not. */
  readonly streamUntil: number
  /** Every entry, the ending last; undefined when it had grown too large to be kept whole. */
  readonly entries: readonly Uint8Array[] | undefined
}

interface Header {
  readonly startedAt: number
  readonly streamUntil: number
  readonly isWhole: boolean
}

// First byte of all; other forms would get other numbers.
const FORM = 1
const LENGTH_BYTES = 4

/** A kept recording as bytes: the form, a JSON header, and the entries, each behind its length. */
export function keptBytes({ startedAt, streamUntil, entries }: KeptRecording): Uint8Array {
  const header: Header = { startedAt, streamUntil, isWhole: entries !== undefined }
  const pieces = [Buffer.from(JSON.stringify(header)), ...(entries ?? [])]
  return Buffer.concat([Uint8Array.of(FORM), ...pieces.flatMap(piece => [lengthOf(piece), piece])])
}

/** Reads what `keptBytes` has made. Throws INTERNAL for a form that it does not know: a newer version wrote it. */
export function keptOf(bytes: Uint8Array): KeptRecording {
  if (bytes[0] !== FORM)
    throw new GatewayError('INTERNAL', 'a newer version of the service kept the recording; run that one')
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pieces: Uint8Array[] = []
  for (let at = 1; at < buffer.byteLength; ) {
    const from = at + LENGTH_BYTES
    at = from + buffer.readUInt32LE(at)
    pieces.push(buffer.subarray(from, at))
  }
  const [first = new Uint8Array(), ...entries] = pieces
  const { startedAt, streamUntil, isWhole }: Header = JSON.parse(Buffer.from(first).toString())
  return { startedAt, streamUntil, entries: isWhole ? entries : undefined }
}

/** What a recording still gets at its end: warnings that nobody has told yet, the last event, and the ending. */
export function lastEntries(
  end: RecordedEnd,
  { events, warnings, more }: Told,
  cancelledBy: string | undefined,
): readonly Uint8Array[] {
  if (end.type === 'failed')
    return [endEntry({ ...end, ...(cancelledBy === undefined ? {} : { cancelledBy }) })]
  const late = (end.response.warnings ?? []).slice(warnings)
  const last: EventInit = { event: { case: 'completed', value: { response: end.response } } }
  const told: readonly EventInit[] = [
    ...late.map((value): EventInit => ({ event: { case: 'warning', value } })),
    withWarnings(last, more),
  ]
  return [
    ...told.map((event, index) => eventEntry(event, events + index + 1)),
    endEntry({ type: 'completed' }),
  ]
}

/** What a recording has told so far. */
export interface Told {
  /** Number of its last event. */
  readonly events: number
  /** Warnings of the answer among them. */
  readonly warnings: number
  /** Warnings of the recording itself: they stand before those of the answer. */
  readonly more: readonly WarningInit[]
}

/** The last event with more warnings before its own; any other event as it is. */
export function withWarnings(event: EventInit, more: readonly WarningInit[]): EventInit {
  if (more.length === 0 || event.event?.case !== 'completed') return event
  const { response } = event.event.value
  if (response === undefined) return event
  const whole = clone(CompleteResponseSchema, create(CompleteResponseSchema, response))
  whole.warnings.unshift(...more.map(warning => create(WarningSchema, warning)))
  return { event: { case: 'completed', value: { response: whole } } }
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32LE(bytes.byteLength)
  return length
}
