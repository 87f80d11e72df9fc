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
  /** How long it has had a core, in milliseconds. */
  cpuMs(): number
}

/** What `createOverload` needs. */
export interface OverloadDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  /** How much work for those before it a call of a burst may wait for, in milliseconds of a core. 0: nothing is ever refused. */
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

// As shares of OVERLOAD_DELAY. Calls wait in a turn of the loop when they lie further back in it than this; when such turns take
// up most of each window for so long, calls wait everywhere and always, and each may only wait so much.
const WAITING_SHARE = 1 / 100
const WINDOW_SHARE = 1 / 20
const STANDING_SHARE = 1 / 4
const STRICT_SHARE = 1 / 200
/** What most of a window is. */
const MOST = 0.8
/** A process that has worked for less, its start included, still compiles its code: it is slow now, and soon not, in milliseconds. */
const YOUNG_MS = 5_000
/** So much of a turn is not looked at, in milliseconds. */
const UNMEASURED_MS = 2
/** A single long turn is none: something else has taken its time. */
const STANDING_WINDOWS_MIN = 3

/** Half of what the store lets wait before it refuses, and the number from which on new calls are welcome again. */
const STORE_WAITING = { from: 2_048, until: 1_024 } as const
// V8 collects long before: what is left at this share is in use.
const HEAP_SHARE = { from: 0.9, until: 0.85 } as const
const HEAP_LOOK_MS = 1_000

// Whoever asks how we are, ends something, or reads what is done already must not stand in the line that it could shorten.
const NEVER_SHED =
  /^(?:exai\.v1\.(?:MonitoringService|AccessService)\/|exai\.v1\.ChatService\/(?:CancelStream|ResumeStream)$|grpc\.)/

/**
 * Begins to watch. In a turn of the event loop, calls are looked at one after the other as they lay in their sockets, so what
 * was worked since its first one is work that the later ones have waited for. A burst may make one long turn, and a collection
 * of garbage, too; but when turn after turn is long, more comes than can be done, and a short bound holds until it is not so any
 * more. It is work that is measured, by the core that it took, and not time: a machine that is busy with others makes everybody
 * wait, and refusing calls would help nobody. Calls that wait for a provider make no work, and never count.
 */
export function createOverload(deps: OverloadDeps): Overload {
  const { clock, delayMs, storeWaiting, loop = LOOP, heapShare = ownHeapShare } = deps
  let count = 0
  const isLate = createLateness(delayMs, loop)
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
function createLateness(delayMs: number, loop: LoopGauge): (nowMs: number) => boolean {
  const standing = createStanding(delayMs)
  let turn = -1
  let turnAtMs = 0
  let turnIdleMs = 0
  let turnCpuMs: number | undefined
  let workMs = 0
  let isYoung = true
  // What a call may wait, as a share of the delay: the whole of it in a burst, that is when the turns before were short.
  let share = 1

  return nowMs => {
    const now = loop.turn()
    if (now !== turn) {
      const idleMs = loop.idleMs()
      const passedMs = nowMs - turnAtMs
      const isLong = workMs > delayMs * WAITING_SHARE
      // Turns without a call may have come between; what was idle of it is not a part of the long one.
      if (turn >= 0) share = standing(passedMs, isLong ? passedMs - (idleMs - turnIdleMs) : 0)
      turn = now
      turnAtMs = nowMs
      turnIdleMs = idleMs
      turnCpuMs = undefined
      workMs = 0
    }
    // To ask for it costs a system call, and most turns are over before.
    if (nowMs - turnAtMs > UNMEASURED_MS) {
      const cpuMs = loop.cpuMs()
      turnCpuMs ??= cpuMs
      isYoung = cpuMs < YOUNG_MS
      workMs = UNMEASURED_MS + cpuMs - turnCpuMs
    }
    return workMs > delayMs * (isYoung ? 1 : share)
  }
}

/** Tells, turn by turn, what a call may wait, by how long most of the time has been spent in long turns; `longMs` is what of it was. */
function createStanding(delayMs: number): (passedMs: number, longMs: number) => number {
  let windowMs = 0
  let windowLongMs = 0
  let windows = 0
  let longForMs = 0
  let shortForMs = 0
  let isStanding = false
  const shareNow = (): number => (isStanding ? STRICT_SHARE : windows > 0 ? STANDING_SHARE : 1)

  return (passedMs, longMs) => {
    windowMs += passedMs
    windowLongMs += longMs
    if (windowMs < delayMs * WINDOW_SHARE) return shareNow()
    if (windowLongMs >= windowMs * MOST) {
      windows += 1
      longForMs += windowMs
      shortForMs = 0
    } else {
      windows = 0
      longForMs = 0
      shortForMs += windowMs
    }
    windowMs = 0
    windowLongMs = 0
    if (longForMs >= delayMs * STANDING_SHARE && windows >= STANDING_WINDOWS_MIN) isStanding = true
    else if (shortForMs >= delayMs * STANDING_SHARE) isStanding = false
    return shareNow()
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
  cpuMs() {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  },
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
