// The one log line with which a call ends, and with which work ends that has outlived its client.
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import type { GatewayError, Origin, Reason, StatusName } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { CallEnded } from '../core/trace.ts'
import type { Facts } from './call-facts.ts'

/** How a call failed, and with which code. */
export interface Failure {
  readonly error: GatewayError
  readonly code: StatusName
}

/** What has ended. */
export interface Ended {
  readonly id: string
  /** What was asked for; `isCounted` says whether the line stands above debug. */
  readonly asked: {
    readonly door: string
    readonly method: string
    readonly protocol: string
    readonly isCounted: boolean
  }
  /** Of the trace; absent: it is not traced. */
  readonly traceId?: string | undefined
  readonly startedAtMs: number
  readonly caller: Caller
  readonly facts: Facts
  readonly failure: Failure | undefined
}

/** How it ended; code, reason and origin as in the line. */
export interface Reported {
  readonly code: StatusName | 'OK'
  readonly reason: Reason | ''
  readonly origin: Origin | ''
  readonly durationMs: number
}

/** Writes the line, and gives what it said of the end. */
export function report(
  { log, clock }: { readonly log: Log; readonly clock: Clock },
  what: 'call' | 'detached call',
  { id, asked, traceId, startedAtMs, caller, facts, failure }: Ended,
): Reported {
  const { door, method, protocol, isCounted } = asked
  const durationMs = clock.monotonic() - startedAtMs
  const error = failure?.error
  const code = failure?.code ?? 'OK'
  const reason = error?.reason ?? ''
  const origin = error?.origin ?? ''
  const line = {
    channel: door === 'websocket' ? 'ws' : 'access',
    request_id: id,
    trace_id: traceId,
    door,
    method,
    protocol,
    code,
    reason,
    origin,
    duration_ms: tenth(durationMs),
    tenant: caller.tenant,
    provider: facts.provider ?? error?.details.provider,
    model: facts.model ?? error?.details.model,
    response_id: facts.responseId,
    attempts: facts.attempts,
    input_tokens: facts.inputTokens,
    output_tokens: facts.outputTokens,
    nano_usd: facts.nanoUsd,
    first_token_ms: facts.firstTokenMs === undefined ? undefined : tenth(facts.firstTokenMs),
  }
  // Not by the code: gRPC has a mistake of the client's that is INTERNAL, too.
  if (reason === 'INTERNAL') log.error(what, { ...line, err: error?.cause ?? error })
  else if (isCounted) log.info(what, line)
  else log.debug(what, line)
  return { code, reason, origin, durationMs }
}

/** The same as a trace is told of it. */
export function traced({ code, reason }: Reported, facts: Facts, { tenant }: Caller): CallEnded {
  const { provider, model, responseId, inputTokens, outputTokens, attempts } = facts
  return { code, reason, tenant, provider, model, responseId, inputTokens, outputTokens, attempts }
}

/** Milliseconds as people read them. */
function tenth(ms: number): number {
  return Math.round(ms * 10) / 10
}
