// One call from its header to its last byte: identity, deadline, the signal that ends it, and its one log line.
import type { Call, CallFacts } from '../core/call.ts'
import { type Caller, DEFAULT_CALLER } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, type Origin, type Reason, type StatusName } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { PortResponse } from './port-handler.ts'

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

/** One call, seen by the server and its doors. */
export interface Exchange extends Call {
  readonly asked: Asked
  /** Says who calls, once that is known. */
  identify(caller: Caller): void
  /**
   * Says that the call failed, and with which code when it is not the usual one of the reason.
   * The first failure counts; later ones follow from it. The cause of an INTERNAL one is logged with its stack.
   */
  fail(error: GatewayError, code?: StatusName): void
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
  /** Default deadline of a call and ceiling of the caller's own, in milliseconds. */
  readonly requestTimeoutMs: number
}

/** The running calls. */
export interface Exchanges {
  /** Opens a call, before anything may refuse it. */
  open(res: PortResponse, id: string, asked: Asked): Exchange
  /** How many calls and watches are running. */
  active(): number
  /** Ends all work that is running. */
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

interface Failure {
  readonly error: GatewayError
  readonly code: StatusName
}

// The longest time that setTimeout takes (2^31 - 1); a longer one would fire at once.
const TIMER_MAX_MS = 2_147_483_647

/** Makes the register of running calls. */
export function createExchanges(deps: ExchangesDeps): Exchanges {
  const running = new Set<Exchange>()
  let waiting: (() => void)[] = []
  let refusal: GatewayError | undefined
  const closed = (exchange: Exchange): void => {
    running.delete(exchange)
    if (running.size > 0) return
    for (const resolve of waiting) resolve()
    waiting = []
  }
  return {
    open: (res, id, asked) => {
      const exchange = createExchange(deps, res, id, asked, closed)
      running.add(exchange)
      return exchange
    },
    active: () => running.size,
    abortAll: error => {
      for (const exchange of running) exchange.abort(error)
    },
    endWatches: error => {
      for (const exchange of running) if (exchange.asked.isWatch) exchange.abort(error)
    },
    refuseNew: error => {
      refusal ??= error
    },
    refusal: () => refusal,
    idle: () =>
      running.size === 0 ? Promise.resolve() : new Promise<void>(resolve => void waiting.push(resolve)),
  }
}

function createExchange(
  deps: ExchangesDeps,
  res: PortResponse,
  id: string,
  asked: Asked,
  closed: (exchange: Exchange) => void,
): Exchange {
  const { clock, requestTimeoutMs } = deps
  const controller = new AbortController()
  const startedAtMs = clock.monotonic()
  const timeoutMs = timeoutOf(asked, requestTimeoutMs)
  let caller = DEFAULT_CALLER
  let facts: CallFacts = {}
  let failure: Failure | undefined
  let timer: NodeJS.Timeout | undefined
  let isOpen = true

  const exchange: Exchange = {
    id,
    asked,
    startedAtMs,
    deadlineAtMs: startedAtMs + timeoutMs,
    signal: controller.signal,
    get caller() {
      return caller
    },
    identify: who => {
      caller = who
    },
    note: more => {
      facts = { ...facts, ...more }
    },
    fail: (error, code = error.code) => {
      failure ??= { error, code }
    },
    abort: error => {
      if (isOpen && !controller.signal.aborted) controller.abort(error)
    },
    close: () => {
      if (!isOpen) return
      isOpen = false
      clearTimeout(timer)
      if (controller.signal.aborted) exchange.fail(GatewayError.from(controller.signal.reason))
      report(deps, exchange, facts, failure)
      closed(exchange)
    },
  }
  const expire = (): void =>
    exchange.abort(new GatewayError('DEADLINE_EXCEEDED', `the deadline of ${timeoutMs} ms has passed`))
  const leave = (): void => {
    if (!isWhole(res)) exchange.abort(new GatewayError('CANCELLED', 'the client left'))
  }
  res.once('close', leave)
  res.on('error', leave)
  if (timeoutMs <= 0) expire()
  else if (timeoutMs <= TIMER_MAX_MS) timer = setTimeout(expire, timeoutMs).unref()
  return exchange
}

// HTTP/1.1 says 'close' right after 'finish', before whoever waited for that can close the exchange. On HTTP/2 the writable
// side is finished for a stream that was reset, too; there the code of the reset tells.
function isWhole(res: PortResponse): boolean {
  return 'stream' in res ? !res.stream.aborted && res.stream.rstCode === 0 : res.writableFinished
}

// A watch lives for as long as its client wants it; everything else ends, at the latest with our own time-out.
function timeoutOf({ timeoutMs, isWatch }: Asked, requestTimeoutMs: number): number {
  const asked = timeoutMs ?? Number.POSITIVE_INFINITY
  return isWatch ? asked : Math.min(asked, requestTimeoutMs)
}

function report(
  { log, metrics, clock }: ExchangesDeps,
  { id, asked, startedAtMs, caller }: Exchange,
  facts: CallFacts,
  failure: Failure | undefined,
): void {
  const { door, method, protocol, isCounted } = asked
  const durationMs = clock.monotonic() - startedAtMs
  const end = {
    code: failure?.code ?? 'OK',
    reason: failure?.error.reason ?? '',
    origin: failure?.error.origin ?? '',
  } as const
  const isFault = end.code === 'INTERNAL'
  if (isCounted) metrics.callEnded({ door, method, ...end, durationMs })
  const line = {
    request_id: id,
    door,
    method,
    protocol,
    ...end,
    duration_ms: Math.round(durationMs * 10) / 10,
    tenant: caller.tenant,
    provider: facts.provider ?? failure?.error.details.provider,
    model: facts.model ?? failure?.error.details.model,
    response_id: facts.responseId,
    attempts: facts.attempts,
    input_tokens: facts.inputTokens,
    output_tokens: facts.outputTokens,
    nano_usd: facts.nanoUsd,
    first_token_ms: facts.firstTokenMs,
  }
  if (isFault) log.error('call', { ...line, err: failure?.error.cause ?? failure?.error })
  else if (isCounted) log.info('call', line)
  else log.debug('call', line)
}
