// OpenAI's Python package speaks to /v1/responses.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runProgram } from '../support/program.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root, tool } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const python = tool('python-openai')

describe.skipIf(python === undefined)("OpenAI's package for Python (skipped without it: see .ci/run)", () => {
  let upstream: Upstream
  let service: Service
  let seen: Readonly<Record<string, unknown>>

  beforeAll(async () => {
    upstream = await startUpstream()
    service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
    const script = join(root, 'tests/support/openai-responses.py')
    const { stdout } = await runProgram(python?.path ?? '', [script, `${service.url}/v1`], {
      env: { PATH: process.env['PATH'], PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' },
    })
    seen = JSON.parse(stdout)
  }, 60_000)

  afterAll(async () => {
    await service.stop()
    await upstream.close()
  })

  it('gets a text whole, as a stream, and in the form that it parses', () => {
    expect(seen['whole']).toEqual(['You said: hello there', 'completed', 8])
    expect(seen['streamed']).toEqual({ text: 'You said: hello there', final: 'You said: hello there' })
    expect(seen['parsed']).toBe(true)
  })

  it('has its functions called and their results read', () => {
    expect(seen['tools']).toEqual(['get_weather', expect.stringContaining('21 degrees')])
  })

  it('goes on from the latest answer, and from no earlier one', () => {
    expect(seen['conversation']).toEqual({ same: true, late: 'invalid_request' })
  })

  it('never sees a broken stream completed', () => {
    const types = seen['broken']
    expect(types).toContain('response.failed')
    expect(types).not.toContain('response.completed')
  })
})
