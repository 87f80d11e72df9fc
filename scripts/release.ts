// Makes a release: a clean tree, a full check, then the contract's image becomes the baseline that later changes are compared with.
import { steps } from './check.ts'
import { contractImage, read, run, runSteps, StepError } from './step.ts'

/** Writes proto/exai-v1.binpb: our own module and its imports, without comments and positions. */
export function writeImage(): void {
  run({
    tool: 'buf',
    args: ['build', 'proto', '--exclude-source-info', '-o', contractImage],
    remedy: 'correct the .proto file that it names',
  })
}

function checkClean(): void {
  const changed = read({ tool: 'git', args: ['status', '--porcelain'], remedy: 'is this a git clone?' })
  if (changed !== '')
    throw new StepError(`the work tree has changes, commit or remove them first:\n${changed}`)
}

function main(args: readonly string[]): boolean {
  const image = { name: `contract: write ${contractImage}`, run: writeImage }
  const unknown = args.find(arg => arg !== '--image-only')
  if (unknown !== undefined) {
    console.error(`unknown option ${unknown}: npm run release [-- --image-only]`)
    return false
  }
  if (args.includes('--image-only')) return runSteps([image])
  return runSteps([{ name: 'the work tree is clean', run: checkClean }, ...steps, image])
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2)) ? 0 : 1
