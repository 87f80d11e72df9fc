// `exai mcp` as a child of its host: what it writes where, how it ends, and what it says when the service is not to be had.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { freePorts } from '../support/free-port.ts'
import { runCommand, type Service, startService } from '../support/running-server.ts'
import { selfSigned } from '../support/self-signed.ts'
import { root } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const SLOW_MS = 30_000

type Json = Readonly<Record<string, unknown>>
type Child = {
  readonly process: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly send: (message: Json) => void
  /** Resolves with the answer to a request. */
  readonly answer: (id: number) => Promise<Json>
}

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

/** Starts it, and begins a session of revision 2025-11-25 by hand. */
function start(env: Readonly<Record<string, string>>): Child {
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'mcp'], {
    // A folder without settings of its own.
    cwd: join(root, 'tests'),
    env: { ...env, HOME: tmpdir() },
    stdio: 'pipe',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const send = (message: Json): void =>
    void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }
  send({ id: 0, method: 'initialize', params })
  send({ method: 'notifications/initialized' })
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    send,
    async answer(id) {
      for (;;) {
        const lines = stdout.slice(0, stdout.lastIndexOf('\n') + 1).split('\n')
        const found = lines
          .filter(line => line !== '')
          .map(line => JSON.parse(line))
          .find(one => one.id === id)
        if (found !== undefined) return found
        if (child.exitCode !== null) throw new Error(`it has ended: ${stderr}`)
        await once(child.stdout, 'data')
      }
    },
  }
}

const callOf = (id: number, name: string, args: Json): Json => ({
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

describe('exai mcp', { timeout: SLOW_MS }, () => {
  it('writes the protocol to standard output and everything else to standard error', async () => {
    const child = start({ PORT: String(service.port) })
    child.send(callOf(1, 'chat', { model: 'openai/test-model', prompt: 'Hello!' }))
    expect(await child.answer(1)).toMatchObject({ result: { structuredContent: { provider: 'openai' } } })
    for (const line of child.stdout().trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
    expect(child.stderr()).toBe(`exai mcp: working with the service at http://127.0.0.1:${service.port}\n`)
  })

  it('ends with 0 when its host closes standard input, and cancels what is running', async () => {
    const child = start({ PORT: String(service.port) })
    await child.answer(0)
    const mark = `end ${crypto.randomUUID()}`
    child.send(
      callOf(1, 'chat', {
        model: 'openai/test-model',
        prompt: `${mark} [[fault@openai:silence-after-events=2]]`,
      }),
    )
    await upstream.waitFor(one => one.rawBody?.includes(mark) ?? false)
    child.process.stdin?.end()
    const [code] = await once(child.process, 'exit')
    expect(code).toBe(0)
    await upstream.waitFor(
      one => (one.rawBody?.includes(mark) ?? false) && one.closedByClientAtMs !== undefined,
    )
  })

  it('starts without a service, and its tools say what to do', async () => {
    const [port = 0] = await freePorts(1)
    const child = start({ PORT: String(port) })
    child.send({ id: 1, method: 'tools/list' })
    expect(await child.answer(1)).toMatchObject({ result: { tools: { length: 7 } } })
    child.send(callOf(2, 'status', {}))
    expect(await child.answer(2)).toMatchObject({
      result: {
        isError: true,
        content: [
          {
            text: `UPSTREAM_UNAVAILABLE: no service answers at http://127.0.0.1:${port}: start it, or set HOST and PORT`,
          },
        ],
      },
    })
  })

  it('asks a service over TLS with its key, and tells a refusal with its reason', async () => {
    const { cert, key } = await selfSigned()
    const folder = mkdtempSync(join(tmpdir(), 'exai-mcp-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'cert.pem'), cert)
    writeFileSync(join(folder, 'key.pem'), key)
    const tls = { TLS_CERT: join(folder, 'cert.pem'), TLS_KEY: join(folder, 'key.pem') }
    const own = await startService({ EXAI_AUTH: 'key', ...tls })
    onTestFinished(async () => void (await own.stop('SIGKILL')))
    const credential = /shown only now: (exai_[\w-]{43})/.exec(own.output())?.[1] ?? ''
    const good = start({ PORT: String(own.port), EXAI_AUTH: 'key', EXAI_API_KEY: credential, ...tls })
    good.send(callOf(1, 'chat', { model: 'sandbox', prompt: 'Hello!' }))
    expect(await good.answer(1)).toMatchObject({ result: { structuredContent: { provider: 'sandbox' } } })
    const bad = start({ PORT: String(own.port), EXAI_AUTH: 'key', EXAI_API_KEY: 'exai_wrong', ...tls })
    bad.send(callOf(1, 'chat', { model: 'sandbox', prompt: 'Hello!' }))
    expect(await bad.answer(1)).toMatchObject({
      result: {
        isError: true,
        structuredContent: { error: { reason: 'UNAUTHENTICATED', origin: 'client' } },
      },
    })
  })

  it('says what it is for, and refuses arguments that it does not know', async () => {
    const help = await runCommand(['mcp', '--help'])
    expect([help.code, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('exai mcp: an MCP server on standard input and output')
    const wrong = await runCommand(['mcp', '--port', '1'])
    expect([wrong.code, wrong.stdout]).toEqual([64, ''])
  })
})
