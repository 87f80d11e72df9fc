// The benchmark of the decoders runs, and measures every one of them; its figures are not judged here.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../support/tools.ts'

const run = promisify(execFile)

it('the benchmark of the decoders measures each of them beside plain JSON.parse', async () => {
  const args = [join(root, 'bench/decoders.ts'), '--smoke', '--json']
  const { stdout } = await run(process.execPath, args, { env: { PATH: process.env['PATH'] } })
  const rows: unknown = JSON.parse(stdout)
  const figure = [expect.any(Number)]
  const row = (name: string) => ({ name, events: expect.any(Number), decoder: figure, parse: figure })
  expect(rows).toEqual(
    ['openai, chat completions', 'openai, responses', 'glm', 'kimi', 'minimax'].flatMap(name => [
      row(`${name}, as recorded`),
      row(`${name}, 200 events of text more`),
    ]),
  )
})
