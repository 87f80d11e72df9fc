// One call on its way through the stages, and the public answer and route that are made of it.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Message } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest, CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteSchema } from '#gen/exai/v1/route_pb'
import type { Call } from '../core/call.ts'
import type { ChatFiles } from '../core/chat-files.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Candidate, WarningInit } from '../core/provider.ts'
import type { CallOutcome } from '../core/settlement.ts'
import type { CallerLimits } from '../metering/limits.ts'
import type { Attempt } from '../routing/attempt.ts'
import type { Routing } from '../routing/candidates.ts'
import type { Walk } from '../routing/walk.ts'
import type { Answer, AnswerOrigin } from './answer.ts'
import { fittingMessages, type Joined } from './conversation.ts'
import type { CallPlan } from './plan.ts'
import type { Ended, Settled } from './settle.ts'

/** An attempt whose answer broke, and that somebody else went on with. */
export interface Broken {
  readonly attempt: Attempt
  /** Length of all that was written until then, as `written` joins it. */
  readonly until: number
}

/** One call on its way through the stages. */
export interface Run {
  readonly call: Call
  /** Ends the work: the call's own signal, or for a stream also the end of its reading. */
  readonly signal: AbortSignal
  readonly request: CompleteRequest
  /** The configuration that the call began with. */
  readonly routing: Routing
  /** What holds for what the caller asks for; undefined when nothing does. */
  readonly limits: CallerLimits | undefined
  readonly responseId: string
  readonly answer: Answer
  messages: readonly Message[]
  /** The stored files of the chat; undefined while they are not known, and when there are none. */
  files?: ChatFiles | undefined
  /** The conversation that it is kept in; undefined while it is not known, and when nothing is kept. */
  conversation: Joined | undefined
  /** What was not done as asked before anybody was. */
  readonly notes: WarningInit[]
  plan: CallPlan
  /** Its way along the candidates; undefined until they are known. */
  walk: Walk | undefined
  /** The attempt whose answer is passed on; undefined until its first good event. */
  answering: Attempt | undefined
  /** Those whose answers broke before it, and how much of the text was written when they did. */
  readonly broken: Broken[]
  /** Length of the public text where the last of them broke, in UTF-16 code units. */
  seam: number
}

/** What was not done as the request asked, as far as the answering attempt has said. */
export function warningsOf({ answering, broken, notes }: Run): readonly WarningInit[] {
  const told = answering?.warnings ?? []
  const own = notes.length === 0 ? told : [...notes, ...told]
  return broken.length === 0 ? own : [...broken.flatMap(({ attempt }) => attempt.warnings), ...own]
}

/** All that was written so far, in one text. */
export function writtenOf({ answer }: Pick<Run, 'answer'>): string {
  return answer.writtenTexts().join('\n')
}

/** The messages that a candidate is given, and how many of the conversation's oldest are left out for it. */
export function chatFor(
  { messages, conversation, request, plan }: Run,
  { model }: Pick<Candidate, 'model'>,
): { readonly messages: readonly Message[]; readonly leftOut: number } {
  if (conversation === undefined) return { messages, leftOut: 0 }
  return fittingMessages(conversation, request, model, plan.inputTokens)
}

/** What is said of the call's mark when it is answered. */
export function doneEnd(run: Run): Ended['endingOf'] {
  return settled =>
    run.call.recording?.ending({ type: 'completed', response: responseOf(run, settled, 'stripped') })
}

/** What is said of the call's mark when it failed. */
export function failedEnd(run: Run, error: GatewayError): Ended['endingOf'] {
  return () => run.call.recording?.ending({ type: 'failed', error })
}

/** A call at its end, as it is settled. */
export function endedOf(run: Run, outcome: CallOutcome, endingOf: Ended['endingOf']): Ended {
  const { answering, broken } = run
  return {
    ...run,
    attempts: run.walk?.attempts ?? [],
    waitedMs: run.walk?.waitedMs() ?? 0,
    writtenBy(attempt) {
      const place = broken.findIndex(one => one.attempt === attempt)
      if (place < 0 && attempt !== answering) return ''
      const before = place < 0 ? broken.at(-1) : broken[place - 1]
      return writtenOf(run).slice(before?.until ?? 0, broken[place]?.until)
    },
    givenTo: ({ candidate }) => chatFor(run, candidate).messages,
    holdOf: attempt => run.walk?.holdOf(attempt),
    outcome,
    ...(endingOf === undefined ? {} : { endingOf }),
  }
}

/** Who makes an attempt's answer. */
export function originOf({ candidate }: Attempt): AnswerOrigin {
  return { provider: candidate.provider.id, model: candidate.model.id }
}

/** What of a call tells its route. */
export type Routed = Pick<Run, 'request' | 'routing' | 'plan' | 'walk' | 'answering'>

/** The route of a call so far. */
export function routeOf(run: Routed): MessageInitShape<typeof RouteSchema> {
  return {
    requestedModel: run.request.model,
    reason: run.answering?.candidate.reason ?? '',
    attempts: run.walk?.attempts.map(attempt => attempt.record()) ?? [],
    skipped: [...run.plan.skipped, ...(run.walk?.skipped() ?? [])],
    configVersion: run.routing.configVersion,
  }
}

/** An error that tells the route of its call, also when everybody was passed over before anybody could be asked. */
export function withRoute(run: Routed, error: GatewayError): GatewayError {
  const { route } = error.details
  const { configVersion } = run.routing
  if (run.walk !== undefined) return error.with({ route: create(RouteSchema, routeOf(run)) })
  return route === undefined ? error : error.with({ route: { ...route, configVersion } })
}

/** The public answer of a settled call: whole, or stripped of the texts that a stream has sent already. */
export function responseOf(
  run: Run,
  settled: Settled,
  form: 'whole' | 'stripped',
): MessageInitShape<typeof CompleteResponseSchema> {
  const { answer, answering, conversation } = run
  const provider = answering?.candidate.provider.id ?? ''
  const model = answering?.candidate.model.id ?? ''
  const metadata = answer.metadata()
  return {
    id: run.responseId,
    provider,
    model,
    message: form === 'stripped' ? answer.strippedMessage() : answer.message(false),
    finishReason: answer.finishReason(),
    ...settled,
    route: routeOf(run),
    warnings: [...warningsOf(run)],
    conversationId: answer.hasOutput() ? (conversation?.id ?? '') : '',
    providerResponseId: answer.responseId(),
    ...(metadata === undefined ? {} : { providerMetadata: metadata }),
  }
}
