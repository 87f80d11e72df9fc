// Keeps so many workers running: starts them together, and each one that dies again, later each time that it dies young.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { DrainResult } from '../server/drain.ts'
import type { WorkerEnd } from '../telemetry/service-series.ts'
import type { Child } from './child.ts'

/** A worker with its channel. */
export interface OpenWorker {
  /** Resolves when it listens; rejects when it said why it cannot. */
  readonly ready: Promise<void>
  /** Ends it the polite way; resolves with how that went. */
  drain(): Promise<DrainResult>
  /** Has a running end wait for nothing any more. */
  abort(): void
  /** Lets go of what it held, after its end. */
  release(): Promise<void>
}

/** What `createFleet` needs. */
export interface FleetDeps {
  readonly count: number
  readonly start: () => Child
  /** `onHung`: to be called when it does not answer any more; then it is killed. */
  readonly open: (slot: number, child: Child, onHung: () => void) => OpenWorker
  readonly log: Log
  readonly clock: Pick<Clock, 'monotonic'>
  /** Told when a worker has died, and when another one listens in its place. */
  readonly onMissing: (slot: number, isMissing: boolean) => void
  /** Told of each one that is started again, and why. */
  readonly onRestart: (cause: WorkerEnd) => void
}

/** The workers. */
export interface Fleet {
  /** Resolves when all listen; rejects, with all of them ended, when one cannot. */
  readonly ready: Promise<void>
  /** Ends all the polite way. */
  drain(): Promise<DrainResult>
  abort(): void
  /** Ends all at once. */
  kill(): Promise<void>
}

/** How long after its death a worker is started again, in milliseconds: at first, and at most. */
const RESTART_MS = { min: 100, max: 10_000 } as const
/** A worker that has lived for so long has not died young, in milliseconds. */
const GROWN_MS = 30_000
/** What a worker gets to exit after its end, in milliseconds. */
const EXIT_MS = 2_000

interface Place {
  child: Child
  worker: OpenWorker
  isReady: boolean
  deaths: number
  timer: NodeJS.Timeout | undefined
  /** Resolves when its process is gone and what it held has been let go. */
  over: Promise<void>
}

interface Death {
  readonly cause: WorkerEnd
  readonly end: object
}

const DEATHS = {
  died: 'a worker has died and is started again',
  hung: 'a worker did not answer any more: it was killed, and is started again',
} as const satisfies Record<Death['cause'], string>

/** Starts the workers. */
export function createFleet(deps: FleetDeps): Fleet {
  const { count, start, open, log, clock, onMissing, onRestart } = deps
  const places = new Map<number, Place>()
  let isEnding = false
  const first = Promise.withResolvers<void>()

  function begin(slot: number, deaths: number): Place {
    const startedAtMs = clock.monotonic()
    const child = start()
    let cause: WorkerEnd = 'died'
    const worker = open(slot, child, () => {
      cause = 'hung'
      child.kill()
    })
    const over = child.ended.then(async end => {
      await worker.release().catch((err: unknown) => log.error('what a worker held is not let go', { err }))
      if (isEnding) return
      const young = clock.monotonic() - startedAtMs < GROWN_MS
      died(slot, young ? deaths + 1 : 1, { cause, end: { pid: child.pid, ...end } })
    })
    const place: Place = { child, worker, isReady: false, deaths, timer: undefined, over }
    places.set(slot, place)
    worker.ready.then(
      () => {
        place.isReady = true
        log.info('a worker listens', { worker: slot, pid: child.pid })
        onMissing(slot, false)
        if ([...places.values()].every(({ isReady }) => isReady)) first.resolve()
      },
      (err: unknown) => {
        if (isEnding) return
        if (deaths > 0) log.error('a worker cannot begin', { worker: slot, err })
        first.reject(err)
      },
    )
    return place
  }

  function died(slot: number, deaths: number, { cause, end }: Death): void {
    const place = places.get(slot)
    if (place !== undefined && !place.isReady && place.deaths === 0) {
      // The first ones: the service cannot start. Why it cannot was said before, if it could be said.
      first.reject(
        new GatewayError('INTERNAL', 'a worker ended before it listened', {
          cause: new Error(JSON.stringify(end)),
        }),
      )
      return
    }
    const inMs = Math.min(RESTART_MS.max, RESTART_MS.min * 2 ** (deaths - 1))
    log.error(DEATHS[cause], { worker: slot, ...end, in_ms: inMs })
    onRestart(cause)
    onMissing(slot, true)
    if (place === undefined) return
    place.timer = setTimeout(() => {
      if (!isEnding) begin(slot, deaths)
    }, inMs)
  }

  for (let slot = 1; slot <= count; slot += 1) begin(slot, 0)

  async function kill(): Promise<void> {
    isEnding = true
    for (const { child, timer } of places.values()) {
      clearTimeout(timer)
      child.kill()
    }
    await Promise.all([...places.values()].map(({ over }) => over))
  }
  first.promise.catch(() => undefined)

  return {
    ready: first.promise.catch(async (error: unknown) => {
      await kill()
      throw error
    }),
    async drain() {
      isEnding = true
      const results = await Promise.all(
        [...places.values()].map(async ({ worker, child, timer, isReady, over }) => {
          clearTimeout(timer)
          // One that has not begun has nothing to end, and one that has died has nothing left.
          const result = isReady ? await worker.drain().catch(() => NOTHING) : NOTHING
          const late = setTimeout(child.kill, isReady ? EXIT_MS : 0)
          await over
          clearTimeout(late)
          return result
        }),
      )
      return {
        running: results.reduce((sum, { running }) => sum + running, 0),
        aborted: results.reduce((sum, { aborted }) => sum + aborted, 0),
        durationMs: Math.max(0, ...results.map(({ durationMs }) => durationMs)),
      }
    },
    abort() {
      for (const { worker } of places.values()) worker.abort()
    },
    kill,
  }
}

const NOTHING: DrainResult = { running: 0, aborted: 0, durationMs: 0 }
