// `npm run attack`: every attack against two running gateways, the table of how they went, and the sum.
import { parseArgs } from 'node:util'
import { play } from '../tests/security/play.ts'
import { openStage } from '../tests/security/stage.ts'
import { attacks, tableOf } from '../tests/security/suite.ts'

const { values: options } = parseArgs({
  options: {
    // Only attacks whose topic or name has these words.
    only: { type: 'string', default: '' },
    // Attacks at once.
    'at-once': { type: 'string', default: '6' },
    // With a Supabase project behind the guarded gateway: real Postgres, and PostgREST.
    project: { type: 'boolean', default: false },
    // Leaves out those that wait for a limit of time.
    quick: { type: 'boolean', default: false },
  },
})

const wanted = attacks
  .filter(({ topic, name }) => `${topic}: ${name}`.includes(options.only))
  .filter(({ isLong = false }) => !(options.quick && isLong))
if (wanted.length === 0) throw new Error(`no attack is called ${options.only}`)
const startedAtMs = performance.now()
const stage = await openStage({ hasProject: options.project })
try {
  const results = await play(stage, wanted, {
    atOnce: Number(options['at-once']),
    onPlayed: ({ attack, problems }) => {
      if (problems.length > 0) console.log(`✗ ${attack.topic}: ${attack.name}`)
    },
  })
  console.log(tableOf(results, true))
  console.log(`in ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`)
  process.exitCode = results.some(({ problems }) => problems.length > 0) ? 1 : 0
} finally {
  await stage.stop()
}
