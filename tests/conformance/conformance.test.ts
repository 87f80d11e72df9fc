// Connect's own conformance suite against our port, handler and Connect door, over everything that features.yaml names.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, tool } from '../support/tools.ts'

const suite = tool('connectconformance')
const folder = join(root, 'tests/conformance')

// The suite of the pinned version has this many; fewer would mean that something is left out.
const CASES = 3_640

// The caller's own deadline and its answer may meet on the wire: the caller then stops reading in the middle of it, and the
// suite calls that half an answer malformed.
const COINCIDENT = 'Timeouts/**'

type Run = { readonly code: number | null; readonly output: string }

function runSuite(program: string, way: readonly string[]): Promise<Run> {
  const args = [
    ...['--mode', 'server', '--conf', join(folder, 'features.yaml'), '--max-servers', '2', '--parallel', '4'],
    ...['--known-flaky', COINCIDENT],
    ...['--', process.execPath, join(folder, 'server.ts'), ...way],
  ]
  return new Promise(resolve => {
    const child = execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, output: stdout + stderr }),
    )
  })
}

describe.skipIf(suite === undefined)("Connect's conformance suite (skipped without it: see .ci/run)", () => {
  it.each([
    ['as they are served', []],
    ['served by connect-es alone', ['official']],
  ])(
    'finds nothing to object to in calls %s',
    async (_, way) => {
      const { code, output } = await runSuite(suite?.path ?? '', way)
      expect({ code, failed: output.match(/^FAILED: .*(?:\n\t.*)*/gm) ?? [] }).toEqual({
        code: 0,
        failed: [],
      })
      const [, passed = ''] = /^(\d+) passed, 0 failed/m.exec(output) ?? []
      expect(Number(passed)).toBeGreaterThanOrEqual(CASES)
    },
    180_000,
  )
})
