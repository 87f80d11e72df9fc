// One call on its way through the stages, and the public answer and route that are made of it.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Message } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest, CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import type { RouteSchema } from '#gen/exai/v1/route_pb'
import type { Call } from '../core/call.ts'
import type { WarningInit } from '../core/provider.ts'
import type { Attempt } from '../routing/attempt.ts'
import type { Plan, Routing } from '../routing/candidates.ts'
import type { Answer } from './answer.ts'
import type { Settled } from './settle.ts'

/** One call on its way through the stages. */
export interface Run {
  readonly call: Call
  /** Ends the work: the call's own signal, or for a stream also the end of its reading. */
  readonly signal: AbortSignal
  readonly request: CompleteRequest
  /** The configuration that the call began with. */
  readonly routing: Routing
  readonly responseId: string
  readonly answer: Answer
  readonly warnings: WarningInit[]
  readonly attempts: Attempt[]
  messages: readonly Message[]
  plan: Plan
  /** The attempt whose answer is passed on; undefined until its first good event. */
  answering: Attempt | undefined
}

/** The route of a call so far. */
export function routeOf(run: Run): MessageInitShape<typeof RouteSchema> {
  return {
    requestedModel: run.request.model,
    reason: run.answering?.candidate.reason ?? '',
    attempts: run.attempts.map(attempt => attempt.record()),
    skipped: [...run.plan.skipped],
    configVersion: run.routing.configVersion,
  }
}

/** The public answer of a settled call: whole, or stripped of the texts that a stream has sent already. */
export function responseOf(
  run: Run,
  settled: Settled,
  form: 'whole' | 'stripped',
): MessageInitShape<typeof CompleteResponseSchema> {
  const { answer, answering } = run
  const provider = answering?.candidate.provider.id ?? ''
  const model = answering?.candidate.model.id ?? ''
  const metadata = answer.metadata()
  return {
    id: run.responseId,
    provider,
    model,
    message:
      form === 'stripped'
        ? answer.strippedMessage({ provider, model })
        : answer.message({ provider, model }, false),
    finishReason: answer.finishReason(),
    ...settled,
    route: routeOf(run),
    warnings: run.warnings,
    providerResponseId: answer.responseId(),
    ...(metadata === undefined ? {} : { providerMetadata: metadata }),
  }
}
