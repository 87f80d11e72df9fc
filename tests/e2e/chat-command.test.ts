// `exai chat` in pipes: what it prints and where, what it sends, and that nothing but a whole answer looks like success.
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { runChat, startChat } from '../support/chat-command.ts'
import { runCommand, type Service, startService } from '../support/running-server.ts'
import { selfSigned } from '../support/self-signed.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

// Each test starts the command several times, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const MODEL = ['--model', 'openai/test-model']

let upstream: Upstream
let service: Service
beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const run = (args: readonly string[], input = '', files = {}) =>
  runChat([...MODEL, ...args], { port: service.port, files }, input)

/** One line for people that ends with the id of the call. */
const FAILED = /^exai: [a-z_]+: .+ \(request call_[\w-]+\)\n$/

type Body = { readonly messages: readonly { readonly content: unknown }[] }
/** The double has checked the shape of what it answers. */
const lastBody = () => upstream.requests.at(-1)?.body as Body

type Listed = { readonly filename?: string; readonly createTime?: string; readonly expireTime?: string }

async function postFiles(method: string): Promise<unknown> {
  const init = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
  return (await fetch(`${service.url}/exai.v1.FilesService/${method}`, init)).json()
}

describe('a question', () => {
  it('on the command line is answered with the text and nothing else', async () => {
    expect(await run(['hello, 東京'])).toEqual({ code: 0, stdout: 'You said: hello, 東京\n', stderr: '' })
    expect(await run(['two', 'words'])).toMatchObject({ stdout: 'You said: two words\n' })
  })

  it('is taken from standard input, and with a dash from both', async () => {
    expect(await run([], 'piped\n')).toEqual({ code: 0, stdout: 'You said: piped\n', stderr: '' })
    expect((await run(['what is this?', '-'], 'a log\n')).stdout).toBe('You said: what is this?\n\na log\n')
  })

  it('is asked of `auto` when no model is named', async () => {
    const { code, stdout } = await runChat(['--json', 'hello'], { port: service.port })
    expect(code).toBe(0)
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toHaveProperty('started.model')
  })

  it('carries its system text, its cap and its files, which are gone an hour later', async () => {
    const { code, stdout, stderr } = await run(
      ['--system', 'be brief', '--max-output-tokens', '2', '--file', 'notes.txt', 'sum it up'],
      '',
      { 'notes.txt': 'the canary sings' },
    )
    expect([code, stdout]).toEqual([0, 'You said: \n'])
    expect(stderr).toMatch(/^exai: the answer is cut: .+\n$/)
    const body = lastBody()
    expect(body).toMatchObject({ max_completion_tokens: 2 })
    expect(body.messages[0]).toMatchObject({ content: 'be brief' })
    expect(JSON.stringify(body.messages[1])).toMatch(/notes\.txt.*the canary sings.*sum it up/)
    const { files } = (await postFiles('ListFiles')) as { readonly files: readonly Listed[] }
    expect(files.map(({ filename }) => filename)).toEqual(['notes.txt'])
    const [{ createTime = '', expireTime = '' } = {}] = files
    expect(Math.round((Date.parse(expireTime) - Date.parse(createTime)) / 60_000)).toBe(60)
  })

  it('goes on with a conversation', async () => {
    const first = await run(['--conversation', 'new', 'one'])
    const id = /^exai: conversation (conv_[\w-]+)\n$/.exec(first.stderr)?.[1] ?? ''
    expect(await run(['--conversation', id, 'two'])).toMatchObject({ code: 0, stderr: '' })
    expect(lastBody().messages.map(({ content }) => content)).toEqual(['one', 'You said: one', 'two'])
  })

  it('is answered in events as JSON, a line each', async () => {
    const { code, stdout, stderr } = await run(['--json', 'one two'])
    expect([code, stderr]).toEqual([0, ''])
    const events = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(events[0]).toMatchObject({ sequence: 1, started: { provider: 'openai', model: 'test-model' } })
    expect(events.map(({ textDelta }) => textDelta?.text ?? '').join('')).toBe('You said: one two')
    expect(events.at(-1)).toMatchObject({ completed: { response: { finishReason: 'FINISH_REASON_STOP' } } })
  })

  it('is answered in a pipe as the model wrote it', async () => {
    upstream.next({ answer: { text: 'a\u001b[31mb\r\n\tc\n' } })
    expect((await run(['colours'])).stdout).toBe('a\u001b[31mb\r\n\tc\n')
  })
})

