// The orchestrator: takes a chat through every stage, from the request to the settled answer, for unary and stream alike.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteRequest, CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { batched } from '../core/batched.ts'
import type { Call } from '../core/call.ts'
import type { Delta } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { CallOutcome } from '../core/settlement.ts'
import type { Limits } from '../metering/limits.ts'
import type { Attempt } from '../routing/attempt.ts'
import type { Routing } from '../routing/candidates.ts'
import type { Begun } from '../routing/hedge.ts'
import { createAnswer } from './answer.ts'
import { createEvents, type EventInit, heartbeat } from './events.ts'
import { withHeartbeat } from './heartbeat.ts'
import { leaving } from './leaving.ts'
import { type PrepareDeps, prepared } from './prepare.ts'
import { rerouted } from './reroute.ts'
import {
  doneEnd,
  endedOf,
  failedEnd,
  originOf,
  type Run,
  responseOf,
  routeOf,
  warningsOf,
  withRoute,
} from './response.ts'
import { type SettleDeps, type Settled, settle } from './settle.ts'
import { remember } from './whereabouts.ts'

type ResponseInit = MessageInitShape<typeof CompleteResponseSchema>

/** What the orchestrator needs. */
export interface CompletionDeps extends SettleDeps, PrepareDeps {
  /** What the choice is made from now; a call keeps what it began with. */
  readonly routing: () => Routing
  /** Silence after which a stream shows that it is alive, in milliseconds. */
  readonly heartbeatMs: number
  /** The limits of callers. Absent: there are none. */
  readonly limits?: Pick<Limits, 'of'> | undefined
}

/** Answers chats. */
export interface Completion {
  /** The whole answer. Throws GatewayError. */
  complete(call: Call, request: CompleteRequest): Promise<ResponseInit>
  /** The answer as events, in batches as they come: `completed` is the last one, or it throws GatewayError. */
  stream(call: Call, request: CompleteRequest): AsyncGenerator<EventInit>
}

/** Composes the stages. */
export function createCompletion(deps: CompletionDeps): Completion {
  function start(call: Call, request: CompleteRequest, signal = call.signal): Run {
    return {
      call,
      signal,
      request,
      routing: deps.routing(),
      limits: deps.limits?.of(call.caller),
      responseId: call.recording?.responseId ?? newId('resp', deps.clock.now()),
      answer: createAnswer(),
      messages: [],
      conversation: undefined,
      notes: [],
      plan: { candidates: [], skipped: [] },
      walk: undefined,
      answering: undefined,
      broken: [],
      seam: 0,
    }
  }

  /** Validates, assembles, routes and attempts; yields what arrives, settles on every way out. */
  async function* advance(run: Run, stream: boolean): AsyncGenerator<readonly Delta[], Settled> {
    let outcome: CallOutcome | undefined
    run.call.note({ responseId: run.responseId, isStreaming: stream, route: () => routeOf(run) })
    try {
      run.walk = await prepared(run, stream, deps)
      let begun: Begun | undefined = await run.walk.begin()
      while (begun !== undefined) {
        const { attempt, first } = begun
        run.answering = attempt
        run.answer.from(originOf(attempt))
        for (const delta of first) run.answer.add(delta)
        yield first
        begun = undefined
        try {
          for (let batch = await attempt.next(); batch !== undefined; batch = await attempt.next()) {
            for (const delta of batch) run.answer.add(delta)
            yield batch
          }
        } catch (caught) {
          begun = await rerouted(run, GatewayError.from(caught), deps.counter)
        }
      }
      const completed: CallOutcome = { type: 'completed', finishReason: run.answer.finishReason() }
      outcome = completed
      const settled = await settle(endedOf(run, completed, doneEnd(run)), deps)
      remember(run, settled, deps.affinity)
      return settled
    } catch (caught) {
      let error = GatewayError.from(caught)
      if (outcome === undefined) {
        const unfinished = {
          type: run.signal.aborted ? 'cancelled' : 'failed',
          reason: error.reason,
        } as const
        outcome = unfinished
        // Whatever failed, nobody reads on.
        await run.answering?.cancel(error)
        error = await settleFailed(run, unfinished, withRoute(run, error))
        throw error
      }
      throw withRoute(run, error)
    } finally {
      // The reader left between two events: nobody waits for an error, but the call is settled all the same.
      if (outcome === undefined) {
        const why = run.signal.aborted
          ? GatewayError.from(run.signal.reason)
          : new GatewayError('CANCELLED', 'the caller left')
        await run.answering?.cancel(why)
        await settle(endedOf(run, { type: 'cancelled', reason: why.reason }, failedEnd(run, why)), deps)
      }
    }
  }

  /** Settles a call that failed. A store that fails as well must not hide why the call did: its fault is logged. */
  async function settleFailed(run: Run, outcome: CallOutcome, error: GatewayError): Promise<GatewayError> {
    try {
      await settle(endedOf(run, outcome, failedEnd(run, error)), deps)
      return error
    } catch (fault) {
      const faults = error.cause === undefined ? [fault] : [error.cause, fault]
      return error.with({ cause: new AggregateError(faults, 'the call was not settled either') })
    }
  }

  /** The events of each piece of the answer, as it comes: what is read at once is passed on at once. */
  async function* events(run: Run): AsyncGenerator<readonly EventInit[]> {
    const make = createEvents()
    const batches = advance(run, true)
    let warned = 0
    let told: Attempt | undefined
    try {
      for (;;) {
        const step = await batches.next()
        const out: EventInit[] = []
        if (run.answering !== undefined && run.answering !== told) {
          const { provider, model } = originOf(run.answering)
          out.push(
            told === undefined
              ? make.started(run.responseId, provider, model)
              : make.rerouted(provider, model, run.seam),
          )
          told = run.answering
        }
        const warnings = warningsOf(run)
        for (; warned < warnings.length; warned += 1) {
          const warning = warnings[warned]
          if (warning !== undefined) out.push(make.warning(warning))
        }
        if (step.done) {
          out.push(make.completed(responseOf(run, step.value, 'stripped')))
          yield out
          return
        }
        make.deltas(step.value, out)
        if (out.length > 0) yield out
      }
    } finally {
      await batches.return({})
    }
  }

  return {
    async complete(call, request) {
      const run = start(call, request)
      const batches = advance(run, false)
      for (;;) {
        const step = await batches.next()
        if (step.done) return responseOf(run, step.value, 'whole')
      }
    },
    stream(call, request) {
      const { signal, leave, over } = leaving(call.signal)
      return batched(
        withHeartbeat(events(start(call, request, signal)), {
          everyMs: deps.heartbeatMs,
          sign: () => [heartbeat(deps.clock.monotonic() - call.startedAtMs)],
          leave,
          over,
        }),
      )
    },
  }
}
