// One call from its header to its last byte: identity, deadline, the signal that ends it, and its one log line.
import type { CallAdmission, ClientCall } from '../core/call.ts'
import { type Caller, DEFAULT_CALLER } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, type Origin, type Reason, type StatusName } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { createSlots, type Slots } from '../core/slots.ts'
import type { CallTrace } from '../core/trace.ts'
import { nothingKnown } from './call-facts.ts'
import { type CallsSink, callRecord, type SeenCall } from './call-record.ts'
import { deadlineError, startDeadline } from './deadline.ts'
import { createDetached, type Detached } from './detached.ts'
import { whenLeft } from './leaving.ts'
import type { PortResponse } from './port-handler.ts'
import { type Failure, report, traced } from './report.ts'
import { turnedAway } from './turned-away.ts'

/** What a request asks for, as far as its header tells. */
export interface Asked {
  /** Name of the door. */
  readonly door: string
  /** Name of the method from a closed set, such as `exai.v1.ChatService/Complete`, or `unknown`. */
  readonly method: string
  /** How the caller speaks, from a closed set, such as `grpc`. */
  readonly protocol: string
  /** The caller's own time limit in milliseconds, 0 or more. Absent: none, or one that cannot be read. */
  readonly timeoutMs?: number
  /** Whether it only tells of changes until the caller leaves: it has no deadline and ends at once when the process does. */
  readonly isWatch: boolean
  /** Whether it belongs in the metrics and, unless it fails by our fault, in the log at info. Probes do not: they would hide the calls. */
  readonly isCounted: boolean
}

/** What a call was let in with, until it is over. */
export interface Admitted extends CallAdmission {
  end(): void
}

/** One call, seen by the server and its doors. */
export interface Exchange extends ClientCall {
  readonly asked: Asked
  /** Says who calls, once that is known. */
  identify(caller: Caller): void
  /** Takes what the call was let in with: it ends when the call does, and all work that goes on for it. */
  admitted(admission: Admitted): void
  /**
   * Says that the call failed, and with which code when it is not the usual one of the reason.
   * The first failure counts; later ones follow from it. The cause of an INTERNAL one is logged with its stack.
   */
  fail(error: GatewayError, code?: StatusName): void
  /** Counts bytes of the request's body that have come, as they are without compression; the door tells. */
  received(bytes: number): void
  /** The same of the answer's body. */
  sent(bytes: number): void
  /** Ends the work on the call through its signal. The first reason counts. */
  abort(error: GatewayError): void
  /** Ends the call itself: one log line and one entry in the metrics. Only the first time does anything. */
  close(): void
}

/** The end of a call as the metrics count it; every field but the last is from a closed set. */
export interface CallEnd {
  readonly door: string
  readonly method: string
  readonly code: StatusName | 'OK'
  /** Empty when the call succeeded. */
  readonly reason: Reason | ''
  /** Empty when the call succeeded. */
  readonly origin: Origin | ''
  readonly durationMs: number
}

/** What `createExchanges` needs. */
export interface ExchangesDeps {
  readonly log: Log
  readonly metrics: { callEnded(end: CallEnd): void }
  readonly clock: Clock
  /** Hears of the calls that belong in the metrics. Absent: nobody does. */
  readonly calls?: CallsSink | undefined
  /** Default deadline of a call and ceiling of the caller's own, in milliseconds. */
  readonly requestTimeoutMs: number
}

/** The running calls. */
export interface Exchanges {
  /**
   * Opens a call, before anything may refuse it. It is aborted when its response ends before it is whole. Absent: it has no
   * response of its own, and whoever opens it aborts it when the client has left.
   */
  open(res: PortResponse | undefined, id: string, asked: Asked, trace?: CallTrace): Exchange
  /** The same for a call that is refused before anything was begun for it: it is not running, and its line is at debug. */
  turnedAway(id: string, asked: Asked): Exchange
  /** How many calls and watches are running, those included that go on without their client. */
  active(): number
  /** The methods of the watches that are open, one for each. */
  watches(): readonly string[]
  /** Ends all work that is running, also what goes on without its client. */
  abortAll(error: GatewayError): void
  /** Ends the watches alone. */
  endWatches(error: GatewayError): void
  /** From now on new calls are to be refused with this error. */
  refuseNew(error: GatewayError): void
  /** What new calls are to be refused with; undefined while they are welcome. */
  refusal(): GatewayError | undefined
  /** Resolves when nothing is running. */
  idle(): Promise<void>
}

/** Keeps the books of what runs. */
interface Register {
  readonly running: Slots<Exchange>
  readonly detached: Slots<Detached>
  /** To be called when something has left one of them. */
  left(): void
}

