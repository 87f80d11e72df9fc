// A call that is refused before anything was begun for it: as much of an exchange as its door needs to answer.
import type { CallAdmission } from '../core/call.ts'
import { type Caller, DEFAULT_CALLER } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, type StatusName } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { nothingKnown } from './call-facts.ts'
import { type Ended, type Failure, report } from './report.ts'

/** What `turnedAway` needs. */
export interface TurnedAwayDeps {
  readonly log: Log
  readonly clock: Clock
}

const none = (): void => undefined
const admission: CallAdmission | undefined = undefined
const facts = nothingKnown().now
// Nobody ends what was never begun.
const signal: AbortSignal = new AbortController().signal

/** Makes it. It runs nowhere, has no deadline and no record, and ends with a line at debug. */
export function turnedAway<Asked extends Ended['asked']>(deps: TurnedAwayDeps, id: string, asked: Asked) {
  const startedAtMs = deps.clock.monotonic()
  let failure: Failure | undefined
  let isOpen = true
  const exchange = {
    id,
    asked,
    startedAtMs,
    deadlineAtMs: Number.POSITIVE_INFINITY,
    signal,
    trace: undefined,
    caller: DEFAULT_CALLER,
    admission,
    admitted: none,
    note: none,
    received: none,
    sent: none,
    abort: none,
    detach,
    identify(who: Caller): void {
      exchange.caller = who
    },
    fail(error: GatewayError, code: StatusName = error.code): void {
      failure ??= { error, code }
    },
    close(): void {
      if (!isOpen) return
      isOpen = false
      const quiet = { door: asked.door, method: asked.method, protocol: asked.protocol, isCounted: false }
      report(deps, 'call', { id, asked: quiet, startedAtMs, caller: exchange.caller, facts, failure })
    },
  }
  return exchange
}

function detach(): never {
  throw new GatewayError('INTERNAL', 'a call that was turned away works')
}
