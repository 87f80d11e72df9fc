// Decides what of the waiting changes is sent together: in order where order matters, at once where it does not.
import type { OutboxEntry, OutboxTable } from '../../core/outbox.ts'

/** Changes of one table that are sent in one request. */
export interface Slice {
  readonly table: OutboxTable
  readonly entries: readonly OutboxEntry[]
  /** By the place of an entry: the places of earlier changes of the same row, which arrive with it. */
  readonly earlier: ReadonlyMap<number, readonly number[]>
}

/** How large a request may be. */
export interface SliceLimits {
  readonly rowsMax: number
  readonly bytesMax: number
}

/**
 * Plans a window of changes: phases one after another, the slices of each at once. First rows are written, those of the
 * first table first; then rows are removed, those of the last table first. A row that changed several times goes once.
 */
export function planWindow(
  entries: readonly OutboxEntry[],
  tables: readonly OutboxTable[],
  limits: SliceLimits,
): readonly (readonly Slice[])[] {
  const { last, earlier } = lastOfEach(entries)
  const phaseOf = (table: OutboxTable, isRemoval: boolean): readonly Slice[] =>
    sliced(
      last.filter(each => each.table === table && (each.row === undefined) === isRemoval),
      limits,
    ).map(some => ({ table, entries: some, earlier }))
  return [
    ...tables.map(table => phaseOf(table, false)),
    ...tables.toReversed().map(table => phaseOf(table, true)),
  ].filter(phase => phase.length > 0)
}

/** Halves a slice that is refused; undefined when there is nothing to halve. */
export function halves(slice: Slice): readonly [Slice, Slice] | undefined {
  const { entries } = slice
  if (entries.length < 2) return undefined
  const middle = Math.ceil(entries.length / 2)
  return [
    { ...slice, entries: entries.slice(0, middle) },
    { ...slice, entries: entries.slice(middle) },
  ]
}

/** The places of a slice's entries and of the earlier changes that arrive with them. */
export function placesOf({ entries, earlier }: Slice): readonly number[] {
  return entries.flatMap(({ sequence }) => [...(earlier.get(sequence) ?? []), sequence])
}

/** The last change of each row, in order. */
export function lastOfEach(entries: readonly OutboxEntry[]): {
  readonly last: readonly OutboxEntry[]
  readonly earlier: ReadonlyMap<number, readonly number[]>
} {
  const rows = new Map<string, OutboxEntry>()
  const earlier = new Map<number, readonly number[]>()
  for (const entry of entries) {
    const name = `${entry.table} ${entry.id}`
    const before = rows.get(name)
    if (before !== undefined) {
      earlier.set(entry.sequence, [...(earlier.get(before.sequence) ?? []), before.sequence])
      // Set anew at the end, so that the order is that of the last changes.
      rows.delete(name)
    }
    rows.set(name, entry)
  }
  return { last: [...rows.values()], earlier }
}

function sliced(
  entries: readonly OutboxEntry[],
  { rowsMax, bytesMax }: SliceLimits,
): readonly (readonly OutboxEntry[])[] {
  const slices: OutboxEntry[][] = []
  let bytes = 0
  for (const entry of entries) {
    const size = sizeOf(entry)
    const open = slices.at(-1)
    if (open === undefined || open.length >= rowsMax || bytes + size > bytesMax) {
      slices.push([entry])
      bytes = size
    } else {
      open.push(entry)
      bytes += size
    }
  }
  return slices
}

// Letters, not bytes: near enough for a limit, and it costs nothing to know.
function sizeOf({ row = {} }: OutboxEntry): number {
  return Object.values(row).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : 20),
    0,
  )
}
