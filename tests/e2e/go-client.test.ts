// The Go client as people use it: both tours of examples/go, built with the module of gen/go, over every protocol.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root, tool } from '../support/tools.ts'
import { endingsOf, startToured, stepsOf, TOUR, type Toured } from '../support/tour.ts'

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

  it('says what is wrong when it may not call', async () => {
    const env = { ...toured.env, EXAI_API_KEY: 'nobody' }
    const failed = stepsOf(join(folder, 'connect'), [], env)
    await expect(failed).rejects.toThrow(/chat: unauthenticated/)
  })
})
