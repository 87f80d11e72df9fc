// Tests the service through curl, buf curl, grpcurl and grpc-health-probe, which know no more of it than it tells them.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonQuestion, weatherTool } from '../support/clients.ts'
import { manyKeys } from '../support/many-keys.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root, tool } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const COMPLETE = 'exai.v1.ChatService/Complete'
const STREAM = 'exai.v1.ChatService/StreamComplete'

const curl = tool('curl')
const grpcurl = tool('grpcurl')
const probe = tool('grpc-health-probe')
const buf = join(root, 'node_modules/@bufbuild/buf-linux-x64/bin/buf')

let upstream: Upstream
let service: Service
let address: string

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys() })
  service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: upstream.url })
  address = `127.0.0.1:${service.port}`
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Runs a client to its end. `until`: it is killed when it has printed this. */
function run(path: string | undefined, args: readonly string[], until?: string): Promise<Ran> {
  const child = spawn(path ?? '', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    if (until !== undefined && stdout.includes(until)) child.kill('SIGKILL')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
}

/** JSON values one after another, each ending with a brace at the start of a line. */
const jsonValues = (text: string): readonly Record<string, unknown>[] =>
  text
    .trim()
    .split(/(?<=^\})\s*\n/m)
    .filter(value => value.trim() !== '')
    .map(value => JSON.parse(value))

const leftUpstream = (text: string) =>
  upstream.waitFor(
    ({ rawBody, closedByClientAtMs }) => closedByClientAtMs !== undefined && rawBody.includes(text),
  )

const data = (text: string, more: Readonly<Record<string, unknown>> = {}, model = MODEL): string =>
  JSON.stringify(jsonQuestion(model, text, more))

describe.skipIf(curl === undefined).each([
  { version: 'HTTP/1.1', flags: ['--http1.1'] },
  { version: 'HTTP/2', flags: ['--http2-prior-knowledge'] },
])('curl over $version (skipped without curl: apt-get install curl)', ({ version, flags }) => {
  const call = (method: string, body: string, more: readonly string[] = []): Promise<Ran> =>
    run(curl?.path, [
      ...['-sS', '-N', '-w', '\n%{http_code} %{http_version}', ...flags, ...more],
      ...(more.some(flag => flag.startsWith('content-type')) ? [] : ['-H', 'content-type: application/json']),
      ...['-d', body, `${service.url}/${method}`],
    ])
  const reply = ({ stdout }: Ran): { readonly json: unknown; readonly status: string } => {
    const at = stdout.lastIndexOf('\n')
    return { json: JSON.parse(stdout.slice(0, at)), status: stdout.slice(at + 1) }
  }
  const number = version.replace('HTTP/', '').replace('2.0', '2')

  it('gets an answer and a tool call as JSON', async () => {
    const said = reply(await call(COMPLETE, data('hello, 東京')))
    expect(said).toMatchObject({
      status: `200 ${number}`,
      json: { message: { content: [{ text: 'You said: hello, 東京' }] }, finishReason: 'FINISH_REASON_STOP' },
    })
    const called = reply(await call(COMPLETE, data('call the tool', { tools: [weatherTool] })))
    expect(called.json).toMatchObject({
      message: { content: [{ toolCall: { name: 'get_weather', arguments: '{"city":"text"}' } }] },
    })
  })

  it('gets an error as HTTP status and JSON', async () => {
    const failed = reply(await call(COMPLETE, data('hello', {}, 'gpt-4o-minni')))
    expect(failed.status).toBe(`404 ${number}`)
    expect(failed.json).toMatchObject({
      code: 'not_found',
      details: [
        {
          type: 'exai.v1.ErrorInfo',
          debug: { reason: 'ERROR_REASON_MODEL_NOT_FOUND', origin: 'ORIGIN_CLIENT' },
        },
      ],
    })
  })

  it('is told when its deadline has passed', async () => {
    const slow = { providerOptions: { sandbox: { words: 100, delay_ms: 50 } } }
    const failed = reply(
      await call(COMPLETE, data('hello', slow, 'sandbox'), ['-H', 'connect-timeout-ms: 80']),
    )
    expect(failed).toMatchObject({ status: `504 ${number}`, json: { code: 'deadline_exceeded' } })
  })

  it('ends the request to the provider when it is killed', async () => {
    const text = `[[fault:hang-before-headers]] leave curl ${version}`
    const child = spawn(curl?.path ?? '', [
      ...['-sS', ...flags, '-H', 'content-type: application/json', '-d', data(text)],
      `${service.url}/${COMPLETE}`,
    ])
    await upstream.waitFor(({ rawBody }) => rawBody.includes(text))
    child.kill('SIGKILL')
    await leftUpstream(text)
  })
})

