// The refusing of calls as those see it who watch the service: whether it goes on, and how late timers come.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createOverload, type Overload, type OverloadCause, type OverloadDeps } from './overload.ts'

/** Refuses calls, and knows why lately. */
export interface Shedding {
  readonly overload: Overload
  /** What there is too much of; undefined when no call has been refused lately. */
  cause(): OverloadCause | undefined
}

/** How late timers come. */
export interface Lateness {
  /** To be called about once a second. */
  tick(): void
  /** The worst one of a hundred, lately, in milliseconds. */
  ms(): number
  close(): void
}

/** An overload is over when no call has been refused for so long, in milliseconds. */
const OVER_MS = 10_000
/** Ticks between two looks at how late timers come. */
const LOOK_TICKS = 10
const RESOLUTION_MS = 20

/** Begins to watch for too much to do. */
export function createShedding(deps: OverloadDeps): Shedding {
  const { clock } = deps
  let shedAtMs = Number.NEGATIVE_INFINITY
  let shedFor: OverloadCause | undefined
  return {
    overload: createOverload({
      ...deps,
      onShed(cause) {
        shedFor = cause
        shedAtMs = clock.monotonic()
        deps.onShed?.(cause)
      },
    }),
    cause: () => (clock.monotonic() - shedAtMs < OVER_MS ? shedFor : undefined),
  }
}

/** Begins to measure. */
export function createLateness(): Lateness {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  let ticks = 0
  let lateMs = 0
  return {
    tick() {
      ticks += 1
      if (ticks % LOOK_TICKS !== 0) return
      lateMs = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS)
      delay.reset()
    },
    ms: () => lateMs,
    close: () => void delay.disable(),
  }
}
