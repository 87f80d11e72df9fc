// Makes one call to the service as a scenario wants it, and writes down everything that a client can see of it.

import type { JsonObject } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { type Client, Code, ConnectError } from '@connectrpc/connect'
import type { ChatService, CompleteResponse, StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RouteAttempt_Outcome as Outcome, type Route } from '#gen/exai/v1/route_pb'
import { type Question, question, textOf, weatherTool } from '../support/clients.ts'
import type { CallPlan, Shape } from './scenario.ts'

/** What is asked, and how. */
export interface Asking {
  readonly shape: Shape
  readonly requestId: string
  readonly model: string
  readonly fallbackModels: readonly string[]
  readonly text: string
  readonly hasTool: boolean
  readonly idempotencyKey?: string | undefined
  readonly deadlineMs?: number | undefined
  readonly allows?: CallPlan['allows']
  readonly isResumed?: true | undefined
  /** Ends the call from the client's side. */
  readonly leaving: AbortController
  /** The event at which the caller leaves. */
  readonly leaveAt?: 'textDelta' | 'toolCallStart' | undefined
}

/** One attempt as the route showed it. */
export interface SeenAttempt {
  readonly provider: string
  readonly outcome: string
  readonly error: string
  readonly key: string
  readonly upstreamCode: string
}

/** What a client saw of a call. */
export interface Seen {
  readonly end: 'answered' | 'failed' | 'left'
  readonly ms: number
  /** Text that arrived, whole or not. */
  readonly text: string
  /** How often somebody went on with a text that broke. */
  readonly seams: number
  readonly toolStarts: number
  readonly toolEnds: number
  readonly response: CompleteResponse | undefined
  readonly attempts: readonly SeenAttempt[]
  readonly code: string
  readonly reason: string
  readonly retryDelayMs: number | undefined
  readonly message: string
  /** Breaches of the contract of streams. */
  readonly breaches: readonly string[]
}

/** One call that was made. */
export interface Made {
  readonly plan: CallPlan
  readonly seen: Seen
  readonly requestId: string
}

/** The name of a number of the contract. */
export function nameIn(names: Readonly<Record<string, number>>, number: number): string {
  return Object.entries(names).find(([, each]) => each === number)?.[0] ?? String(number)
}

/** Longest that any call is waited for. */
const GIVE_UP_MS = 18_000

/** Makes the call; never throws. */
export async function ask(client: Client<typeof ChatService>, asking: Asking): Promise<Seen> {
  const { shape, leaving, deadlineMs } = asking
  const startedAtMs = performance.now()
  const tooLong = AbortSignal.timeout(GIVE_UP_MS)
  const headers = {
    'x-request-id': asking.requestId,
    ...(deadlineMs === undefined ? {} : { 'grpc-timeout': `${deadlineMs}m` }),
  }
  const signal = AbortSignal.any([leaving.signal, tooLong])
  const options = { headers, signal }
  const events: StreamEvent[] = []
  let response: CompleteResponse | undefined
  let error: ConnectError | undefined
  try {
    if (shape === 'unary') response = await client.complete(requestOf(asking), options)
    else if (asking.isResumed === true) await readInTwo(client, asking, signal, events)
    else
      for await (const event of client.streamComplete(requestOf(asking), options)) {
        events.push(event)
        if (event.event.case === asking.leaveAt) leaving.abort()
      }
  } catch (caught) {
    error = ConnectError.from(caught)
  }
  const ms = performance.now() - startedAtMs
  const completed = events.flatMap(({ event }) => (event.case === 'completed' ? [event.value] : []))
  response ??= completed[0]?.response
  const info = error?.findDetails(ErrorInfoSchema)[0]
  const count = (name: string) => events.filter(({ event }) => event.case === name).length
  const isLeft = leaving.signal.aborted && !tooLong.aborted
  return {
    end: isLeft ? 'left' : error === undefined ? 'answered' : 'failed',
    ms,
    text:
      shape === 'unary'
        ? textOf(response?.message)
        : events.map(({ event }) => (event.case === 'textDelta' ? event.value.text : '')).join(''),
    seams: count('rerouted'),
    toolStarts: count('toolCallStart'),
    toolEnds: count('toolCallEnd'),
    response,
    attempts: attemptsOf(response?.route ?? info?.route),
    code: error === undefined ? 'OK' : nameOf(Code[error.code] ?? ''),
    reason: nameIn(ErrorReason, info?.reason ?? 0),
    retryDelayMs: info?.retryDelay === undefined ? undefined : durationMs(info.retryDelay),
    message: error?.rawMessage ?? '',
    breaches: [
      ...(tooLong.aborted ? [`did not end within ${GIVE_UP_MS} ms`] : []),
      ...(shape === 'unary' ? [] : breachesOf(events, error, isLeft)),
    ],
  }
}

