// Tests the service through Python's grpcio, with stubs generated on the spot from proto/.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manyKeys } from '../support/many-keys.ts'
import { runProgram } from '../support/program.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root, tool } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const python = tool('python-grpc')

// The envelope of rich gRPC errors (google/rpc/status.proto), which grpcio leaves to another package.
const STATUS_PROTO = `syntax = "proto3";
package google.rpc;
import "google/protobuf/any.proto";
message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
`

describe.skipIf(python === undefined)('a Python client (skipped without grpcio: see .ci/run)', () => {
  let folder: string
  let upstream: Upstream
  let service: Service
  let seen: Readonly<Record<string, unknown>>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'exai-python-'))
    upstream = await startUpstream({ apiKeys: manyKeys() })
    service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: upstream.url })
    const interpreter = python?.path ?? ''
    await mkdir(join(folder, 'google/rpc'), { recursive: true })
    await writeFile(join(folder, 'google/rpc/status.proto'), STATUS_PROTO)
    const protos = await readdir(join(root, 'proto/exai/v1'))
    await runProgram(interpreter, [
      ...['-m', 'grpc_tools.protoc', `-I${join(root, 'proto')}`, `-I${folder}`],
      ...[`--python_out=${folder}`, `--grpc_python_out=${folder}`, 'google/rpc/status.proto'],
      ...protos.map(name => `exai/v1/${name}`),
    ])
    // google is a package of protobuf's own; this makes room in it for one more folder.
    const start = `import google, os; google.__path__.append(os.path.join(${JSON.stringify(folder)}, 'google'))`
    await writeFile(join(folder, 'sitecustomize.py'), `${start}\n`)
    const script = join(root, 'tests/support/python-client.py')
    const { stdout } = await runProgram(
      interpreter,
      [script, `127.0.0.1:${service.port}`, 'openai/test-model'],
      {
        env: { PATH: process.env['PATH'], PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
      },
    )
    seen = JSON.parse(stdout)
  }, 60_000)

  afterAll(async () => {
    await service.stop()
    await upstream.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('gets an answer', () =>
    expect(seen['unary']).toEqual({ text: 'You said: bonjour, Zürich 🗼', output_tokens: 5 }))

  it('gets a stream', () =>
    expect(seen['stream']).toEqual({
      text: 'You said: one two three',
      kinds: ['started', ...Array(5).fill('text_delta'), 'usage', 'completed'],
    }))

  it('gets a tool call', () => expect(seen['tool']).toEqual({ name: 'look', arguments: { city: 'text' } }))

  it('gets an error with its details', () =>
    expect(seen['error']).toEqual({
      code: 'UNAVAILABLE',
      reason: 'ERROR_REASON_UPSTREAM_UNAVAILABLE',
      provider: 'openai',
      same_message: true,
      same_id: true,
    }))

  it('is told when its deadline has passed', () => expect(seen['deadline']).toBe('DEADLINE_EXCEEDED'))

  it('ends the request to the provider when it cancels', async () => {
    expect(seen['cancel']).toBe('CANCELLED')
    await upstream.waitFor(
      ({ rawBody, closedByClientAtMs }) =>
        closedByClientAtMs !== undefined && rawBody.includes('leave Python'),
    )
  })
})