describe.each([{ protocol: 'grpc' }, { protocol: 'grpcweb' }, { protocol: 'connect' }])(
  'buf curl with --protocol $protocol, by reflection',
  ({ protocol }) => {
    const call = (method: string, body: string, more: readonly string[] = [], until?: string): Promise<Ran> =>
      run(
        buf,
        [
          ...['curl', '--http2-prior-knowledge', '--protocol', protocol, ...more],
          ...['-d', body, `${service.url}/${method}`],
        ],
        until,
      )

    it('gets an answer, a tool call and a stream', async () => {
      const [said, called, streamed] = await Promise.all([
        call(COMPLETE, data('hello')),
        call(COMPLETE, data('call the tool', { tools: [weatherTool] })),
        call(STREAM, data('one two')),
      ])
      expect(JSON.parse(said.stdout)).toMatchObject({ message: { content: [{ text: 'You said: hello' }] } })
      expect(JSON.parse(called.stdout)).toMatchObject({
        message: { content: [{ toolCall: { name: 'get_weather' } }] },
      })
      const events = jsonValues(streamed.stdout)
      expect(events[0]).toMatchObject({ sequence: 1, started: { provider: 'openai', model: 'test-model' } })
      expect(events.at(-1)).toHaveProperty('completed')
    })

    it('gets an error with its details', async () => {
      const { code, stderr } = await call(COMPLETE, data('[[fault:status=500]] hello'))
      expect(code).not.toBe(0)
      expect(JSON.parse(stderr)).toMatchObject({
        code: 'unavailable',
        details: [{ type: 'exai.v1.ErrorInfo', value: expect.any(String) }],
      })
    })

    it('ends the request to the provider when it is killed in a stream', async () => {
      const text = `[[fault:words=400]][[fault:drip-events=20]] leave buf ${protocol}`
      await call(STREAM, data(text), [], 'textDelta')
      await leftUpstream(text)
    })

    it('is told when its deadline has passed', async () => {
      const slow = { providerOptions: { sandbox: { words: 100, delay_ms: 50 } } }
      const { stderr } = await call(COMPLETE, data('hello', slow, 'sandbox'), ['--timeout', '500ms'])
      expect(JSON.parse(stderr)).toMatchObject({ code: 'deadline_exceeded' })
    })
  },
)

describe.skipIf(grpcurl === undefined)('grpcurl (skipped without it: see .ci/run)', () => {
  const call = (args: readonly string[], until?: string): Promise<Ran> =>
    run(grpcurl?.path, ['-plaintext', ...args], until)

  it('lists the services and describes a method', async () => {
    const [list, described] = await Promise.all([
      call([address, 'list']),
      call([address, 'describe', 'exai.v1.ChatService.Complete']),
    ])
    expect(list.stdout.split('\n')).toEqual(
      expect.arrayContaining([
        ...['AccessService', 'ChatService', 'EmbeddingsService', 'FilesService', 'MonitoringService'].map(
          name => `exai.v1.${name}`,
        ),
        ...['grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection'],
      ]),
    )
    expect(described.stdout).toContain(
      'rpc Complete ( .exai.v1.CompleteRequest ) returns ( .exai.v1.CompleteResponse );',
    )
  })

  it('gets an answer, a tool call and a stream', async () => {
    const [said, called, streamed] = await Promise.all([
      call(['-d', data('hello'), address, COMPLETE]),
      call(['-d', data('call the tool', { tools: [weatherTool] }), address, COMPLETE]),
      call(['-d', data('one two'), address, STREAM]),
    ])
    expect(JSON.parse(said.stdout)).toMatchObject({ message: { content: [{ text: 'You said: hello' }] } })
    expect(JSON.parse(called.stdout)).toMatchObject({ finishReason: 'FINISH_REASON_TOOL_CALLS' })
    const events = jsonValues(streamed.stdout)
    expect(events[0]).toMatchObject({ sequence: 1, started: { provider: 'openai' } })
    expect(events.at(-1)).toHaveProperty('completed')
  })

  it('gets an error with its details, and is told when its deadline has passed', async () => {
    const slow = { providerOptions: { sandbox: { words: 100, delay_ms: 50 } } }
    const [failed, late] = await Promise.all([
      call(['-d', data('[[fault:status=429]] hello'), address, COMPLETE]),
      call(['-max-time', '0.5', '-d', data('hello', slow, 'sandbox'), address, COMPLETE]),
    ])
    expect(failed.stderr).toContain('Code: Unavailable')
    expect(failed.stderr).toContain('"reason": "ERROR_REASON_UPSTREAM_LIMITED"')
    expect(late.stderr).toContain('Code: DeadlineExceeded')
  })

  it('finds the service serving, and is told of a name that nobody has', async () => {
    const check = (service: string): Promise<Ran> =>
      call(['-d', JSON.stringify({ service }), address, 'grpc.health.v1.Health/Check'])
    const [whole, chat, nobody] = await Promise.all([
      check(''),
      check('exai.v1.ChatService'),
      check('nobody'),
    ])
    expect([JSON.parse(whole.stdout), JSON.parse(chat.stdout)]).toEqual([
      { status: 'SERVING' },
      { status: 'SERVING' },
    ])
    expect(nobody.stderr).toContain('Code: NotFound')
  })

  it('ends the request to the provider when it is killed in a stream', async () => {
    const text = '[[fault:words=400]][[fault:drip-events=20]] leave grpcurl'
    await call(['-d', data(text), address, STREAM], 'textDelta')
    await leftUpstream(text)
  })
})

it.skipIf(probe === undefined)(
  'grpc-health-probe finds the service serving, and fails for a name that nobody has (skipped without it)',
  async () => {
    expect((await run(probe?.path, ['-addr', address])).code).toBe(0)
    expect((await run(probe?.path, ['-addr', address, '-service', 'exai.v1.ChatService'])).code).toBe(0)
    expect((await run(probe?.path, ['-addr', address, '-service', 'nobody'])).code).not.toBe(0)
  },
)
