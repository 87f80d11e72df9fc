// The calls that run, and the last ones that have ended: bounded by number and by bytes. Nothing of it is kept on disk.
import type { CallRecord, EventSink } from '../core/gateway-event.ts'
import { createSlots } from '../core/slots.ts'

/** A call that can be looked at while it runs. */
export interface RunningCall {
  readonly method: string
  /** Where it is kept; for the recent calls alone. */
  slot?: number | undefined
  record(): CallRecord
}

/** A call in the order in which calls began. */
export interface RecentCall {
  /** Rises from call to call. */
  readonly place: number
  readonly record: CallRecord
}

/** The recent calls. */
export interface RecentCalls {
  /** It is known who calls. */
  began(call: RunningCall): void
  /** Nothing of the call runs any more. */
  ended(call: RunningCall): void
  /** Those that run and those that have ended, as they are now, in no order. */
  all(): readonly RecentCall[]
  /** About how much memory those that have ended take, in bytes. */
  sizeBytes(): number
}

/** What they are kept with. */
export interface RecentCallsDeps {
  /** Hears of each call that begins or ends. */
  readonly onEvent: EventSink
  /** How many ended ones are kept. */
  readonly endedMax?: number
  /** About how much memory they may take, in bytes. */
  readonly bytesMax?: number
  /** Gives a call its place, which rises from call to call. Default: counts up from 1. */
  readonly newPlace?: () => number
}

const ENDED_MAX = 10_000
const BYTES_MAX = 32 * 1024 * 1024

// Reading what happens must not fill what is read.
const READS: ReadonlySet<string> = new Set(
  ['GetStatus', 'WatchStatus', 'WatchEvents', 'GetUsage', 'ListRequests'].map(
    name => `exai.v1.MonitoringService/${name}`,
  ),
)

/** Begins without any. */
export function createRecentCalls(deps: RecentCallsDeps): RecentCalls {
  let last = 0
  const counted = (): number => {
    last += 1
    return last
  }
  const { onEvent, endedMax = ENDED_MAX, bytesMax = BYTES_MAX, newPlace = counted } = deps
  const running = createSlots<{ readonly call: RunningCall; readonly place: number }>()
  const ended = createRing(endedMax, bytesMax)

  return {
    began(call) {
      if (READS.has(call.method)) return
      call.slot = running.add({ call, place: newPlace() })
      onEvent(new StartedEvent(call))
    },
    ended(call) {
      if (READS.has(call.method)) return
      const record = call.record()
      const began = call.slot === undefined ? undefined : running.take(call.slot)
      call.slot = undefined
      const place = began?.place ?? newPlace()
      ended.add(place, record)
      onEvent({ type: 'request.ended', request: record })
    },
    all: () => [
      ...running.all().map(({ call, place }) => ({ place, record: call.record() })),
      ...ended.all(),
    ],
    sizeBytes: ended.sizeBytes,
  }
}

/** The last records: columns that are written again from their beginning, so that a record is the only object that it costs. */
function createRing(countMax: number, bytesMax: number) {
  const records: (CallRecord | undefined)[] = []
  const places: number[] = []
  const sizes: number[] = []
  /** How many were ever added, and how many of them have gone. */
  let added = 0
  let gone = 0
  let bytes = 0

  function drop(): void {
    const at = gone % countMax
    bytes -= sizes[at] ?? 0
    records[at] = undefined
    gone += 1
  }

  return {
    add(place: number, record: CallRecord): void {
      if (added - gone >= countMax) drop()
      const at = added % countMax
      const size = sizeOf(record)
      records[at] = record
      places[at] = place
      sizes[at] = size
      added += 1
      bytes += size
      while (bytes > bytesMax && added - gone > 1) drop()
    },
    all(): readonly RecentCall[] {
      const all: RecentCall[] = []
      for (let index = gone; index < added; index += 1) {
        const at = index % countMax
        const record = records[at]
        if (record !== undefined) all.push({ place: places[at] ?? 0, record })
      }
      return all
    },
    sizeBytes: () => bytes,
  }
}

// Most beginnings are read by nobody: how the call was then is told to whoever asks for it first, which is at once.
// A class, because V8 makes a hidden class of its own for each object whose literal has a getter, and that one keeps all that
// the getter sees until the whole heap is collected.
class StartedEvent {
  readonly type = 'request.started'
  readonly #call: RunningCall
  #record: CallRecord | undefined = undefined

  constructor(call: RunningCall) {
    this.#call = call
  }

  get request(): CallRecord {
    this.#record ??= this.#call.record()
    return this.#record
  }
}

// What V8 takes for such objects, measured on Node 26 and rounded up; texts are counted as if each character took two bytes.
const BYTES = { call: 520, attempt: 340, skip: 80, usage: 150, cost: 150, line: 120 } as const

function sizeOf(record: CallRecord): number {
  const { route, usage, cost } = record
  let bytes: number = BYTES.call + ownTextBytes(record)
  for (const attempt of route?.attempts ?? []) bytes += BYTES.attempt + textBytes(attempt)
  for (const skip of route?.skipped ?? []) bytes += BYTES.skip + textBytes(skip)
  if (usage !== undefined) bytes += BYTES.usage
  if (cost !== undefined) bytes += BYTES.cost + cost.lines.length * BYTES.line
  return bytes + 2 * ((route?.requestedModel?.length ?? 0) + (route?.reason?.length ?? 0))
}

/** Of a record itself; one by one, since a walk over its names costs as much as the record. */
function ownTextBytes(record: CallRecord): number {
  const { requestId, responseId, method, door, tenant, keyId, keyLabel, user, conversationId } = record
  const { stand, error = '', origin = '', provider, model } = record
  const ids = requestId.length + responseId.length + keyId.length + conversationId.length
  const names = method.length + door.length + tenant.length + keyLabel.length + user.length
  return 2 * (ids + names + stand.length + error.length + origin.length + provider.length + model.length)
}

function textBytes(holder: object): number {
  let characters = 0
  for (const name in holder) {
    const value: unknown = Reflect.get(holder, name)
    if (typeof value === 'string') characters += value.length
  }
  return 2 * characters
}
