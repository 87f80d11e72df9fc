// Runs the chaos and says what came of it: npm run chaos [-- seconds seed]. Fails when anything was lost, left over or is there twice.
import { runChaos } from '../tests/support/chaos.ts'

if (import.meta.main) {
  const [seconds = 120, seed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number)
  const redis = process.env['EXAI_CHAOS_REDIS'] !== '0'
  console.log(`${seconds} s of kill -9, seed ${seed}${redis ? '' : ', without Redis'}`)
  const report = await runChaos({ seconds, seed, redis })
  console.log(JSON.stringify(report, undefined, 2))
  const { store, project, askedTwice, deadLetters } = report
  const faults = [...Object.values(store), ...Object.values(project), askedTwice, deadLetters]
  if (faults.some(count => count > 0)) process.exitCode = 1
}
