// Answers what was used: checks the question, sums the ledger, and says which keys are meant.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { GetUsageRequest, GetUsageResponseSchema } from '#gen/exai/v1/monitoring_service_pb'
import { UsageDimension, type UsageRowSchema } from '#gen/exai/v1/usage_report_pb'
import { type Caller, hasScope } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import type { Keys } from '../core/keys.ts'
import { type Page, pageLimit, pageToken, placeOf } from '../core/page.ts'
import { millisecondsOf, timestampOf } from '../core/time.ts'
import type { UsageDimensionName, UsageQuery, UsageSum, UsageSums } from '../core/usage-sums.ts'

/** What a report is made from. */
export interface UsageReportDeps {
  /** Sums over what this machine has booked. */
  readonly usage: UsageSums
  /** Sums over what all machines have booked; absent where there is no project, and then this machine's are told. */
  readonly usageOfAll?: UsageSums | undefined
  readonly keys: Pick<Keys, 'get'>
  readonly clock: Clock
}

/**
 * Answers a request for usage. Throws INVALID_REQUEST naming the field, PERMISSION_DENIED for a tenant that the caller may
 * not see, and INTERNAL when what has to be summed cannot be asked.
 */
export type UsageReport = (
  caller: Caller,
  request: GetUsageRequest,
) => Promise<MessageInitShape<typeof GetUsageResponseSchema>>

type RowInit = MessageInitShape<typeof UsageRowSchema>

const DAY_MS = 86_400_000
/** How far before its end a report begins when nothing is said. */
const USUAL_DAYS = 30
/** The last instant that a date can be; later is as good as never. */
const LATEST_MS = 8.64e15
/** Keys that are looked for at once. */
const KEYS_AT_ONCE = 8

/** Makes the report. */
export function createUsageReport(deps: UsageReportDeps): UsageReport {
  const { keys, clock, usageOfAll: usage = deps.usage } = deps
  return async (caller, request) => {
    const tenant = tenantOf(caller, request.tenant)
    const groupBy = dimensionsOf(request.groupBy)
    const limit = pageLimit(request.pageSize)
    const text = textOf(request, tenant)
    const { from, until, after } = windowOf(request, placeOf(request.pageToken, text), clock.now())
    const { models, providers, keyIds } = request
    const query: UsageQuery = {
      groupBy,
      from,
      until,
      models,
      providers,
      keys: keyIds,
      ...(tenant === undefined ? {} : { tenant }),
    }
    const [page, total] = await Promise.all([
      usage.sums({ ...query, limit, ...(after === undefined ? {} : { after }) }),
      usage.total(query),
    ])
    const labels = await labelsOf(page, tenant, keys)
    return {
      rows: page.items.map(sum => rowOf(sum, labels.get(sum.key) ?? '')),
      total: rowOf(total, ''),
      startTime: timestampOf(from),
      endTime: timestampOf(until),
      nextPageToken: pageToken(page.next && `${from} ${until} ${page.next}`, text),
    }
  }
}

/** The tenant that is counted; undefined: every one. */
function tenantOf(caller: Caller, asked: string): string | undefined {
  if (hasScope(caller, 'admin')) return asked === '' ? undefined : asked
  if (asked === '' || asked === caller.tenant) return caller.tenant
  throw new GatewayError('PERMISSION_DENIED', 'the usage of another tenant needs the scope admin')
}

const DIMENSIONS: Partial<Record<UsageDimension, UsageDimensionName>> = {
  [UsageDimension.DAY]: 'day',
  [UsageDimension.MODEL]: 'model',
  [UsageDimension.PROVIDER]: 'provider',
  [UsageDimension.KEY]: 'key',
  [UsageDimension.TENANT]: 'tenant',
}

function dimensionsOf(asked: readonly UsageDimension[]): readonly UsageDimensionName[] {
  const names = asked.map(one => {
    const name = DIMENSIONS[one]
    if (name === undefined) throw refused('group_by has an unknown dimension: use those of UsageDimension')
    return name
  })
  if (new Set(names).size < names.length) throw refused('group_by has a dimension twice: name each once')
  return names
}

interface Window {
  readonly from: number
  readonly until: number
  readonly after?: string
}

/** The time that is summed. Pages that follow keep that of the first one, whatever time it is by then. */
function windowOf({ startTime, endTime }: GetUsageRequest, place: string | undefined, now: number): Window {
  if (place !== undefined) {
    const [from = '', until = '', after = ''] = place.split(' ')
    if (![from, until, after].every(part => /^\d{1,16}$/.test(part)))
      throw refused('page_token is damaged; begin again without one')
    return { from: Number(from), until: Number(until), after }
  }
  const until = endTime === undefined ? Math.floor(now) : instantOf(endTime)
  const from = startTime === undefined ? Math.max(0, until - USUAL_DAYS * DAY_MS) : instantOf(startTime)
  if (until < from) throw refused('end_time must not be before start_time')
  return { from, until }
}

/** Calls end at whole milliseconds: those from an instant on are those from the next whole one on. */
function instantOf(time: { readonly seconds: bigint; readonly nanos: number }): number {
  return Math.min(LATEST_MS, Math.max(0, Math.ceil(millisecondsOf(time))))
}

/** Tells a question from others, for the tokens of its pages. */
function textOf(request: GetUsageRequest, tenant: string | undefined): string {
  const { groupBy, startTime, endTime, models, providers, keyIds } = request
  const times = [startTime, endTime].map(time => (time === undefined ? null : millisecondsOf(time)))
  return JSON.stringify(['usage', groupBy, times, models, providers, keyIds, tenant ?? null])
}

/** The labels of the keys on a page, as they are now; a key of a tenant that is not counted has none. */
async function labelsOf(
  { items }: Page<UsageSum>,
  tenant: string | undefined,
  keys: Pick<Keys, 'get'>,
): Promise<ReadonlyMap<string, string>> {
  const labels = new Map<string, string>()
  const left = [...new Set(items.map(({ key }) => key))].filter(key => isId('key', key))
  const lane = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const key = await keys.get(id)
      if (key !== undefined && (tenant === undefined || key.tenant === tenant)) labels.set(id, key.label)
    }
  }
  await Promise.all(Array.from({ length: KEYS_AT_ONCE }, lane))
  return labels
}

function rowOf(sum: UsageSum, keyLabel: string): RowInit {
  return {
    day: sum.day,
    model: sum.model,
    provider: sum.provider,
    keyId: sum.key,
    keyLabel,
    tenant: sum.tenant,
    requestCount: BigInt(sum.requests),
    errorCount: BigInt(sum.errors),
    inputTokens: sum.inputTokens,
    cachedInputTokens: sum.cachedInputTokens,
    cacheWriteTokens: sum.cacheWriteTokens,
    outputTokens: sum.outputTokens,
    reasoningTokens: sum.reasoningTokens,
    costNanoUsd: sum.nanoUsd,
    unknownCostCount: BigInt(sum.unknownCost),
    estimatedCount: BigInt(sum.estimated),
  }
}

function refused(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
