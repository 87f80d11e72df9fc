// Runs the soak and says whether anything grows: npm run soak [-- minutes rate seed]. With --docs it draws the curve and writes the figures.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drawCurve } from '../tests/soak/curve.ts'
import { faultsOf, lineOf, tableOf } from '../tests/soak/report.ts'
import { runSoak } from '../tests/soak/run.ts'
import { writeBetween } from '../tests/soak/writing.ts'
import { root } from '../tests/support/tools.ts'

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { docs: { type: 'boolean', default: false } },
  })
  const [minutes = 30, rate = 20, seed = Date.now() % 1_000_000] = positionals.map(Number)
  console.log(`${minutes} minutes, ${rate} calls a second, seed ${seed}`)
  const report = await runSoak({
    seconds: minutes * 60,
    ratePerSecond: rate,
    seed,
    onSample: sample => console.log(lineOf(sample)),
  })
  const faults = faultsOf(report)
  const table = tableOf(report, { minutes, rate, seed })
  console.log(`\n${table}\n${faults.length === 0 ? 'Nothing grows.' : faults.join('\n')}`)
  if (values.docs) {
    const title = `Memory of one process, ${minutes} minutes at ${rate} mixed calls a second`
    writeFileSync(join(root, 'docs/soak.svg'), drawCurve(report.samples, title))
    writeBetween(join(root, 'docs/capacity.md'), 'soak', table)
  }
  if (faults.length > 0) process.exitCode = 1
}
