// What calls leave behind in memory.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** Collections of the whole heap: one while the program starts, and room for chance. With one of the faults below there are five or more. */
const WHOLE_MAX = 3

// An object literal with a getter, a generator that is made for each call, a Set with much coming and going: each of them
// keeps what a call made until the whole heap is collected, and every scavenge copies it.
it('what a call made is gone with the next small collection', async () => {
  const program = join(import.meta.dirname, '../../support/garbage.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=16', program])
  expect(Number(stdout)).toBeLessThanOrEqual(WHOLE_MAX)
}, 60_000)
