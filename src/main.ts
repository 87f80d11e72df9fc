// The command: keeps what Node compiles, and hands the arguments and the environment to what they ask for.
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

// Before all other code of the project is imported, so that the next start need not compile it again, nor strip its types. In the
// user's own folder, because whoever can write there decides what runs. Coverage of code that was not compiled here would be less exact.
if (process.env['NODE_V8_COVERAGE'] === undefined) {
  enableCompileCache(join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'exai'))
}

const { runCommandLine } = await import('./cli/run.ts')
process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  version: manifest.version,
  entry: import.meta.filename,
})