describe('an answer', () => {
  it('is printed as it comes, and whoever is killed has left', async () => {
    upstream.next({ faults: ['silence-after-events=3'] })
    const chat = await startChat([...MODEL, 'one two three'], { port: service.port })
    await chat.until('You said:')
    chat.child.kill('SIGKILL')
    await upstream.waitFor(
      ({ rawBody, closedByClientAtMs }) =>
        rawBody.includes('one two three') && closedByClientAtMs !== undefined,
    )
  })

  it('that breaks is no success: what came, one line, exit code 1', async () => {
    upstream.next({ faults: ['cut-after-events=4'] })
    const { code, stdout, stderr } = await run(['one two three four'])
    expect([code, 'You said: one two three four'.startsWith(stdout.trimEnd())]).toEqual([1, true])
    expect(stdout).toContain('You said:')
    expect(stderr).toMatch(FAILED)
  })

  it('that breaks is no success in JSON either', async () => {
    upstream.next({ faults: ['cut-after-events=4'] })
    const { code, stdout, stderr } = await run(['--json', 'one two three four'])
    expect([code, stdout.includes('"completed"')]).toEqual([1, false])
    expect(stderr).toMatch(FAILED)
  })

  it('that ends with its service is no success', async () => {
    const dying = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
    onTestFinished(async () => void (await dying.stop('SIGKILL')))
    upstream.next({ faults: ['silence-after-events=3'] })
    const chat = await startChat([...MODEL, 'until the end'], { port: dying.port })
    await chat.until('You said:')
    await dying.stop('SIGKILL')
    expect(await chat.ended).toBe(1)
    expect(chat.stderr()).toMatch(
      /^exai: unavailable: the answer broke off: the connection was lost \(request call_/,
    )
  })

  it('that nobody reads to its end is left quietly', async () => {
    upstream.next({ faults: ['drip-events=50'] })
    const chat = await startChat([...MODEL, 'many words, one after another'], { port: service.port })
    await chat.until('You')
    chat.child.stdout.destroy()
    expect([await chat.ended, chat.stderr()]).toEqual([141, ''])
  })
})

describe('a question that cannot be answered', () => {
  it('is exit code 1 and one line with the code, the sentence and the id of the call', async () => {
    const { code, stdout, stderr } = await run(['--model', 'gpt-4o-minni', 'hello'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^exai: not_found: .*gpt-4o-minni.* \(request call_[\w-]+\)\n$/)
  })

  it('is told so when nobody answers, or a file is not there', async () => {
    const nobody = await runChat(['hello'], { port: 1 })
    expect([nobody.code, nobody.stdout]).toEqual([1, ''])
    expect(nobody.stderr).toMatch(/^exai: no service answers: .*ECONNREFUSED.*\n$/)
    for (const [path, why] of [
      ['none.txt', 'ENOENT'],
      ['.', 'EISDIR'],
    ]) {
      const { code, stderr } = await run(['--file', path ?? '', 'hello'])
      expect([code, stderr]).toEqual([1, expect.stringMatching(`^exai: the file .* cannot be read: ${why}`)])
    }
  })

  it.each([
    ['no question', [], ''],
    ['an option that is none', ['--frob', 'x'], ''],
    ['a cap that is none', ['--max-output-tokens', '0', 'x'], ''],
  ])('is exit code 64 with %s', async (_, args, input) => {
    const { code, stdout, stderr } = await run(args, input)
    expect([code, stdout]).toEqual([64, ''])
    expect(stderr).toMatch(/^exai: .*exai chat --help shows how\n$/)
  })
})

it('a service that asks who comes is shown --key, --token or EXAI_API_KEY, and a wrong one is exit code 1', async () => {
  const closed = await startService({ EXAI_AUTH: 'key' })
  onTestFinished(async () => void (await closed.stop()))
  const key = /exai_[\w-]{43}/.exec(closed.output())?.[0] ?? ''
  const chat = (args: readonly string[], env = {}) =>
    runChat(['--model', 'sandbox', ...args, 'hello'], { port: closed.port, env })
  for (const wrong of [await chat([]), await chat(['--key', 'exai_wrong'])]) {
    expect([wrong.code, wrong.stdout]).toEqual([1, ''])
    expect(wrong.stderr).toMatch(/^exai: unauthenticated: .* \(request call_[\w-]+\)\n$/)
  }
  for (const right of [await chat(['--key', key]), await chat(['--token', key])])
    expect([right.code, right.stderr]).toEqual([0, ''])
  expect((await chat([], { EXAI_API_KEY: key })).code).toBe(0)
})

it('a service with TLS is believed by the certificate of the settings alone', async () => {
  const own = selfSigned()
  const other = selfSigned()
  const files = {
    'cert.pem': own.cert,
    'key.pem': own.key,
    'other.pem': other.cert,
    'other-key.pem': other.key,
  }
  const tls = { TLS_CERT: 'cert.pem', TLS_KEY: 'key.pem' }
  const secure = await startService(tls, { files })
  onTestFinished(async () => void (await secure.stop()))
  const chat = (env: Readonly<Record<string, string>>) =>
    runChat(['--model', 'sandbox', 'hello'], { port: secure.port, env, files })
  expect(await chat(tls)).toMatchObject({ code: 0, stderr: '' })
  const wrong = await chat({ TLS_CERT: 'other.pem', TLS_KEY: 'other-key.pem' })
  expect([wrong.code, wrong.stdout]).toEqual([1, ''])
  expect(wrong.stderr).toMatch(/^exai: no service answers: .*certificate.*\n$/)
})

it('its help tells its options without a service', async () => {
  const { code, stdout } = await runCommand(['chat', '--help'])
  expect(code).toBe(0)
  for (const option of ['--model', '--system', '--max-output-tokens', '--file', '--json', '--conversation'])
    expect(stdout).toContain(option)
})
