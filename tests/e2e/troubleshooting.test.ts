// The commands of docs/operations.md for when something is wrong, run as they stand against a service in trouble.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postJson } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

// The double that the service asks is in this process, which must not be held up.
const run = promisify(execFile)

const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
const [, part = ''] =
  /<!-- troubleshooting:begin[^>]*-->([\s\S]*)<!-- troubleshooting:end -->/.exec(page) ?? []
const cases = [...part.matchAll(/### (.+)\n\n```sh\n([\s\S]+?)```/g)].map(([, title = '', block = '']) => ({
  title,
  commands: block.trim().split('\n'),
}))

/** What the answer of each command must say, by the beginning of its case. */
const says: Readonly<Record<string, readonly RegExp[]>> = {
  'A provider does not respond': [
    /exai_circuit_breaker_state\{provider="openai",model="other"\} 1/,
    /exai_provider_health\{provider="openai"\} (0|0\.5)/,
    /"openai"/,
    /"provider":"openai","model":"test-model"/,
    /error_type="UPSTREAM_UNAVAILABLE"\} \d+/,
  ],
  'Memory grows': [
    /process_resident_memory_bytes \d{7,}/,
    /nodejs_heap_size_used_bytes \d{7,}/,
    /exai_active_connections \d/,
  ],
  'Answers are slow': [
    /exai_request_duration_seconds_count\{.*Complete"\} \d\d/,
    /exai_time_to_first_token_seconds_count\{provider="openai"/,
    /exai_gateway_overhead_seconds_count \d\d/,
    /nodejs_eventloop_lag_p99_seconds \d/,
  ],
  'What happened to a call': [
    /x-request-id: looking-for-this/i,
    /"channel":"access","request_id":"looking-for-this"/,
    /looking-for-this/,
  ],
}

let folder: string
let upstream: Upstream
let service: Service
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'exai-trouble-'))
  upstream = await startUpstream({ apiKeys: ['sk-a-key-for-trouble'] })
  service = await startService({
    OPENAI_API_KEY: 'sk-a-key-for-trouble',
    OPENAI_BASE_URL: upstream.url,
    LOG_DIR: join(folder, 'logs'),
  })
  const ask = (text: string) =>
    postJson(service.url, 'Complete', {
      model: 'openai/test-model',
      messages: [{ role: 'ROLE_USER', content: [{ text }] }],
    })
  await ask('hello')
  // Twelve failures of twenty are enough for a circuit.
  for (let at = 0; at < 12; at += 1) await ask(`[[fault:status=500]] ${at}`)
  await service.line(({ msg }) => msg === 'circuit opened')
}, 60_000)
afterAll(async () => {
  await service.stop()
  await upstream.close()
  rmSync(folder, { recursive: true, force: true })
})

it('the page has the four cases', () => {
  expect(cases.map(({ title }) => title)).toEqual(Object.keys(says))
})

describe.each(cases)('$title', ({ title, commands }) => {
  it.each(commands.map((command, at) => [command, at] as const))('%s', async (command, at) => {
    const here = command.replaceAll('http://127.0.0.1:8080', service.url)
    const { stdout, stderr } = await run('sh', ['-c', here], { cwd: folder, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(says[title]?.[at] ?? /nothing is expected of this command/)
  })
})
