// Runs the benchmark for a moment: every protocol must give a figure, however large it is.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../support/tools.ts'

type Figure = { readonly micros: number; readonly rate: number; readonly messages: number }
type Row = { readonly name: string; readonly exai: Figure; readonly floor: Figure; readonly ratio: number }

const TEXT_EVENTS = 100
let folder: string
let rows: readonly Row[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exai-bench-test-'))
  const json = join(folder, 'rows.json')
  // It fails by itself when one answer is wrong.
  await promisify(execFile)(process.execPath, [join(root, 'bench/run.ts'), '--smoke', '--json', json], {
    cwd: root,
  })
  rows = JSON.parse(await readFile(json, 'utf8')).rows
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each(['unary', 'stream at once', 'stream with pauses'])('the load %s', kind => {
  test.each(['Connect JSON', 'gRPC,', 'gRPC-Web'])('is measured over %s, beside the floor', protocol => {
    const found = rows.filter(({ name }) => name.startsWith(kind) && name.includes(protocol))
    expect(found).toHaveLength(1)
    for (const { exai, floor, ratio } of found) {
      for (const figure of [exai.micros, exai.rate, floor.micros, floor.rate, ratio]) {
        expect(figure).toBeGreaterThan(0)
        expect(figure).toBeLessThan(Number.POSITIVE_INFINITY)
      }
      expect(exai.messages).toBeGreaterThanOrEqual(kind === 'unary' ? 1 : TEXT_EVENTS)
    }
  })
})
