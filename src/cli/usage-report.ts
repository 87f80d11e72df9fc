// `exai usage`: asks a running service what was used, and prints it as a table or as JSON.
import { parseArgs } from 'node:util'
import { create, type JsonObject, toJson } from '@bufbuild/protobuf'
import {
  type GetUsageRequest,
  GetUsageRequestSchema,
  type GetUsageResponse,
  GetUsageResponseSchema,
  MonitoringService,
} from '#gen/exai/v1/monitoring_service_pb'
import { UsageDimension, type UsageRow } from '#gen/exai/v1/usage_report_pb'
import { GatewayError } from '../core/errors.ts'
import { timestampOf } from '../core/time.ts'
import { askService, failureLine, type ServiceTarget } from './client.ts'
import { dollars } from './dollars.ts'
import { safeLine } from './terminal-text.ts'

/** What came of the command: text for stdout, or a line for stderr. */
export type UsageReportEnd =
  | { readonly type: 'printed'; readonly text: string }
  /** `misused`: the arguments are wrong. */
  | { readonly type: 'misused' | 'failed'; readonly line: string }

/** What the command was told. */
interface Wish {
  readonly request: GetUsageRequest
  readonly isJson: boolean
}

const DIMENSIONS: Readonly<Record<string, UsageDimension>> = {
  day: UsageDimension.DAY,
  model: UsageDimension.MODEL,
  provider: UsageDimension.PROVIDER,
  key: UsageDimension.KEY,
  tenant: UsageDimension.TENANT,
}
const PAGE_SIZE = 500
/** Rows that are printed at most: a finer question says more. */
const ROWS_MAX = 100_000
const AGO_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

const HELP = `exai usage: tells what was used, as far as the caller may see it

  --by LIST        day, model, provider, key, tenant, with commas between; without it one line for all
  --since TIME     from then on: 7d, 12h, 2w, 2026-11-01 or 2026-11-01T12:00:00Z; without it 30 days before the end
  --until TIME     before then; without it now
  --tenant NAME    of one tenant; others than one's own need the scope admin
  --json           as JSON; counts and money (costNanoUsd, billionths of a dollar) are strings

It asks the service at HOST and PORT. The credential is EXAI_API_KEY: an API key or a token with the scope monitoring.
`

/** Runs the command; `nowMs` is what times such as `7d` go back from. Never rejects. */
export async function usageReport(
  args: readonly string[],
  target: ServiceTarget,
  nowMs: number,
): Promise<UsageReportEnd> {
  let wish: Wish | 'help'
  try {
    wish = wishOf(args, nowMs)
  } catch (error) {
    return { type: 'misused', line: error instanceof Error ? error.message : String(error) }
  }
  if (wish === 'help') return { type: 'printed', text: HELP }
  const { request, isJson } = wish
  const rows: UsageRow[] = []
  let asked = request
  for (;;) {
    const answer = await askService(target, MonitoringService.method.getUsage, asked)
    if (answer.type !== 'answered') return { type: 'failed', line: failureLine(answer) }
    rows.push(...answer.value.rows)
    const pageToken = answer.value.nextPageToken
    if (pageToken === '' || rows.length >= ROWS_MAX) {
      const whole = { ...answer.value, rows }
      return { type: 'printed', text: isJson ? jsonOf(whole) : tableOf(whole, request.groupBy) }
    }
    asked = { ...request, pageToken }
  }
}

function wishOf(args: readonly string[], nowMs: number): Wish | 'help' {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      by: text,
      since: text,
      until: text,
      tenant: text,
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return 'help'
  const { by = '', since, until, tenant = '', json = false } = values
  return {
    isJson: json,
    request: create(GetUsageRequestSchema, {
      groupBy: by === '' ? [] : by.split(',').map(name => dimensionOf(name.trim())),
      ...(since === undefined ? {} : { startTime: timestampOf(momentOf('--since', since, nowMs)) }),
      ...(until === undefined ? {} : { endTime: timestampOf(momentOf('--until', until, nowMs)) }),
      tenant,
      pageSize: PAGE_SIZE,
    }),
  }
}