/** Makes the register of running calls. */
export function createExchanges(deps: ExchangesDeps): Exchanges {
  let waiting: (() => void)[] = []
  let refusal: GatewayError | undefined
  const running = createSlots<Exchange>()
  const detached = createSlots<Detached>()
  const isIdle = (): boolean => running.size() + detached.size() === 0
  const left = (): void => {
    if (!isIdle()) return
    for (const resolve of waiting) resolve()
    waiting = []
  }
  return {
    open: (res, id, asked, trace) =>
      createExchange(deps, res, { id, asked, trace }, { running, detached, left }),
    turnedAway: (id, asked) => turnedAway(deps, id, asked),
    active: () => running.size() + detached.all().filter(work => !work.isAttended()).length,
    watches: () =>
      running
        .all()
        .filter(one => one.asked.isWatch)
        .map(one => one.asked.method),
    abortAll: error => {
      for (const exchange of running.all()) exchange.abort(error)
      for (const work of detached.all()) work.abort(error)
    },
    endWatches: error => {
      for (const exchange of running.all()) if (exchange.asked.isWatch) exchange.abort(error)
    },
    refuseNew: error => {
      refusal ??= error
    },
    refusal: () => refusal,
    idle: () => (isIdle() ? Promise.resolve() : new Promise<void>(resolve => void waiting.push(resolve))),
  }
}

function createExchange(
  deps: ExchangesDeps,
  res: PortResponse | undefined,
  { id, asked, trace }: Pick<Exchange, 'id' | 'asked' | 'trace'>,
  { running, detached, left }: Register,
): Exchange {
  const { clock, requestTimeoutMs, metrics } = deps
  const controller = new AbortController()
  const startedAtMs = clock.monotonic()
  const startedAt = clock.now()
  const timeoutMs = timeoutOf(asked, requestTimeoutMs)
  let worksLeft = 0
  const { now: facts, note } = nothingKnown()
  let aborted: GatewayError | undefined
  let failure: Failure | undefined
  let isOpen = true
  let endedMs = 0
  let isKnown = false
  let isTold = false
  let requestBytes = 0
  let responseBytes = 0

  const over = (): void => {
    if (isOpen || worksLeft > 0) return
    exchange.admission?.end()
    if (isTold || !asked.isCounted) return
    isTold = true
    deps.calls?.ended(seen)
  }
  const seen: SeenCall = {
    method: asked.method,
    slot: undefined,
    record: () =>
      callRecord(
        { id, asked, caller: exchange.caller, facts, failure, startedAt, requestBytes, responseBytes },
        isOpen || worksLeft > 0 ? undefined : endedMs,
      ),
  }

  // No getters: an object literal with one gets a hidden class of its own, which keeps all that the getter sees until the
  // whole heap is collected.
  const exchange: Exchange & { caller: Caller; admission: Admitted | undefined } = {
    id,
    asked,
    startedAtMs,
    deadlineAtMs: startedAtMs + timeoutMs,
    signal: controller.signal,
    trace,
    caller: DEFAULT_CALLER,
    admission: undefined,
    identify: who => {
      exchange.caller = who
      if (who.tenant === '' || isKnown || !asked.isCounted) return
      isKnown = true
      deps.calls?.began(seen)
    },
    admitted: given => {
      exchange.admission = given
      over()
    },
    note,
    fail: (error, code = error.code) => {
      failure ??= { error, code }
    },
    received: bytes => {
      requestBytes += bytes
    },
    sent: bytes => {
      responseBytes += bytes
    },
    abort: error => {
      if (!isOpen || aborted !== undefined) return
      aborted = error
      controller.abort(error)
    },
    detach: () => {
      const work = createDetached({
        exchange,
        timeoutMs,
        leftMs: exchange.deadlineAtMs - clock.monotonic(),
        isAttended: () => isOpen,
        ended: (ended, noted, why) => {
          // As long as the client is there, its own line will tell all of this.
          if (!isOpen)
            report(deps, 'detached call', {
              ...ended,
              asked,
              traceId: trace?.traceId,
              startedAtMs,
              facts: noted,
              failure: why,
            })
          detached.take(place)
          worksLeft -= 1
          if (!isOpen) {
            // That its client left is not how it ended.
            note(noted)
            failure = why
            endedMs = clock.monotonic() - startedAtMs
          }
          over()
          left()
        },
      })
      const place = detached.add(work)
      worksLeft += 1
      return work
    },
    close: () => {
      if (!isOpen) return
      isOpen = false
      stopTimer()
      if (aborted !== undefined) exchange.fail(aborted)
      const traceId = trace?.traceId
      const { caller } = exchange
      const end = report(deps, 'call', { id, asked, traceId, startedAtMs, caller, facts, failure })
      trace?.ended(traced(end, facts, caller))
      const { code, reason, origin, durationMs } = end
      const { door, method, isCounted } = asked
      if (isCounted) metrics.callEnded({ door, method, code, reason, origin, durationMs })
      endedMs = durationMs
      running.take(place)
      over()
      left()
    },
  }
  const place = running.add(exchange)
  if (res !== undefined) whenLeft(res, () => exchange.abort(new GatewayError('CANCELLED', 'the client left')))
  const stopTimer = startDeadline(timeoutMs, () => exchange.abort(deadlineError(timeoutMs)))
  return exchange
}

// A watch lives for as long as its client wants it; everything else ends, at the latest with our own time-out.
function timeoutOf({ timeoutMs, isWatch }: Asked, requestTimeoutMs: number): number {
  const asked = timeoutMs ?? Number.POSITIVE_INFINITY
  return isWatch ? asked : Math.min(asked, requestTimeoutMs)
}
