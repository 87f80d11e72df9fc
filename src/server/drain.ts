// The end of the process, step by step: say so, wait, take nothing new, let calls finish, end the rest.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Exchanges } from './exchange.ts'
import type { Port } from './port.ts'

/** What `createDrain` needs. Times are milliseconds, 0 or more. */
export interface DrainDeps {
  readonly port: Pick<Port, 'goAway' | 'closed' | 'destroy'>
  readonly exchanges: Exchanges
  /** Makes the health of the service NOT_SERVING. */
  readonly health: { drain(): void }
  readonly clock: Clock
  /** How long calls are still taken after the health has changed, so that balancers can look away. */
  readonly drainDelayMs: number
  /** How long running calls may go on after that. */
  readonly drainTimeoutMs: number
}

/** How a drain went. */
export interface DrainResult {
  /** Calls and watches that were running when it began. */
  readonly running: number
  /** Calls that had to be ended. */
  readonly aborted: number
  readonly durationMs: number
}

/** Ends the service. */
export interface Drain {
  /** Runs the whole end; called again it gives the same end. Resolves when every connection is gone. */
  run(): Promise<DrainResult>
  /** Makes a running drain wait for nothing any more, but for a second at most until the calls that it cut off are logged. */
  abort(): void
}

// What ended calls get to tell their clients so, and connections to close by themselves. The first call that is settled
// without its end may load the token encoding before it can answer: more than a second on a busy machine.
const FAREWELL_MS = 5_000

// What calls without a connection get to end: they only let go of what they hold.
const LAST_LINES_MS = 1_000

/** Makes the end of the service. Nothing happens before `run`. */
export function createDrain(deps: DrainDeps): Drain {
  const hurry = new AbortController()
  let result: Promise<DrainResult> | undefined
  return {
    run: () => {
      result ??= drain(deps, hurry.signal)
      return result
    },
    abort: () => hurry.abort(),
  }
}

async function drain(deps: DrainDeps, hurry: AbortSignal): Promise<DrainResult> {
  const { port, exchanges, health, clock, drainDelayMs, drainTimeoutMs } = deps
  const startedAtMs = clock.monotonic()
  const running = exchanges.active()
  const leaving = new GatewayError('SHUTTING_DOWN', 'this process is shutting down, call again')
  health.drain()
  await within(drainDelayMs, hurry)
  exchanges.refuseNew(leaving)
  port.goAway()
  exchanges.endWatches(leaving)
  await within(drainTimeoutMs, hurry, exchanges.idle())
  const aborted = exchanges.active()
  exchanges.abortAll(leaving)
  await within(FAREWELL_MS, hurry, exchanges.idle().then(port.closed))
  port.destroy()
  await port.closed()
  // A call whose connection was cut has not ended yet: the process must not exit before it is logged.
  await within(LAST_LINES_MS, new AbortController().signal, exchanges.idle())
  return { running, aborted, durationMs: clock.monotonic() - startedAtMs }
}

/** Waits for some time, but no longer than for `done`, nor once somebody is in a hurry. */
function within(ms: number, hurry: AbortSignal, done?: Promise<void>): Promise<void> {
  if (hurry.aborted) return Promise.resolve()
  return new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      hurry.removeEventListener('abort', stop)
      resolve()
    }
    const timer = setTimeout(stop, ms)
    hurry.addEventListener('abort', stop)
    done?.then(stop, reject)
  })
}
