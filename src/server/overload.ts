// Refuses new calls while there is more to do than can be done, before their bodies are read, so that those let in stay quick.
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Asked } from './exchange.ts'
import { createLateness, LOOP, type LoopGauge } from './overload-loop.ts'

/** What there is too much of: work for the event loop, writes for the store, or objects in memory. */
export type OverloadCause = 'event_loop' | 'store' | 'memory'

/** Decides which new calls are refused. */
export interface Overload {
  /** With what a call is to be refused, which is told then; undefined: it may come in. Looks at its header only. */
  refusal(asked: Pick<Asked, 'method' | 'isWatch' | 'isCounted'>): GatewayError | undefined
}

/** Asks for room for a call: what it is to be refused with, or undefined. */
export type Shed = Overload['refusal']

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
 * of garbage, too; but when turn after turn is long, more comes than can be done, and a turn takes only so many calls that it is
 * short, until it is not so any more. It is work that is measured, by the core that it took, and not time: a machine that is busy with others makes everybody
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
    retryDelayMs =>
      new GatewayError('OVERLOADED', messages[cause], { retryDelayMs, against: 'nobody', isStanding: true }),
  )
}
