// Sums over the ledger.
import type { Page, PageQuery } from '../../core/page.ts'
import type { UsageDimensionName, UsageQuery, UsageSum } from '../../core/usage-sums.ts'
import { usageSumOf } from '../usage-sum.ts'
import type { Database, Value } from './driver.ts'

const COLUMNS: Readonly<Record<UsageDimensionName, string>> = {
  day: "strftime('%Y-%m-%d', ended_at / 1000, 'unixepoch')",
  model: 'model',
  provider: 'provider',
  // A caller without a key has a subject of another form, and its calls were made with none.
  key: "CASE WHEN subject GLOB 'key_*' THEN subject ELSE '' END",
  tenant: 'tenant',
}

const calls = (which: string): string => `count(DISTINCT CASE WHEN ${which} THEN response_id END)`
// Sums may pass 2^53, where numbers stop being exact.
const sum = (column: string): string => `CAST(coalesce(sum(${column}), 0) AS TEXT)`

const SUMS = `count(DISTINCT response_id) AS requests, ${calls("outcome <> 'completed'")} AS errors,
  ${sum('input_tokens')} AS input_tokens, ${sum('cached_input_tokens')} AS cached_input_tokens,
  ${sum('cache_write_tokens')} AS cache_write_tokens, ${sum('output_tokens')} AS output_tokens,
  ${sum('reasoning_tokens')} AS reasoning_tokens, ${sum('nano_usd')} AS nano_usd,
  ${calls('cost_known = 0')} AS unknown_cost, ${calls('provenance > 1')} AS estimated`

/** Sums by group. The place of a page is how many rows came before it. */
export function usageSums(db: Database, query: UsageQuery & PageQuery): Page<UsageSum> {
  const { groupBy, limit, after = '0' } = query
  const dimensions = groupBy.map(name => `${COLUMNS[name]} AS ${name}`)
  const order = [...(groupBy.includes('day') ? ['day DESC'] : []), 'sum(nano_usd) DESC', ...groupBy]
  const { where, values } = filterOf(query)
  const rows = db.all(
    `SELECT ${[...dimensions, SUMS].join(', ')} FROM ledger WHERE ${where}
       ${groupBy.length > 0 ? `GROUP BY ${groupBy.join(', ')}` : 'HAVING count(*) > 0'}
       ORDER BY ${order.join(', ')} LIMIT ? OFFSET ?`,
    ...values,
    limit + 1,
    Number(after),
  )
  return {
    items: rows.slice(0, limit).map(usageSumOf),
    ...(rows.length > limit ? { next: String(Number(after) + limit) } : {}),
  }
}

/** The sum over all. */
export function usageTotal(db: Database, query: Omit<UsageQuery, 'groupBy'>): UsageSum {
  const { where, values } = filterOf(query)
  return usageSumOf(db.get(`SELECT ${SUMS} FROM ledger WHERE ${where}`, ...values) ?? {})
}

function filterOf({ from, until, models, providers, keys, tenant }: Omit<UsageQuery, 'groupBy'>): {
  where: string
  values: readonly Value[]
} {
  const conditions = ['ended_at >= ?', 'ended_at < ?']
  const values: Value[] = [from, until]
  if (tenant !== undefined) {
    conditions.push('tenant = ?')
    values.push(tenant)
  }
  for (const [column, list] of [
    ['model', models],
    ['provider', providers],
    ['subject', keys],
  ] as const) {
    if (list.length === 0) continue
    // One parameter, however many there are: the statement stays the same.
    conditions.push(`${column} IN (SELECT value FROM json_each(?))`)
    values.push(JSON.stringify(list))
  }
  return { where: conditions.join(' AND '), values }
}
