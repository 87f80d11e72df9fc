// The Go client as people use it: both tours of examples/go, built with the module of gen/go, over every protocol.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { root, tool } from '../support/tools.ts'
import {
  documentedPrograms,
  endingsOf,
  startBehindDouble,
  startToured,
  stepsOf,
  TOUR,
  type Toured,
} from '../support/tour.ts'

const run = promisify(execFile)
const go = tool('go')

describe.skipIf(go === undefined)('the Go client (skipped without Go)', () => {
  let folder: string
  let toured: Toured

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'exai-go-'))
    const args = ['build', '-o', `${folder}/`, './connect', './grpc']
    await run(go?.path ?? '', args, { cwd: join(root, 'examples/go') })
    toured = await startToured()
  }, 300_000)

  afterAll(async () => {
    await toured?.service.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it.each([
    ['connect', 'connect'],
    ['connect', 'grpc-web'],
    ['grpc', 'grpc'],
    ['connect', 'grpc'],
  ] as const)('takes the whole tour with %s-go over %s', async (program, protocol) => {
    const { service, env } = toured
    expect(await stepsOf(join(folder, program), [], { ...env, EXAI_PROTOCOL: protocol })).toEqual(TOUR)
    // Who left in time is seen to have left: nothing goes on for a client that is gone.
    await expect
      .poll(() => endingsOf(service, protocol))
      .toEqual(expect.arrayContaining(['CANCELLED', 'NOT_FOUND']))
  })

  it('is used by the program of docs/clients.md, which answers', async () => {
    const { service, stop } = await startBehindDouble()
    onTestFinished(stop)
    const cwd = join(folder, 'documented')
    await mkdir(cwd)
    const [program = '', ...others] = await documentedPrograms('go', service)
    expect(others).toEqual([])
    await writeFile(join(cwd, 'main.go'), program)
    await writeFile(join(cwd, 'go.mod'), 'module documented\n\ngo 1.26.0\n')
    await cp(join(root, 'examples/go/go.sum'), join(cwd, 'go.sum'))
    const replaced = `exai.internal/client=${join(root, 'gen/go')}`
    const edits = ['-require=exai.internal/client@v0.0.0', `-replace=${replaced}`]
    await run(go?.path ?? '', ['mod', 'edit', ...edits], { cwd })
    const { stdout } = await run(go?.path ?? '', ['run', '-mod=mod', '.'], { cwd })
    expect(stdout).toContain('You said: Hello!')
  }, 120_000)

  it('says what is wrong when it may not call', async () => {
    const env = { ...toured.env, EXAI_API_KEY: 'nobody' }
    const failed = stepsOf(join(folder, 'connect'), [], env)
    await expect(failed).rejects.toThrow(/chat: unauthenticated/)
  })
})
