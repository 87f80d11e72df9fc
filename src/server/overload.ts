// Refuses new calls while there is more to do than can be done, before their bodies are read, so that those let in stay quick.
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Asked } from './exchange.ts'

/** What there is too much of: work for the event loop, writes for the store, or objects in memory. */
export type OverloadCause = 'event_loop' | 'store' | 'memory'

/** Decides which new calls are refused. */
export interface Overload {
  /** With what a call is to be refused, which is told then; undefined: it may come in. Looks at its header only. */
  refusal(asked: Pick<Asked, 'method' | 'isWatch' | 'isCounted'>): GatewayError | undefined
}

/** Asks for room for a call: what it is to be refused with, or undefined. */
export type Shed = Overload['refusal']

/** What the event loop tells of itself. */
export interface LoopGauge {
  /** How long it has waited for something to do since its start, in milliseconds. */
  idleMs(): number
  /** The number of its turn. */
  turn(): number
}

/** What `createOverload` needs. */
export interface OverloadDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  /** How long calls of one burst may wait for the process, in milliseconds. 0: nothing is ever refused. */
  readonly delayMs: number
  /** Told of each call that is refused. */
  readonly onShed?: ((cause: OverloadCause) => void) | undefined
  /** How many questions wait for the embedded store. */
  readonly storeWaiting: () => number
  /** Default: the loop of this thread. */
  readonly loop?: LoopGauge | undefined
  /** How much of the heap's limit is used, 0 to 1. Default: that of this thread. */
  readonly heapShare?: (() => number) | undefined
}

// A process that is never idle for this share of OVERLOAD_DELAY, window after window, has more to do than it can.
const WINDOW_SHARE = 1 / 16
const BUSY_WINDOWS = 4
// How many calm windows it takes to believe in the calm.
const BUSY_WINDOWS_MAX = 6
const IDLE_SHARE_MIN = 0.02
/** What a call may wait when the process has more to do than it can, as a share of OVERLOAD_DELAY. */
const STRICT_SHARE = 1 / 20

/** Half of what the store lets wait before it refuses, and the number from which on new calls are welcome again. */
const STORE_WAITING = { from: 2_048, until: 1_024 } as const
// V8 collects long before: what is left at this share is in use.
const HEAP_SHARE = { from: 0.9, until: 0.85 } as const
const HEAP_LOOK_MS = 1_000

// Whoever asks how we are, ends something, or reads what is done already must not stand in the line that it could shorten.
const NEVER_SHED =
  /^(?:exai\.v1\.(?:MonitoringService|AccessService)\/|exai\.v1\.ChatService\/(?:CancelStream|ResumeStream)$|grpc\.)/

/**
 * Begins to watch. A call is refused for the loop when it has come late in a turn: in a turn, calls are looked at one after the
 * other as they lay in their sockets, so the time since its first one is time that the later ones have waited at least. A burst
 * may make one long turn; only when the process finds no pause at all does the short bound hold. Calls that wait for a
 * provider keep nobody busy, and never count.
 */
export function createOverload(deps: OverloadDeps): Overload {
  const { clock, delayMs, storeWaiting, loop = LOOP, heapShare = ownHeapShare } = deps
  let count = 0
  const isLate = createLateness(clock, delayMs, loop)
  const isStoreBehind = createHysteresis(STORE_WAITING)
  const isHeapFull = createHysteresis(HEAP_SHARE)
  let heapLookAtMs = 0
  let heapNow = 0

  function causeNow(): OverloadCause | undefined {
    const nowMs = clock.monotonic()
    if (isLate(nowMs)) return 'event_loop'
    if (isStoreBehind(storeWaiting())) return 'store'
    if (nowMs >= heapLookAtMs) {
      heapLookAtMs = nowMs + HEAP_LOOK_MS
      heapNow = heapShare()
    }
    return isHeapFull(heapNow) ? 'memory' : undefined
  }

  return {
    refusal({ method, isWatch, isCounted }) {
      if (delayMs === 0 || isWatch || !isCounted || NEVER_SHED.test(method)) return undefined
      const cause = causeNow()
      if (cause === undefined) return undefined
      count += 1
      deps.onShed?.(cause)
      return errors[cause][count % RETRY_DELAYS_MS.length]
    },
  }
}

/** Tells whether a call has come later than it may wait. To be asked once for each call. */
function createLateness(
  clock: Pick<Clock, 'monotonic'>,
  delayMs: number,
  loop: LoopGauge,
): (nowMs: number) => boolean {
  let turn = -1
  let turnAtMs = 0
  let windowAtMs = clock.monotonic()
  let windowIdleMs = loop.idleMs()
  let busy = 0
  let isStrict = false

  function look(nowMs: number): void {
    const lengthMs = nowMs - windowAtMs
    if (lengthMs < delayMs * WINDOW_SHARE) return
    const idleMs = loop.idleMs()
    const isBusy = idleMs - windowIdleMs < lengthMs * IDLE_SHARE_MIN
    busy = isBusy ? Math.min(busy + 1, BUSY_WINDOWS_MAX) : Math.max(busy - 1, 0)
    if (busy >= BUSY_WINDOWS) isStrict = true
    else if (busy === 0) isStrict = false
    windowAtMs = nowMs
    windowIdleMs = idleMs
  }

  return nowMs => {
    const now = loop.turn()
    if (now !== turn) {
      turn = now
      turnAtMs = nowMs
      look(nowMs)
    }
    return nowMs - turnAtMs > (isStrict ? delayMs * STRICT_SHARE : delayMs)
  }
}

/** On from one value, and off again only below another one. */
function createHysteresis({
  from,
  until,
}: {
  readonly from: number
  readonly until: number
}): (value: number) => boolean {
  let isOn = false
  return value => {
    isOn = value >= (isOn ? until : from)
    return isOn
  }
}

const LOOP: LoopGauge = {
  idleMs: () => performance.nodeTiming.idleTime,
  turn: () => performance.nodeTiming.uvMetricsInfo.loopCount,
}

function ownHeapShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  return used / limit
}

// Not all at once again.
const RETRY_DELAYS_MS = [1_000, 2_000, 3_000] as const
const messages = {
  event_loop: 'more calls come than this process can serve: call again later',
  store: 'more has to be written than the disk takes: call again later',
  memory: 'the memory of this process is full: call again later',
} as const satisfies Record<OverloadCause, string>

// Made once: the trace of an error costs as much as a good part of a refusal, and nobody reads it.
const errors = {
  event_loop: errorsOf('event_loop'),
  store: errorsOf('store'),
  memory: errorsOf('memory'),
} as const satisfies Record<OverloadCause, readonly GatewayError[]>

function errorsOf(cause: OverloadCause): readonly GatewayError[] {
  return RETRY_DELAYS_MS.map(
    retryDelayMs => new GatewayError('OVERLOADED', messages[cause], { retryDelayMs, against: 'nobody' }),
  )
}
