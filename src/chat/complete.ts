// The orchestrator: takes a chat through every stage, from the request to the settled answer, for unary and stream alike.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { create } from '@bufbuild/protobuf'
import type { CompleteRequest, CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteSchema } from '#gen/exai/v1/route_pb'
import type { Call } from '../core/call.ts'
import type { Delta } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { WarningInit } from '../core/provider.ts'
import type { CallOutcome } from '../core/settlement.ts'
import { type Attempt, type AttemptLimits, createAttempt } from '../routing/attempt.ts'
import type { Routing } from '../routing/candidates.ts'
import { createAnswer } from './answer.ts'
import { assemble } from './assemble.ts'
import { createEvents, type EventInit, heartbeat } from './events.ts'
import { withHeartbeat } from './heartbeat.ts'
import { isWorthAsking, planCall, requestFor } from './plan.ts'
import { type Run, responseOf, routeOf } from './response.ts'
import { type SettleDeps, type Settled, settle } from './settle.ts'
import { validateRequest } from './validate.ts'

type ResponseInit = MessageInitShape<typeof CompleteResponseSchema>

/** What the orchestrator needs. */
export interface CompletionDeps extends SettleDeps {
  /** What the choice is made from now; a call keeps what it began with. */
  readonly routing: () => Routing
  readonly limits: AttemptLimits
  /** Silence after which a stream shows that it is alive, in milliseconds. */
  readonly heartbeatMs: number
}

/** Answers chats. */
export interface Completion {
  /** The whole answer. Throws GatewayError. */
  complete(call: Call, request: CompleteRequest): Promise<ResponseInit>
  /** The answer as events: `completed` is the last one, or it throws GatewayError. */
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
      responseId: newId('resp', deps.clock.now()),
      answer: createAnswer(),
      warnings: [],
      attempts: [],
      messages: [],
      plan: { candidates: [], skipped: [] },
      answering: undefined,
    }
  }

  /** Validates, assembles, routes and attempts; yields what arrives, settles on every way out. */
  async function* advance(run: Run, stream: boolean): AsyncGenerator<readonly Delta[], Settled> {
    let outcome: CallOutcome | undefined
    try {
      validateRequest(run.request)
      run.messages = assemble(run.request.messages)
      const plan = planCall(
        run.request,
        run.messages,
        { routing: run.routing, counter: deps.counter },
        run.signal,
      )
      run.plan = plan instanceof Promise ? await plan : plan
      const { attempt, first } = await begin(run, stream)
      run.answering = attempt
      for (const delta of first) run.answer.add(delta)
      yield first
      for await (const batch of attempt.rest()) {
        for (const delta of batch) run.answer.add(delta)
        yield batch
      }
      const completed: CallOutcome = { type: 'completed', finishReason: run.answer.finishReason() }
      outcome = completed
      return await settle({ ...run, outcome: completed }, deps)
    } catch (caught) {
      let error = GatewayError.from(caught)
      if (outcome === undefined) {
        const unfinished = {
          type: run.signal.aborted ? 'cancelled' : 'failed',
          reason: error.reason,
        } as const
        outcome = unfinished
        error = await settleFailed(run, unfinished, error)
      }
      throw run.plan.candidates.length === 0
        ? error
        : error.with({ route: create(RouteSchema, routeOf(run)) })
    } finally {
      // The reader left between two events: nobody waits for an error, but the call is settled all the same.
      if (outcome === undefined) {
        const why = run.signal.aborted
          ? GatewayError.from(run.signal.reason)
          : new GatewayError('CANCELLED', 'the caller left')
        await run.answering?.cancel(why)
        await settle({ ...run, outcome: { type: 'cancelled', reason: why.reason } }, deps)
      }
    }
  }

  /** Settles a call that failed. A store that fails as well must not hide why the call did: its fault is logged. */
  async function settleFailed(run: Run, outcome: CallOutcome, error: GatewayError): Promise<GatewayError> {
    try {
      await settle({ ...run, outcome }, deps)
      return error
    } catch (fault) {
      const faults = error.cause === undefined ? [fault] : [error.cause, fault]
      return error.with({ cause: new AggregateError(faults, 'the call was not settled either') })
    }
  }

  /** Tries candidate after candidate until one sends a good first event. */
  async function begin(run: Run, stream: boolean): Promise<{ attempt: Attempt; first: readonly Delta[] }> {
    const { signal, request, messages } = run
    let failure: GatewayError | undefined
    for (const candidate of run.plan.candidates) {
      if (!isWorthAsking(candidate, failure)) continue
      // Before the attempt exists: a call that asks nobody has used nothing.
      signal.throwIfAborted()
      const warned = run.warnings.length
      const warn = (warning: WarningInit): void => {
        run.warnings.push(warning)
      }
      const attempt = createAttempt({
        candidate,
        signal,
        input: { request: requestFor(candidate, request, warn), messages, stream, warn },
        limits: deps.limits,
        clock: deps.clock,
      })
      run.attempts.push(attempt)
      try {
        return { attempt, first: await attempt.begin() }
      } catch (caught) {
        failure = GatewayError.from(caught)
        // What one candidate could not take says nothing about the answer of another.
        run.warnings.length = warned
        if (failure.code !== 'UNAVAILABLE' || signal.aborted) throw failure
      }
    }
    throw failure ?? new GatewayError('NO_CANDIDATE', 'nobody was asked')
  }

  async function* events(run: Run): AsyncGenerator<EventInit> {
    const make = createEvents()
    const batches = advance(run, true)
    let warned = 0
    let isStarted = false
    try {
      for (;;) {
        const step = await batches.next()
        if (!isStarted && run.answering !== undefined) {
          const { provider, model } = run.answering.candidate
          yield make.started(run.responseId, provider.id, model.id)
          isStarted = true
        }
        for (const warning of run.warnings.slice(warned)) yield make.warning(warning)
        warned = run.warnings.length
        if (step.done) {
          yield make.completed(responseOf(run, step.value, 'stripped'))
          return
        }
        for (const delta of step.value) {
          const event = make.delta(delta)
          if (event !== undefined) yield event
        }
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
      const leaving = new AbortController()
      const signal = AbortSignal.any([call.signal, leaving.signal])
      return withHeartbeat(events(start(call, request, signal)), {
        everyMs: deps.heartbeatMs,
        sign: () => heartbeat(deps.clock.monotonic() - call.startedAtMs),
        leave: () => leaving.abort(new GatewayError('CANCELLED', 'the caller left')),
      })
    },
  }
}
