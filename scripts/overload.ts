// Measures an overload: npm run overload [-- seconds]. With --docs it writes the figures into docs/capacity.md.
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureOverload, overloadTable } from '../tests/soak/overload.ts'
import { writeBetween } from '../tests/soak/writing.ts'
import { root } from '../tests/support/tools.ts'

const SECONDS = 10

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { docs: { type: 'boolean', default: false } },
  })
  const [seconds = SECONDS] = positionals.map(Number)
  const findings = await measureOverload(seconds)
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores, node ${process.version}`
  const text = `${new Date().toISOString().slice(0, 10)}, \`npm run overload -- ${seconds}\`: ${seconds} s of each load on ${machine}.\n\n${overloadTable(findings)}`
  console.log(text)
  if (values.docs) writeBetween(join(root, 'docs/capacity.md'), 'overload', text)
}