/** Cuts the stream at its first text, and reads what is missing by resuming it. */
async function readInTwo(
  client: Client<typeof ChatService>,
  asking: Asking,
  signal: AbortSignal,
  events: StreamEvent[],
): Promise<void> {
  const cutting = new AbortController()
  const cut = { 'x-request-id': asking.requestId }
  try {
    const first = { headers: cut, signal: AbortSignal.any([signal, cutting.signal]) }
    for await (const event of client.streamComplete(requestOf(asking), first)) {
      // What arrives after the cut is lost with the connection.
      if (cutting.signal.aborted) continue
      events.push(event)
      if (event.event.case === 'textDelta') cutting.abort()
    }
  } catch (caught) {
    if (!cutting.signal.aborted || signal.aborted) throw caught
  }
  const [started] = events.flatMap(({ event }) => (event.case === 'started' ? [event.value] : []))
  const rest = { responseId: started?.responseId ?? '', afterSequence: events.at(-1)?.sequence ?? 0 }
  const headers = { 'x-request-id': `${asking.requestId}-resumed` }
  for await (const event of client.resumeStream(rest, { headers, signal })) events.push(event)
}

function requestOf({
  model,
  fallbackModels,
  text,
  hasTool,
  idempotencyKey,
  allows,
  isResumed,
}: Asking): Question {
  // What a tool takes is any JSON object.
  const parameters = weatherTool.parameters as unknown as JsonObject
  return question(model, text, {
    routing: {
      fallbackModels: [...fallbackModels],
      hedge: allows === 'hedge',
      reroute: allows === 'reroute',
    },
    ...(isResumed === true ? { resumeWindow: { seconds: 30n, nanos: 0 } } : {}),
    ...(hasTool ? { tools: [{ ...weatherTool, parameters }] } : {}),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  })
}

function attemptsOf(route: Route | undefined): readonly SeenAttempt[] {
  return (route?.attempts ?? []).map(({ provider, outcome, error, keyLabel, upstreamCode }) => ({
    upstreamCode,
    provider,
    outcome: nameIn(Outcome, outcome),
    error: error === ErrorReason.UNSPECIFIED ? '' : nameIn(ErrorReason, error),
    key: keyLabel,
  }))
}

/** Connect spells codes in camel case: `DeadlineExceeded`, and `Canceled` with one l. */
const nameOf = (code: string): string =>
  code
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toUpperCase()
    .replace('CANCELED', 'CANCELLED')

/** A stream begins with `started`, numbers its events without gaps, and ends in exactly one way. */
function breachesOf(
  events: readonly StreamEvent[],
  error: ConnectError | undefined,
  isLeft: boolean,
): readonly string[] {
  const numbered = events.filter(({ event }) => event.case !== 'heartbeat')
  const kinds = numbered.map(({ event }) => event.case)
  const ends = kinds.filter(kind => kind === 'completed').length + (error === undefined ? 0 : 1)
  const gap = numbered.findIndex(({ sequence }, index) => sequence !== index + 1)
  const started = numbered[0]?.event
  const completed = numbered.at(-1)?.event
  const breaches: string[] = []
  if (ends !== 1 && !isLeft) breaches.push(`the stream ended in ${ends} ways`)
  if (gap !== -1) breaches.push(`event ${gap + 1} has another sequence`)
  if (numbered.length > 0 && started?.case !== 'started') breaches.push('the first event is not started')
  if (kinds.includes('completed') && completed?.case !== 'completed')
    breaches.push('something came after completed')
  const text = { length: 0 }
  for (const { event } of numbered) {
    if (event.case === 'textDelta') text.length += event.value.text.length
    if (event.case === 'rerouted' && event.value.textOffsetCount !== text.length)
      breaches.push(`the seam is told at ${event.value.textOffsetCount}, not ${text.length}`)
  }
  if (
    started?.case === 'started' &&
    completed?.case === 'completed' &&
    !kinds.includes('rerouted') &&
    started.value.provider !== completed.value.response?.provider
  )
    breaches.push('started and completed name different providers')
  return breaches
}
