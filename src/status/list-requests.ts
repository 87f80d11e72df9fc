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

type ListResponse = MessageInitShape<typeof ListRequestsResponseSchema>

/** Answers a request for calls. Throws INVALID_REQUEST, and PERMISSION_DENIED for a tenant that the caller may not see. */
export type RequestList = (
  caller: Caller,
  request: ListRequestsRequest,
) => ListResponse | Promise<ListResponse>

/** A call that was found, as the contract carries it. */
export interface FoundCall {
  readonly place: number
  readonly message: NonNullable<ListResponse['requests']>[number]
}

/** Looks for calls: at most `count` of those before a place, newest first. */
export type FindCalls = (
  caller: Caller,
  request: ListRequestsRequest,
  before: number,
  count: number,
) => readonly FoundCall[]

/** What a list is made from. */
export interface RequestListDeps {
  readonly calls: Pick<RecentCalls, 'all'>
  readonly clock: Pick<Clock, 'now'>
}

/** What a list over several processes is made from. */
export interface JoinedListDeps {
  /** The same in all of them, and another one after a restart of the service. */
  readonly listId: string
  /** Looks in every process; throws as the list does. */
  readonly find: (...asked: Parameters<FindCalls>) => Promise<readonly FoundCall[]>
}

const OUTCOMES: ReadonlySet<number> = new Set(numbersOf(Outcome))
const REASONS: ReadonlySet<number> = new Set(numbersOf(ErrorReason))

function numbersOf(values: object): readonly number[] {
  return Object.values(values).filter(value => typeof value === 'number')
}

type Test = (record: CallRecord) => boolean

/** Makes the list. */
export function createRequestList({
  calls,
  clock,
}: RequestListDeps): (...asked: Parameters<RequestList>) => ListResponse {
  // Places are those of this process: a token of another one must not be taken for one of them.
  const here = uuidv7(clock.now())
  const find = findCalls({ calls, clock })
  return (caller, request) => {
    const asked = askedFor(caller, request, here)
    return pageOf(find(caller, request, asked.before, asked.limit + 1), asked)
  }
}

/** Makes the list of several processes. */
export function createJoinedList({ listId, find }: JoinedListDeps): RequestList {
  return async (caller, request) => {
    const asked = askedFor(caller, request, listId)
    const found = await find(caller, request, asked.before, asked.limit + 1)
    return pageOf(
      found.toSorted((a, b) => b.place - a.place),
      asked,
    )
  }
}

/** Looks among the calls of this process. */
export function findCalls({ calls, clock }: RequestListDeps): FindCalls {
  return (caller, request, before, count) => {
    const tenant = tenantOf(caller, request.tenant)
    const tests = testsOf(request, clock.now())
    if (tenant !== undefined) tests.push(record => record.tenant === tenant)
    return calls
      .all()
      .filter(({ place, record }) => place < before && tests.every(test => test(record)))
      .sort((a, b) => b.place - a.place)
      .slice(0, count)
      .map(({ place, record }) => ({ place, message: requestMessage(record) }))
  }
}

interface AskedFor {
  readonly limit: number
  readonly text: string
  readonly before: number
}

function askedFor(caller: Caller, request: ListRequestsRequest, here: string): AskedFor {
  const tenant = tenantOf(caller, request.tenant)
  const limit = pageLimit(request.pageSize)
  testsOf(request, 0)
  const text = textOf(request, tenant, here)
  return { limit, text, before: numberIn(placeOf(request.pageToken, text)) }
}

function pageOf(found: readonly FoundCall[], { limit, text }: AskedFor): ListResponse {
  const page = found.slice(0, limit)
  const next = found.length > limit ? page.at(-1)?.place : undefined
  return {
    requests: page.map(({ message }) => message),
    nextPageToken: pageToken(next === undefined ? undefined : String(next), text),
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
