// Shows the closing line on real runs of vitest: what it counts, and that nothing comes after it.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closingLine } from './closing.ts'
import { root } from './tools.ts'

const header = "import { expect, test } from 'vitest'\n"
const passing = `${header}test('a', () => expect(1).toBe(1))\n`
let folder: string

beforeAll(async () => {
  // Below the root, so that vitest itself is found; git ignores build/.
  await mkdir(join(root, 'build'), { recursive: true })
  folder = await mkdtemp(join(root, 'build/closing-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('names skipped tests only when there are any', () => {
  expect(closingLine({ passed: 2, failed: 0, skipped: 0 })).toBe('2 passed, 0 failed')
  expect(closingLine({ passed: 0, failed: 1, skipped: 3 })).toBe('0 passed, 1 failed, 3 skipped')
})

test('a run that passed closes with its count', async () => {
  expect(await lastLine('passed', { 'a.test.ts': passing })).toEqual({ line: '1 passed, 0 failed', code: 0 })
})

test('a failed test, an error outside of tests and a file that can not be loaded are failures', async () => {
  const files = {
    'a.test.ts': `${passing}test('b', () => expect(1).toBe(2))\ntest.skipIf(true)('c', () => {})\n`,
    'b.test.ts': `${header}import './absent.ts'\ntest('d', () => {})\n`,
    'c.test.ts':
      `${header}test('e', () => { setTimeout(() => { throw new Error('late') }, 0) })\n` +
      `test('f', () => new Promise(done => setTimeout(done, 50)))\n`,
  }
  expect(await lastLine('failed', files)).toEqual({ line: '3 passed, 3 failed, 1 skipped', code: 1 })
})

test('a run without tests passed nothing', async () => {
  expect(await lastLine('empty', {})).toEqual({ line: '0 passed, 0 failed', code: 1 })
})

async function lastLine(name: string, files: Readonly<Record<string, string>>) {
  const dir = join(folder, name)
  await mkdir(dir)
  const reporters = ['default', join(root, 'tests/support/closing.ts')]
  const config = `export default ${JSON.stringify({ test: { reporters } })}\n`
  for (const [file, text] of Object.entries({ ...files, 'vitest.config.js': config })) {
    await writeFile(join(dir, file), text)
  }
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  return await new Promise<{ line: string | undefined; code: unknown }>(resolve => {
    execFile(process.execPath, [vitest, 'run', '--root', dir], { cwd: dir }, (error, stdout) =>
      resolve({ line: stdout.trimEnd().split('\n').at(-1), code: error === null ? 0 : error.code }),
    )
  })
}
