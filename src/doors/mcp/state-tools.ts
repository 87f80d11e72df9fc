// The tools that are about the service itself: usage and status.
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { z } from 'zod'
import { HealthState, type Status, StatusSchema } from '#gen/exai/v1/status_pb'
import { UsageDimension, type UsageRow, UsageRowSchema } from '#gen/exai/v1/usage_report_pb'
import { GatewayError } from '../../core/errors.ts'
import { millisecondsOf } from '../../core/time.ts'
import { dollars, jsonOf, messageSchema } from './shown.ts'
import { createTool, type Tool } from './tool.ts'

const DIMENSIONS = {
  day: UsageDimension.DAY,
  model: UsageDimension.MODEL,
  provider: UsageDimension.PROVIDER,
  key: UsageDimension.KEY,
  tenant: UsageDimension.TENANT,
} as const

/** Rows of one answer. */
const ROWS_MAX = 100

const moment = z.iso.datetime({ offset: true })

/** Tells what was used. */
export const usageTool: Tool = createTool({
  name: 'usage',
  title: 'Tell what was used',
  description:
    'Sums calls, tokens and cost, as far as the caller may see them: the last 30 days unless told otherwise.',
  input: z.strictObject({
    group_by: z
      .array(z.enum(['day', 'model', 'provider', 'key', 'tenant']))
      .default([])
      .describe('what gets a row of its own. Absent: one row for all'),
    start_time: moment.optional().describe('from then on, such as 2026-11-01T00:00:00Z'),
    end_time: moment.optional().describe('before then. Absent: now'),
    page_token: z.string().default('').describe('next_page_token of the answer before'),
  }),
  output: z.object({
    rows: z.array(messageSchema),
    total: messageSchema,
    next_page_token: z.string(),
  }),
  isReading: true,
  isOutward: false,
  async run({ group_by, start_time, end_time, page_token }, { backend, signal }) {
    const answer = await backend.getUsage(
      {
        groupBy: group_by.map(name => DIMENSIONS[name]),
        ...(start_time === undefined ? {} : { startTime: timestampFromDate(new Date(start_time)) }),
        ...(end_time === undefined ? {} : { endTime: timestampFromDate(new Date(end_time)) }),
        pageSize: ROWS_MAX,
        pageToken: page_token,
      },
      signal,
    )
    const { rows, total, nextPageToken } = answer
    if (total === undefined) throw new GatewayError('INTERNAL', 'the service told no total')
    const lines = group_by.length === 0 ? [] : rows.map(usageLine)
    return {
      content: [{ type: 'text', text: [...lines, `total: ${amountsOf(total)}`].join('\n') }],
      structured: {
        rows: rows.map(row => jsonOf(UsageRowSchema, row)),
        total: jsonOf(UsageRowSchema, total),
        next_page_token: nextPageToken,
      },
    }
  },
})

/** Tells how the service is. */
export const statusTool: Tool = createTool({
  name: 'status',
  title: 'Tell how the service is',
  description: 'Tells how the service is: its parts, providers with their keys, circuits and stores.',
  input: z.strictObject({}),
  output: z.object({ status: messageSchema }),
  isReading: true,
  isOutward: false,
  async run(_args, { backend, signal }) {
    const { status } = await backend.getStatus(signal)
    if (status === undefined) throw new GatewayError('INTERNAL', 'the service told no status')
    return {
      content: [{ type: 'text', text: statusText(status) }],
      structured: { status: jsonOf(StatusSchema, status) },
    }
  },
})

function usageLine(row: UsageRow): string {
  const { day, model, provider, keyLabel, keyId, tenant } = row
  const names = [day, tenant, provider, model, keyLabel === '' ? keyId : keyLabel]
  return `${names.filter(name => name !== '').join(' ')}: ${amountsOf(row)}`
}

function amountsOf(row: UsageRow): string {
  const { requestCount, errorCount, inputTokens, outputTokens, costNanoUsd, unknownCostCount } = row
  return [
    `${requestCount} calls`,
    ...(errorCount === 0n ? [] : [`${errorCount} failed`]),
    `${inputTokens} tokens in`,
    `${outputTokens} out`,
    dollars(costNanoUsd),
    ...(unknownCostCount === 0n ? [] : [`${unknownCostCount} of unknown cost`]),
  ].join(', ')
}

function statusText(status: Status): string {
  const { state, version, uptime, components, providers, stores, draining } = status
  const seconds = uptime === undefined ? 0 : Math.floor(millisecondsOf(uptime) / 1000)
  const parts = [
    ...components.map(({ name, state, detail }) => ({ name, state, detail })),
    ...providers.map(({ provider, state, detail }) => ({ name: `provider ${provider}`, state, detail })),
    ...stores.map(({ name, state, detail }) => ({ name: `store ${name}`, state, detail })),
  ]
  return [
    `${wordOf(state)}, version ${version}, up for ${seconds} s${draining ? ', shutting down' : ''}`,
    ...parts.map(
      ({ name, state, detail }) => `${name}: ${wordOf(state)}${detail === '' ? '' : `, ${detail}`}`,
    ),
  ].join('\n')
}

const WORDS: Readonly<Record<number, string>> = {
  [HealthState.HEALTHY]: 'healthy',
  [HealthState.DEGRADED]: 'degraded',
  [HealthState.UNHEALTHY]: 'unhealthy',
}

function wordOf(state: HealthState): string {
  return WORDS[state] ?? 'unknown'
}
