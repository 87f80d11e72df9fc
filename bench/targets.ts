// What was promised, what was found, and whether the one keeps the other.
import { alignedTable } from './report.ts'

/** One promise. */
export type Promised = {
  readonly what: string
  readonly target: string
  readonly found: string
  /** Undefined when it could not be found out. */
  readonly isMet: boolean | undefined
}

/** How it is written in a table. */
export function metWord(isMet: boolean | undefined): string {
  if (isMet === undefined) return '?'
  return isMet ? 'yes' : 'no'
}

/** All of them as they stand in the documentation. */
export function describeTargets(promised: readonly Promised[]): string {
  return alignedTable([
    ['promised', 'target', 'found', 'met'],
    ...promised.map(({ what, target, found, isMet }) => [what, target, found, metWord(isMet)]),
  ])
}
