// Runs cells in batches on fresh stages, a few at a time, and gathers what was wrong with each.

import type { Made } from './call.ts'
import { type Cell, type CellResult, titleOf } from './cell.ts'
import { judgeMoney } from './judge.ts'
import { type Performance, perform } from './perform.ts'
import { type Cast, isBrief, startStage } from './stage.ts'

/** How a run goes. */
export interface SuiteOptions {
  /** Stages at once. */
  readonly stages: number
  /** Cells of one stage. */
  readonly cellsOfStage: number
  /** Cells of one stage that run at once. */
  readonly cellsAtOnce: number
  /** Hears of each result. */
  readonly onResult?: (result: CellResult) => void
}

/** What came of a run. */
export interface SuiteResult {
  readonly results: readonly CellResult[]
  /** What was wrong with whole stages: a service that did not end well, sockets that outlived it. */
  readonly stageProblems: readonly string[]
}

/** Runs them; results come in the order of the cells. */
export async function runSuite(cells: readonly Cell[], options: SuiteOptions): Promise<SuiteResult> {
  const batches = [cells.filter(isBrief), cells.filter(cell => !isBrief(cell))].flatMap(some =>
    dealt(some, options.cellsOfStage),
  )
  const found = new Map<Cell, CellResult>()
  const stageProblems: string[] = []
  await inTurns(batches, options.stages, async batch => {
    const stage = await startStage(batch)
    const shown: Performance[] = []
    try {
      await inTurns(stage.casts, options.cellsAtOnce, async cast => {
        shown.push(await perform(cast, stage).catch((error: unknown) => crashed(cast, error)))
      })
      const ids = shown.flatMap(({ made }) => made.flatMap(linesOfCall))
      const linesOf = await stage.calls(ids)
      const ledger = await stage.ledger()
      for (const one of shown) {
        const problems = [...one.problems, ...judgeMoney(one, linesOf, ledger)]
        const result = { cell: one.cast.cell, problems, ms: one.ms }
        found.set(result.cell, result)
        options.onResult?.(result)
      }
    } finally {
      stageProblems.push(...(await stage.close()))
    }
  })
  return { results: cells.flatMap(cell => found.get(cell) ?? lost(cell)), stageProblems }
}

/** Its request id, once for each line of the log that tells of it. */
const linesOfCall = ({ plan, requestId }: Made): readonly string[] =>
  plan.isResumed === true ? [requestId, requestId] : [requestId]

/** Neighbours go to different stages, so that no stage has only those that wait, or all those that retry. */
function dealt(cells: readonly Cell[], most: number): readonly (readonly Cell[])[] {
  const count = Math.ceil(cells.length / most)
  return Array.from({ length: count }, (_, at) => cells.filter((_cell, index) => index % count === at))
}

const crashed = (cast: Cast, error: unknown): Performance => ({
  cast,
  made: [],
  problems: [`the suite itself failed: ${error instanceof Error ? error.stack : String(error)}`],
  ms: 0,
})

const lost = (cell: Cell): CellResult => ({ cell, problems: [`${titleOf(cell)} was never run`], ms: 0 })

async function inTurns<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values()
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}
