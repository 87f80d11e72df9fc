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

/** In bytes. As V8 does it by itself it is 20 MB to 100 MB, of which not one is in use. */
const GROWN_MAX = 8_000_000

it('what is made where much was kept once is gone with the next small collection, too', async () => {
  const program = join(import.meta.dirname, '../../support/grown-old.ts')
  const args = ['--max-semi-space-size=1', program, 'young']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toMatch(/^\d+$/)
  expect(Number(stdout)).toBeLessThan(GROWN_MAX)
}, 60_000)
