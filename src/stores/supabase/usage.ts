// Sums over the ledger in the project: what every machine has booked, as far as it has arrived there.
import type { UsageQuery, UsageSums } from '../../core/usage-sums.ts'
import { usageSumOf } from '../usage-sum.ts'
import type { SupabaseConnection } from './connection.ts'
import { type FoundRow, readRows } from './reads.ts'

/** Makes the port. Both methods throw INTERNAL when the project does not answer. */
export function createSupabaseUsage(connection: SupabaseConnection): UsageSums {
  function ask(query: UsageQuery, pageSize: number, skip: number): Promise<readonly FoundRow[]> {
    const { groupBy, from, until, models, providers, keys, tenant } = query
    const asked = {
      group_by: groupBy,
      from: isoOf(from),
      until: isoOf(until),
      models,
      providers,
      keys,
      ...(tenant !== undefined && { tenant }),
      page_size: pageSize,
      skip,
    }
    return readRows(connection, () => connection.client.rpc('usage_sums', { asked }))
  }

  return {
    async sums(query) {
      // The place of a page is how many rows came before it.
      const skip = Number.parseInt(query.after ?? '0', 10) || 0
      const rows = await ask(query, query.limit + 1, Math.max(0, skip))
      const items = rows.slice(0, query.limit).map(usageSumOf)
      return { items, ...(rows.length > query.limit && { next: String(skip + query.limit) }) }
    },
    async total(query) {
      const [row = {}] = await ask({ ...query, groupBy: [] }, 1, 0)
      return usageSumOf(row)
    },
  }
}

/** The year 10000 and later are as good as never. */
const LATEST_MS = Date.parse('9999-01-01T00:00:00Z')

function isoOf(ms: number): string {
  return new Date(Math.max(0, Math.min(ms, LATEST_MS))).toISOString()
}
