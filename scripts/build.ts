// Emits dist/: the service as JavaScript, because Node strips no types below node_modules.
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

if (import.meta.main) process.exitCode = runSteps([{ name: 'build dist', run: build }]) ? 0 : 1
