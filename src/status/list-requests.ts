// Answers which calls there were lately: checks the question, and gives a page of those that the caller may see.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RequestRecord_Outcome as Outcome } from '#gen/exai/v1/event_pb'
import type { ListRequestsRequest, ListRequestsResponseSchema } from '#gen/exai/v1/monitoring_service_pb'
import { type Caller, hasScope } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, wireReason } from '../core/errors.ts'
import type { CallRecord } from '../core/gateway-event.ts'
import { uuidv7 } from '../core/ids.ts'
import { pageLimit, pageToken, placeOf } from '../core/page.ts'
import { millisecondsOf } from '../core/time.ts'
import type { RecentCalls } from './recent-calls.ts'
import { outcomeOf, requestMessage } from './request-message.ts'

/** Answers a request for calls. Throws INVALID_REQUEST, and PERMISSION_DENIED for a tenant that the caller may not see. */
export type RequestList = (
  caller: Caller,
  request: ListRequestsRequest,
) => MessageInitShape<typeof ListRequestsResponseSchema>

/** What a list is made from. */
export interface RequestListDeps {
  readonly calls: Pick<RecentCalls, 'all'>
  readonly clock: Pick<Clock, 'now'>
}

const OUTCOMES: ReadonlySet<number> = new Set(numbersOf(Outcome))
const REASONS: ReadonlySet<number> = new Set(numbersOf(ErrorReason))

function numbersOf(values: object): readonly number[] {
  return Object.values(values).filter(value => typeof value === 'number')
}

type Test = (record: CallRecord) => boolean

/** Makes the list. */
export function createRequestList({ calls, clock }: RequestListDeps): RequestList {
  // Places are those of this process: a token of another one must not be taken for one of them.
  const here = uuidv7(clock.now())
  return (caller, request) => {
    const tenant = tenantOf(caller, request.tenant)
    const limit = pageLimit(request.pageSize)
    const tests = testsOf(request, clock.now())
    if (tenant !== undefined) tests.push(record => record.tenant === tenant)
    const text = textOf(request, tenant, here)
    const before = numberIn(placeOf(request.pageToken, text))
    const found = calls
      .all()
      .filter(({ place, record }) => place < before && tests.every(test => test(record)))
      .sort((a, b) => b.place - a.place)
    const page = found.slice(0, limit)
    const next = found.length > limit ? page.at(-1)?.place : undefined
    return {
      requests: page.map(({ record }) => requestMessage(record)),
      nextPageToken: pageToken(next === undefined ? undefined : String(next), text),
    }
  }
}

/** The tenant whose calls are told; undefined: all. */
function tenantOf(caller: Caller, asked: string): string | undefined {
  if (hasScope(caller, 'admin')) return asked === '' ? undefined : asked
  if (asked === '' || asked === caller.tenant) return caller.tenant
  throw new GatewayError('PERMISSION_DENIED', 'the calls of another tenant need the scope admin')
}

function testsOf(request: ListRequestsRequest, now: number): Test[] {
  const { startTime, endTime, minDuration, outcomes, errors, requestId, responseId, conversationId } = request
  const from = startTime && millisecondsOf(startTime)
  const until = endTime && millisecondsOf(endTime)
  if (from !== undefined && until !== undefined && until < from)
    throw refused('end_time must not be before start_time')
  const leastMs = minDuration && millisecondsOf(minDuration)
  if (leastMs !== undefined && leastMs < 0) throw refused('min_duration must not be negative')
  for (const one of outcomes)
    if (one === Outcome.UNSPECIFIED || !OUTCOMES.has(one))
      throw refused(`outcomes has ${one}: use those of RequestRecord.Outcome`)
  for (const one of errors)
    if (one === ErrorReason.UNSPECIFIED || !REASONS.has(one))
      throw refused(`errors has ${one}: use those of ErrorReason`)
  const { keyIds, providers, models } = request
  const tried = (record: CallRecord) => record.route?.attempts ?? []
  return [
    ...(from === undefined ? [] : [({ startedAt }: CallRecord) => startedAt >= from]),
    ...(until === undefined ? [] : [({ startedAt }: CallRecord) => startedAt < until]),
    ...(requestId === '' ? [] : [(record: CallRecord) => record.requestId === requestId]),
    ...(responseId === '' ? [] : [(record: CallRecord) => record.responseId === responseId]),
    ...(conversationId === '' ? [] : [(record: CallRecord) => record.conversationId === conversationId]),
    ...(keyIds.length === 0 ? [] : [({ keyId }: CallRecord) => keyIds.includes(keyId)]),
    ...(providers.length === 0
      ? []
      : [(record: CallRecord) => tried(record).some(({ provider = '' }) => providers.includes(provider))]),
    ...(models.length === 0
      ? []
      : [(record: CallRecord) => tried(record).some(({ model = '' }) => models.includes(model))]),
    ...(outcomes.length === 0 ? [] : [({ stand }: CallRecord) => outcomes.includes(outcomeOf(stand))]),
    ...(errors.length === 0
      ? []
      : [({ error }: CallRecord) => error !== undefined && errors.includes(wireReason(error))]),
    ...(leastMs === undefined
      ? []
      : [({ startedAt, durationMs = now - startedAt }: CallRecord) => durationMs >= leastMs]),
  ]
}

/** Tells a question from others, for the tokens of its pages. */
function textOf(request: ListRequestsRequest, tenant: string | undefined, here: string): string {
  const { startTime, endTime, minDuration, requestId, responseId, conversationId } = request
  const times = [startTime, endTime, minDuration].map(time =>
    time === undefined ? null : millisecondsOf(time),
  )
  const { keyIds, providers, models, outcomes, errors } = request
  const names = [requestId, responseId, conversationId, tenant ?? null]
  return JSON.stringify(['requests', here, times, names, keyIds, providers, models, outcomes, errors])
}

function numberIn(place: string | undefined): number {
  if (place === undefined) return Number.POSITIVE_INFINITY
  if (!/^\d{1,16}$/.test(place)) throw refused('page_token is damaged; begin again without one')
  return Number(place)
}

function refused(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