function dimensionOf(name: string): UsageDimension {
  const dimension = Object.hasOwn(DIMENSIONS, name) ? DIMENSIONS[name] : undefined
  if (dimension !== undefined) return dimension
  throw misuse(
    `--by has ${JSON.stringify(name)}: give ${Object.keys(DIMENSIONS).join(', ')}, with commas between`,
  )
}

/** `7d`, `12h` and `2w` go back from now; `2026-11-01` is that day's beginning in UTC; else a time of ISO 8601. */
function momentOf(option: string, text: string, nowMs: number): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([hdw])$/.exec(text) ?? []
  const ago = AGO_MS[unit]
  if (ago !== undefined) return nowMs - Number(count) * ago
  const isMoment = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)
  const ms = isMoment ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(ms)) return ms
  throw misuse(`${option} has ${JSON.stringify(text)}: give 7d, 12h, 2w, 2026-11-01 or 2026-11-01T12:00:00Z`)
}

function misuse(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}

function jsonOf(answer: GetUsageResponse): string {
  // Always an object, and without zeros: what is not there is 0, as everywhere in this service's JSON.
  const json = toJson(GetUsageResponseSchema, answer) as JsonObject
  return `${JSON.stringify({ rows: [], ...json, nextPageToken: undefined }, undefined, 2)}\n`
}

interface Column {
  readonly title: string
  readonly isNumber?: true
  readonly cell: (row: UsageRow) => string
}

const BY_COLUMNS: Partial<Record<UsageDimension, Column>> = {
  [UsageDimension.DAY]: { title: 'day', cell: row => row.day },
  [UsageDimension.MODEL]: { title: 'model', cell: row => row.model },
  [UsageDimension.PROVIDER]: { title: 'provider', cell: row => row.provider },
  [UsageDimension.KEY]: { title: 'key', cell: row => [row.keyId, row.keyLabel].filter(Boolean).join(' ') },
  [UsageDimension.TENANT]: { title: 'tenant', cell: row => row.tenant },
}

const count = (title: string, of: (row: UsageRow) => bigint): Column => ({
  title,
  isNumber: true,
  cell: row => of(row).toString(),
})

const SUM_COLUMNS: readonly Column[] = [
  count('calls', row => row.requestCount),
  count('errors', row => row.errorCount),
  count('input', row => row.inputTokens),
  count('cached', row => row.cachedInputTokens),
  count('written', row => row.cacheWriteTokens),
  count('output', row => row.outputTokens),
  count('reasoning', row => row.reasoningTokens),
  { title: 'cost (USD)', isNumber: true, cell: row => dollars(row.costNanoUsd) },
  count('unknown cost', row => row.unknownCostCount),
  count('estimated', row => row.estimatedCount),
]

function tableOf(
  { rows, total, startTime, endTime }: GetUsageResponse,
  by: readonly UsageDimension[],
): string {
  const dimensions = by.flatMap(one => BY_COLUMNS[one] ?? [])
  const columns = [...dimensions, ...SUM_COLUMNS]
  const lines = [
    columns.map(({ title }) => title),
    ...(dimensions.length === 0 ? [] : rows.map(row => columns.map(({ cell }) => safeLine(cell(row))))),
  ]
  if (total !== undefined)
    lines.push(columns.map(({ cell }, index) => (index < dimensions.length ? '' : cell(total))))
  if (dimensions.length > 0) lines.at(-1)?.splice(0, 1, 'total')
  const widths = columns.map((_, index) => Math.max(...lines.map(line => line[index]?.length ?? 0)))
  const drawn = lines.map(line =>
    line
      .map((cell, index) => {
        const width = widths[index] ?? 0
        return columns[index]?.isNumber === true ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
  return `${timeOf(startTime)} to ${timeOf(endTime)}\n\n${drawn.join('\n')}\n`
}

function timeOf(time: { readonly seconds: bigint } | undefined): string {
  return time === undefined ? '' : new Date(Number(time.seconds) * 1000).toISOString().replace('.000Z', 'Z')
}
