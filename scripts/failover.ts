// `npm run failover`: every scenario for every provider and both shapes, the score, and the report in docs/failover.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from '../bench/machine.ts'
import { writeBetween } from '../bench/report.ts'
import { cellsOf } from '../tests/failover/cell.ts'
import { type Death, type OutageOptions, runOutage } from '../tests/failover/outage.ts'
import { addedMs, isQuiet, type OutageRun, outageReport } from '../tests/failover/outage-report.ts'
import { complaintOf, isWanted, OUTAGE, outageIn, reportOf, scoreOf } from '../tests/failover/report.ts'
import { codeTopic, topics } from '../tests/failover/scenarios.ts'
import { runSuite } from '../tests/failover/suite.ts'
import { root } from '../tests/support/tools.ts'

const { values: options } = parseArgs({
  options: {
    // Only cells whose title has these words; then nothing is written.
    only: { type: 'string', default: '' },
    // Services at once, and cells at once in each.
    stages: { type: 'string', default: '2' },
    'at-once': { type: 'string', default: '10' },
    // Instead of the scenarios: the outage under load. Its seconds are those of the outage.
    outage: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '200' },
  },
})
const REPORT = join(root, 'docs/failover.md')
const FULL_OUTAGE_S = 60
const SETTLE_S = 5
const HEALTHY_S = 10
const AFTER_S = 35
const CELLS_OF_STAGE = 48

const date = new Date().toISOString().slice(0, 10)
const machine = describeMachine()
process.exitCode = (await (options.outage ? measureOutages() : playScenarios())) ? 0 : 1

/** Resolves with whether the score is full. */
async function playScenarios(): Promise<boolean> {
  const all = [...topics, codeTopic].flatMap(({ scenarios }) => cellsOf(scenarios))
  const cells = all.filter(cell => isWanted(cell, options.only))
  if (cells.length === 0) throw new Error(`no cell is called ${options.only}`)
  const startedAtMs = performance.now()
  const { results, stageProblems } = await runSuite(cells, {
    stages: Number(options.stages),
    cellsOfStage: CELLS_OF_STAGE,
    cellsAtOnce: Number(options['at-once']),
    onResult: result => {
      if (result.problems.length > 0) console.log(complaintOf(result))
    },
  })
  const seconds = (performance.now() - startedAtMs) / 1000
  const good = results.filter(({ problems }) => problems.length === 0).length
  for (const problem of stageProblems) console.log(`✗ ${problem}`)
  console.log(`score ${scoreOf(results)} %: ${good} of ${results.length} cells in ${seconds.toFixed(0)} s`)
  if (cells.length === all.length) {
    const outage = existsSync(REPORT) ? outageIn(readFileSync(REPORT, 'utf8')) : undefined
    writeFileSync(REPORT, reportOf({ results, date, machine, seconds, outage }))
    console.log('written to docs/failover.md')
  }
  return good === results.length && stageProblems.length === 0
}

/** Resolves with whether no call failed. */
async function measureOutages(): Promise<boolean> {
  const outageSeconds = Number(options.seconds)
  const isFull = outageSeconds >= FULL_OUTAGE_S
  const deaths: readonly Death[] = ['refuses', 'fails', 'hangs']
  const runs: OutageRun[] = []
  for (const death of deaths) {
    const asked: OutageOptions = {
      death,
      rate: Number(options.rate),
      settleSeconds: SETTLE_S,
      healthySeconds: isFull ? HEALTHY_S : HEALTHY_S / 2,
      outageSeconds,
      afterSeconds: isFull ? AFTER_S : 3,
      // A short outage needs a circuit that is tried again soon.
      ...(isFull ? {} : { openSeconds: 2 }),
    }
    const result = await runOutage(asked)
    runs.push({ options: asked, result })
    for (const failure of result.failures) console.log(`✗ ${failure}`)
    if (!isQuiet(result)) console.log(`${death}: the machine is too busy to compare times on it`)
    console.log(
      `${death}: ${result.failed} of ${result.calls} calls failed, ${addedMs(result).toFixed(1)} ms added at p99`,
    )
  }
  const text = outageReport(runs, date, machine)
  console.log(text)
  if (isFull) writeBetween(REPORT, OUTAGE, text)
  return runs.every(({ result }) => result.failed === 0)
}
