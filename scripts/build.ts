// Emits dist/: the service as JavaScript, because Node strips no types below node_modules, the same bundled, and the page for browsers.
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundle } from './bundle.ts'
import { buildPage, PAGE_FOLDER } from './page.ts'
import { root, run, runSteps } from './step.ts'

type Named = { readonly name: string; readonly version: string }

/** Makes dist/ anew from src/ and gen/ts. */
export function build(): void {
  const dist = join(root, 'dist')
  rmSync(dist, { recursive: true, force: true })
  run({ tool: 'tsc', args: ['-p', 'tsconfig.build.json'], remedy: 'correct the types it names' })
  // The nearest package.json decides what #gen/ means: below dist it is the emitted JavaScript.
  // It stands where the service looks for its version, too.
  const { name, version }: Named = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const manifest = { name, version, type: 'module', imports: { '#gen/*': './gen/ts/*.js' } }
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  // Data that is read at run time instead of imported is unknown to tsc.
  for (const file of globSync('src/**/*.json', { cwd: root })) cpSync(join(root, file), join(dist, file))
}

/** Bundles the page, and puts it where the emitted service looks for it. */
function buildBoth(): void {
  buildPage()
  cpSync(join(root, PAGE_FOLDER), join(root, 'dist', PAGE_FOLDER), { recursive: true })
}

const steps = [
  { name: 'build dist', run: build },
  { name: 'bundle the service', run: () => bundle(join(root, 'dist')) },
  { name: 'build the page', run: buildBoth },
]

// `npm run build -- page` bundles the page alone, for whoever works on it.
if (import.meta.main) process.exitCode = runSteps(process.argv[2] === 'page' ? steps.slice(1) : steps) ? 0 : 1
