// Embeds texts: a call through the same stages as a chat, from the request to the settled answer.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { type CompleteRequest, CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import type { EmbedRequest, EmbedResponseSchema } from '#gen/exai/v1/embeddings_service_pb'
import { costCeiling } from '../catalogue/price.ts'
import { createAnswer } from '../chat/answer.ts'
import { anotherKeyHelps } from '../chat/plan.ts'
import { routeOf, withRoute } from '../chat/response.ts'
import { type SettleDeps, type Settled, settle } from '../chat/settle.ts'
import { attemptSink } from '../chat/walk-input.ts'
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/errors.ts'
import type { EventSink } from '../core/gateway-event.ts'
import { newId } from '../core/ids.ts'
import type { CallOutcome } from '../core/settlement.ts'
import type { CallerLimits, Limits } from '../metering/limits.ts'
import type { Attempt } from '../routing/attempt.ts'
import type { Plan, Routing } from '../routing/candidates.ts'
import { createWalk, type Walk } from '../routing/walk.ts'
import type { WalkDeps, WalkInput } from '../routing/walk-call.ts'
import { countInputs, planEmbedding } from './plan.ts'
import { validateEmbedRequest } from './validate.ts'
import { createVectors, type Vectors } from './vectors.ts'

type ResponseInit = MessageInitShape<typeof EmbedResponseSchema>

/** What embedding needs. */
export interface EmbeddingDeps extends SettleDeps {
  /** What the choice is made from now; a call keeps what it began with. */
  readonly routing: () => Routing
  /** What all calls share on their way along the candidates. */
  readonly walk: WalkDeps
  /** The limits of callers. Absent: there are none. */
  readonly limits?: Pick<Limits, 'of'> | undefined
  /** Hears of each attempt. Absent: nobody does. */
  readonly onEvent?: EventSink | undefined
}

/** Embeds texts. */
export interface Embedding {
  /** One vector for each text, or none at all. Throws GatewayError. */
  embed(call: Call, request: EmbedRequest): Promise<ResponseInit>
}

/** One call on its way through the stages. */
interface Run {
  readonly call: Call
  readonly inputs: readonly string[]
  readonly dimensions: number | undefined
  /** What it has in common with a chat: whom it asks, for whom, and how strictly. */
  readonly request: CompleteRequest
  readonly routing: Routing
  readonly limits: CallerLimits | undefined
  readonly responseId: string
  readonly vectors: Vectors
  plan: Plan
  walk: Walk | undefined
  answering: Attempt | undefined
}

/** Composes the stages. */
export function createEmbedding(deps: EmbeddingDeps): Embedding {
  function start(call: Call, asked: EmbedRequest): Run {
    const { model, user, strict, providerOptions, inputs, dimensions } = asked
    return {
      call,
      inputs,
      dimensions,
      request: create(CompleteRequestSchema, { model, user, strict, providerOptions }),
      routing: deps.routing(),
      limits: deps.limits?.of(call.caller),
      responseId: newId('resp', deps.clock.now()),
      vectors: createVectors(),
      plan: { candidates: [], skipped: [] },
      walk: undefined,
      answering: undefined,
    }
  }

  /** Plans and asks, until somebody has embedded everything. */
  async function advance(run: Run, asked: EmbedRequest): Promise<Attempt> {
    const { call, routing, limits } = run
    validateEmbedRequest(asked)
    if (asked.user !== '') call.note({ user: asked.user })
    const planning = { routing, counter: deps.counter, limits, signal: call.signal }
    run.plan = await planEmbedding(run.request, run.inputs, planning)
    run.walk = createWalk(walkInputOf(run, deps.onEvent), deps.walk)
    const { attempt } = await run.walk.begin()
    // Everything has come by now: this is where the attempt ends.
    for await (const _ of attempt.rest());
    return attempt
  }

  function settled(run: Run, outcome: CallOutcome): Promise<Settled> {
    const { walk, inputs } = run
    return settle(
      {
        ...run,
        operation: 'embeddings',
        messages: [],
        givenTo: () => [],
        countInput: attempt => countInputs(attempt.embedded() ?? inputs, deps.counter),
        answer: createAnswer(),
        writtenBy: () => '',
        attempts: walk?.attempts ?? [],
        waitedMs: walk?.waitedMs() ?? 0,
        holdOf: attempt => walk?.holdOf(attempt),
        outcome,
      },
      deps,
    )
  }

  /** Settles a call that failed. A store that fails as well must not hide why the call did: its fault is logged. */
  async function failed(run: Run, error: GatewayError): Promise<GatewayError> {
    const type = run.call.signal.aborted ? 'cancelled' : 'failed'
    try {
      await settled(run, { type, reason: error.reason })
      return error
    } catch (fault) {
      const faults = error.cause === undefined ? [fault] : [error.cause, fault]
      return error.with({ cause: new AggregateError(faults, 'the call was not settled either') })
    }
  }

  return {
    async embed(call, asked) {
      const run = start(call, asked)
      call.note({ responseId: run.responseId, isStreaming: false, route: () => routeOf(run) })
      try {
        run.answering = await advance(run, asked)
      } catch (caught) {
        throw await failed(run, withRoute(run, afterPart(run, GatewayError.from(caught))))
      }
      try {
        const done = await settled(run, { type: 'completed', finishReason: FinishReason.STOP })
        return responseOf(run, run.answering, done)
      } catch (caught) {
        throw withRoute(run, GatewayError.from(caught))
      }
    },
  }
}

function walkInputOf(run: Run, onEvent: EventSink | undefined): WalkInput {
  const { call, request, inputs, dimensions, plan, vectors } = run
  return {
    candidates: plan.candidates,
    signal: call.signal,
    startedAtMs: call.startedAtMs,
    deadlineAtMs: call.deadlineAtMs,
    tenant: call.caller.tenant,
    question(candidate) {
      const { provider, model } = candidate
      const asked = { provider: provider.id, model: model.id, isStream: false }
      return {
        request,
        messages: [],
        embed: vectors.of(provider.id, { inputs, dimensions }),
        ...(call.trace === undefined ? {} : { trace: call.trace.attemptBegan(candidate, asked) }),
      }
    },
    isStream: false,
    anotherKeyHelps,
    reserve: reserveOf(run),
    isIdempotent: false,
    mayChangeMind: false,
    mayHedge: false,
    ...attemptSink(run, onEvent),
  }
}

/** What asking a candidate may take of the caller's limits: its input is all that it can cost. */
function reserveOf({ limits, plan: { inputTokens } }: Run): WalkInput['reserve'] {
  if (limits === undefined) return undefined
  return ({ model }) =>
    limits.reserve({
      model,
      inputTokens,
      outputTokens: 0,
      mayShrink: false,
      cost: () => (inputTokens === undefined ? undefined : costCeiling(model.price, inputTokens, 0)),
    })
}

/** Once a part was embedded, nothing may say any more that nothing was: a caller would just ask again, and pay again. */
function afterPart({ call, vectors }: Run, error: GatewayError): GatewayError {
  if (error.code !== 'UNAVAILABLE' || call.signal.aborted || !vectors.areBegun()) return error
  return new GatewayError('UPSTREAM_BROKEN', 'only a part of the inputs was embedded: send fewer at once', {
    ...error.details,
    cause: error,
  })
}

function responseOf(run: Run, { candidate, warnings }: Attempt, settled: Settled): ResponseInit {
  const { provider, model } = candidate
  return {
    provider: provider.id,
    model: model.id,
    embeddings: run.vectors.all(provider.id).map((values, index) => ({ index, values })),
    ...settled,
    route: routeOf(run),
    warnings: [...warnings],
  }
}
