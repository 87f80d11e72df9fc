// The last five minutes of calls in slots of five seconds: rates, quantiles, errors, tokens and money.
import { RequestRecord_Outcome as Outcome, type RequestRecord } from '#gen/exai/v1/event_pb'
import { milliseconds } from './format.ts'
import { createHistogram, type Histogram, quantile, record } from './histogram.ts'

/** The width of a slot in milliseconds. */
export const SLOT_MS = 5_000
/** How many slots are kept, the running one included. */
export const SLOTS = 60
const MINUTE_SLOTS = 60_000 / SLOT_MS

interface Slot {
  readonly index: number
  calls: number
  failed: number
  tokens: number
  nanoUsd: number
  readonly latency: Histogram
  readonly firstToken: Histogram
}

/** Sums of a stretch of time. */
export interface Sums {
  readonly calls: number
  readonly failed: number
  readonly tokens: number
  readonly nanoUsd: number
  /** The length of the stretch that has really passed, in seconds. */
  readonly seconds: number
  readonly latency: Quantiles
  readonly firstToken: Quantiles
}

/** Two quantiles in milliseconds; undefined when nothing was measured. */
export interface Quantiles {
  readonly p50: number | undefined
  readonly p95: number | undefined
}

/** What a chart shows: one value per slot, null where nothing was measured. */
export interface Lines {
  /** The ends of the slots, in seconds since 1970. */
  readonly times: readonly number[]
  readonly ok: readonly number[]
  readonly failed: readonly number[]
  readonly p50: readonly (number | null)[]
  readonly p95: readonly (number | null)[]
  readonly firstP50: readonly (number | null)[]
  readonly firstP95: readonly (number | null)[]
  readonly tokens: readonly number[]
  readonly nanoUsd: readonly number[]
}

/** The recent past. */
export interface History {
  /** Counts an ended call, once per request id. False: it was counted before, or ended too long ago. */
  add(call: RequestRecord, nowMs: number): boolean
  /** Sums of the last minute. */
  minute(nowMs: number): Sums
  /** Sums of all five minutes. */
  all(nowMs: number): Sums
  lines(nowMs: number): Lines
}

/** Makes an empty history. */
export function createHistory(): History {
  const slots = new Map<number, Slot>()
  const counted = new Map<string, number>()

  const forget = (nowIndex: number): void => {
    for (const index of slots.keys()) if (index <= nowIndex - SLOTS) slots.delete(index)
    for (const [id, index] of counted) if (index <= nowIndex - SLOTS) counted.delete(id)
  }
  const slotAt = (index: number): Slot => {
    const there = slots.get(index)
    if (there !== undefined) return there
    const made = emptySlot(index)
    slots.set(index, made)
    return made
  }
  const recent = (nowMs: number, wanted: number): readonly Slot[] => {
    const nowIndex = Math.floor(nowMs / SLOT_MS)
    return [...slots.values()].filter(({ index }) => index > nowIndex - wanted && index <= nowIndex)
  }
  const sums = (nowMs: number, wanted: number): Sums => {
    const found = recent(nowMs, wanted)
    const add = (pick: (slot: Slot) => number): number => found.reduce((sum, slot) => sum + pick(slot), 0)
    return {
      calls: add(slot => slot.calls),
      failed: add(slot => slot.failed),
      tokens: add(slot => slot.tokens),
      nanoUsd: add(slot => slot.nanoUsd),
      seconds: ((wanted - 1) * SLOT_MS + (nowMs % SLOT_MS)) / 1000,
      latency: quantilesOf(found.map(slot => slot.latency)),
      firstToken: quantilesOf(found.map(slot => slot.firstToken)),
    }
  }
  return {
    add(call, nowMs) {
      const { requestId, startTime, duration, outcome } = call
      if (startTime === undefined || duration === undefined || outcome === Outcome.RUNNING) return false
      const nowIndex = Math.floor(nowMs / SLOT_MS)
      // A clock that is a little ahead must not put a call into a future that is not drawn.
      const endMs = Math.min(nowMs, milliseconds(startTime) + milliseconds(duration))
      const index = Math.floor(endMs / SLOT_MS)
      if (index <= nowIndex - SLOTS || counted.has(requestId)) return false
      forget(nowIndex)
      counted.set(requestId, index)
      count(slotAt(index), call, milliseconds(duration))
      return true
    },
    minute: nowMs => sums(nowMs, MINUTE_SLOTS),
    all: nowMs => sums(nowMs, SLOTS),
    lines: nowMs => linesOf(slots, Math.floor(nowMs / SLOT_MS)),
  }
}

function emptySlot(index: number): Slot {
  const [latency, firstToken] = [createHistogram(), createHistogram()]
  return { index, calls: 0, failed: 0, tokens: 0, nanoUsd: 0, latency, firstToken }
}

function count(slot: Slot, call: RequestRecord, durationMs: number): void {
  const { outcome, timeToFirstToken, usage, cost } = call
  slot.calls += 1
  if (outcome === Outcome.FAILED || outcome === Outcome.UNKNOWN) slot.failed += 1
  // What the caller or a refusal cut short says nothing about how fast an answer is.
  if (outcome === Outcome.SUCCEEDED) record(slot.latency, durationMs)
  if (timeToFirstToken !== undefined) record(slot.firstToken, milliseconds(timeToFirstToken))
  slot.tokens += (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0)
  if (cost?.known === true) slot.nanoUsd += Number(cost.nanoUsd)
}

function quantilesOf(histograms: readonly Histogram[]): Quantiles {
  return { p50: quantile(histograms, 0.5), p95: quantile(histograms, 0.95) }
}

// The running slot is not drawn: it would always look like a fall.
function linesOf(slots: ReadonlyMap<number, Slot>, nowIndex: number): Lines {
  const indexes = Array.from({ length: SLOTS - 1 }, (_, at) => nowIndex - SLOTS + 1 + at)
  const seconds = SLOT_MS / 1000
  const sums = (pick: (slot: Slot) => number): number[] =>
    indexes.map(index => {
      const slot = slots.get(index)
      return slot === undefined ? 0 : pick(slot)
    })
  const quantiles = (pick: (slot: Slot) => Histogram, share: number): (number | null)[] =>
    indexes.map(index => {
      const slot = slots.get(index)
      return (slot && quantile([pick(slot)], share)) ?? null
    })
  return {
    times: indexes.map(index => (index + 1) * seconds),
    ok: sums(slot => (slot.calls - slot.failed) / seconds),
    failed: sums(slot => slot.failed / seconds),
    p50: quantiles(slot => slot.latency, 0.5),
    p95: quantiles(slot => slot.latency, 0.95),
    firstP50: quantiles(slot => slot.firstToken, 0.5),
    firstP95: quantiles(slot => slot.firstToken, 0.95),
    tokens: sums(slot => slot.tokens / seconds),
    nanoUsd: sums(slot => slot.nanoUsd / seconds),
  }
}
