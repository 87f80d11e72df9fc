// `npm run rolling`: replaces every instance under load with the scripts of deploy/compose, and writes what came of it.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from '../bench/machine.ts'
import { writeBetween } from '../bench/report.ts'
import { LOAD, parts, SETTINGS } from '../tests/rolling/parts.ts'
import { rehearse } from '../tests/rolling/rehearsal.ts'
import { type Played, problemsOf, reportOf } from '../tests/rolling/report.ts'
import { root, tool } from '../tests/support/tools.ts'

const AROUND_SECONDS = 3
// Of the problems of one part.
const SHOWN = 20

const { values: options } = parseArgs({
  options: {
    // Only parts whose name has these words; then nothing is written.
    only: { type: 'string', default: '' },
  },
})
const date = new Date().toISOString().slice(0, 10)
const machine = describeMachine()
const haproxy = tool('haproxy')?.path
if (haproxy === undefined) throw new Error('there is no proxy to rehearse with')
const wanted = parts.filter(({ name }) => name.includes(options.only))
if (wanted.length === 0) throw new Error(`no part is called ${options.only}`)

const played: Played[] = []
for (const part of wanted) {
  console.log(part.name)
  const result = await rehearse({
    ...part,
    ...LOAD,
    haproxy,
    settings: SETTINGS,
    aroundSeconds: AROUND_SECONDS,
  })
  const problems = problemsOf(result)
  for (const problem of problems.slice(0, SHOWN)) console.log(`✗ ${problem}`)
  if (problems.length > SHOWN) console.log(`✗ and ${problems.length - SHOWN} more`)
  const outs = result.endings.reduce((sum, { redisOuts }) => sum + redisOuts, 0)
  if (outs > 0) console.log(`instances went on without Redis ${outs} times: this machine is too busy`)
  played.push({ name: part.name, result })
}
const report = reportOf(played, { date, machine, load: LOAD })
console.log(report)
const isGood = played.every(({ result }) => problemsOf(result).length === 0)
if (isGood && wanted.length === parts.length) {
  writeBetween(join(root, 'docs/deploy.md'), 'rolling', report)
  console.log('written to docs/deploy.md')
}
process.exitCode = isGood ? 0 : 1
