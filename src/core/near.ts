// The known names that someone who typed an unknown one probably meant.

const namesMax = 3
const prefixLengthMin = 3
/** Longer names are compared by their beginning, so that a huge one costs no more than this. */
const comparedLengthMax = 64

/**
 * Gives up to three of `candidates` that look like `name`, the likeliest first: those that continue it, then those
 * within a third of its length in edit distance or which it continues. Letter case does not count.
 */
export function nearestNames(name: string, candidates: readonly string[]): readonly string[] {
  const wanted = name.slice(0, comparedLengthMax).toLowerCase()
  if (wanted === '') return []
  const distanceMax = Math.max(1, Math.floor(wanted.length / 3))
  const ranked: { readonly candidate: string; readonly rank: number; readonly distance: number }[] = []
  for (const candidate of candidates) {
    const known = candidate.slice(0, comparedLengthMax).toLowerCase()
    const distance = editDistance(wanted, known)
    if (continues(known, wanted)) ranked.push({ candidate, rank: 0, distance })
    else if (distance <= distanceMax) ranked.push({ candidate, rank: distance, distance })
    else if (continues(wanted, known)) ranked.push({ candidate, rank: distanceMax + 1, distance })
  }
  ranked.sort((a, b) => a.rank - b.rank || a.distance - b.distance)
  return [...new Set(ranked.map(({ candidate }) => candidate))].slice(0, namesMax)
}

function continues(longer: string, shorter: string): boolean {
  return shorter.length >= prefixLengthMin && longer.startsWith(shorter)
}

/** Levenshtein distance of the first 64 characters of each, one row at a time. */
export function editDistance(one: string, other: string): number {
  const from = one.slice(0, comparedLengthMax)
  const to = other.slice(0, comparedLengthMax)
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let line = 1; line <= from.length; line++) {
    const next = [line]
    for (let column = 1; column <= to.length; column++) {
      const swap = (row[column - 1] ?? 0) + (from[line - 1] === to[column - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
