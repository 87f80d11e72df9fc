// Generates gen/ts from proto/ and the two standard gRPC services, with local plugins only.
import { run, runSteps } from './step.ts'

/** Writes gen/ts anew; what is no longer generated disappears. */
export function generate(): void {
  run({ tool: 'buf', args: ['generate'], remedy: 'correct the .proto file that it names' })
}

if (import.meta.main) process.exitCode = runSteps([{ name: 'generate gen/ts', run: generate }]) ? 0 : 1
