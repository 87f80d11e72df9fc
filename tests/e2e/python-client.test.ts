// The Python client as people use it: the package of gen/python installed by pip, and the tours of examples/python.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { runProgram } from '../support/program.ts'
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

const python = tool('python-connect')
/** A tour takes two seconds, and many more on a machine that does other things. */
const TOUR_MS = 60_000
const examples = join(root, 'examples/python')

describe.skipIf(python === undefined)('the Python client (skipped without connectrpc: see .ci/run)', () => {
  const interpreter = python?.path ?? ''
  let folder: string
  let toured: Toured
  const surroundings = () => ({ PYTHONPATH: join(folder, 'installed'), PYTHONDONTWRITEBYTECODE: '1' })
  const tour = (name: string, more: Readonly<Record<string, string>> = {}) =>
    stepsOf(interpreter, [join(examples, name)], { ...toured.env, ...surroundings(), ...more })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'exai-python-client-'))
    // pip leaves things beside what it builds.
    await cp(join(root, 'gen/python'), join(folder, 'source'), { recursive: true })
    // What it depends on is in the interpreter's own packages already, the build backend as well.
    const alone = ['--no-deps', '--no-index', '--no-build-isolation', '--quiet']
    const target = ['--target', join(folder, 'installed')]
    await runProgram(interpreter, ['-m', 'pip', 'install', ...alone, ...target, join(folder, 'source')])
    toured = await startToured()
  }, 120_000)

  afterAll(async () => {
    await toured?.service.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it.each(['connect', 'grpc-web', 'grpc'])(
    'takes the whole tour with connectrpc over %s',
    async protocol => {
      expect(await tour('connect_tour.py', { EXAI_PROTOCOL: protocol })).toEqual(TOUR)
      // Who left in time is seen to have left: nothing goes on for a client that is gone.
      await expect
        .poll(() => endingsOf(toured.service, protocol))
        .toEqual(expect.arrayContaining(['CANCELLED', 'NOT_FOUND']))
    },
    TOUR_MS,
  )

  it(
    'takes the whole tour with grpcio',
    async () => {
      expect(await tour('grpc_tour.py')).toEqual(TOUR)
    },
    TOUR_MS,
  )

  it(
    'is there without asyncio for Connect, and with it for grpcio',
    async () => {
      expect(await tour('other_ways.py')).toEqual(['connect, sync', 'grpc, async'])
    },
    TOUR_MS,
  )

  it('is used by the programs of docs/clients.md, which answer', async () => {
    const { service, stop } = await startBehindDouble()
    onTestFinished(stop)
    const programs = await documentedPrograms('python', service)
    expect(programs.map(program => /^(?:from|import) (\w+)/.exec(program)?.[1])).toEqual([
      'connectrpc',
      'grpc',
    ])
    for (const program of programs) {
      const { stdout } = await runProgram(interpreter, ['-c', program], { env: surroundings() })
      expect(stdout).toContain('You said: Hello!')
    }
  })

  it('says what is wrong when it may not call', async () => {
    await expect(tour('grpc_tour.py', { EXAI_API_KEY: 'nobody' })).rejects.toThrow(/UNAUTHENTICATED/)
  })

  it('has types that a strict checker accepts', async () => {
    const args = ['-m', 'mypy', '--strict', '--cache-dir', join(folder, 'mypy'), examples]
    const env = { ...surroundings(), MYPYPATH: join(root, 'gen/python') }
    const { stdout } = await runProgram(interpreter, args, { cwd: folder, env })
    expect(stdout).toMatch(/^Success: no issues found/)
  }, 120_000)
})
