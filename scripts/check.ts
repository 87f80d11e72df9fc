// The whole truth about a work tree: everything that must hold before a change lands, in the order of cheapness.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { REFERENCE } from './api-reference.ts'
import { checkPackages } from './audit.ts'
import { generate } from './gen.ts'
import { contractImage, read, root, run, runSteps, type Step, StepError } from './step.ts'

/** The steps of `npm run check`, the cheap ones first. */
export const steps: readonly Step[] = [
  { name: 'generated code is committed and current', run: checkGenerated },
  {
    name: 'contract: lint',
    run: () => run({ tool: 'buf', args: ['lint'], remedy: 'correct the lines above' }),
  },
  {
    name: 'contract: format',
    run: () =>
      run({ tool: 'buf', args: ['format', '--diff', '--exit-code', 'proto'], remedy: 'run npm run format' }),
  },
  { name: 'contract: nothing broken since the last release', run: checkBreaking },
  {
    name: 'source: lint and format',
    run: () =>
      run({
        tool: 'biome',
        args: ['ci', '.', '--colors=off'],
        remedy: 'run npm run format, then npm run lint',
      }),
  },
  { name: 'packages: install scripts and known weaknesses', run: checkPackages },
  { name: 'source: types', run: () => run({ tool: 'tsc', args: [], remedy: 'correct the types it names' }) },
  ...['web', 'examples/typescript', 'examples/browser'].map(folder => ({
    name: `${folder}: types`,
    run: () => run({ tool: 'tsc', args: ['-p', folder], remedy: 'correct the types it names' }),
  })),
  {
    name: 'tests, with coverage',
    run: () =>
      run({
        tool: 'vitest',
        args: ['run', '--coverage.enabled=true'],
        remedy: 'a test failed, or less than 80 % of the lines or branches of src/ are covered',
      }),
  },
]

/** Fails unless gen/ is what `npm run gen` makes and git (at least its index) has all of it. */
function checkGenerated(): void {
  generate()
  const remedy = 'the contract changed and gen/ did not follow: look at the difference, then git add it'
  run({ tool: 'git', args: ['diff', '--exit-code', '--stat', '--', 'gen', REFERENCE], remedy })
  const untracked = read({
    tool: 'git',
    args: ['ls-files', '--others', '--exclude-standard', '--', 'gen'],
    remedy: 'is this a git clone?',
  })
  if (untracked !== '')
    throw new StepError(`git does not know ${untracked.split('\n').join(', ')}: git add gen`)
}

/** Fails when a released part of the contract has changed its shape or is gone. */
function checkBreaking(): void {
  if (!existsSync(join(root, contractImage))) {
    throw new StepError(`${contractImage} is missing: run npm run release -- --image-only`)
  }
  run({
    tool: 'buf',
    // Imported files are google's; using one less of them breaks nobody.
    args: ['breaking', 'proto', '--exclude-imports', '--against', contractImage],
    remedy: 'clients in the field would break: keep the old shape and add a new one',
  })
}

if (import.meta.main) process.exitCode = runSteps(steps) ? 0 : 1
