// The config file of a running service, rewritten under load: no call fails, versions rise by one, and every answer names its own.
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type LogLine,
  type Service,
  startService,
  startServiceBy,
  testWorkers,
} from '../support/running-server.ts'
import { root } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

/** How a change is waited for. */
const soon = { interval: 15, timeout: 30_000 }
const REWRITES = 100
const CALLERS = 8
/** A key that is only in files which come later. */
const LATER_KEY = 'a-later-key-of-GRZLPFT'

const cleanups: (() => Promise<unknown>)[] = []
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exai-config-'))
})
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
  await rm(folder, { recursive: true, force: true })
})

interface Told {
  readonly status: number
  readonly text: string
  readonly version: number
  readonly attempts: readonly { readonly outcome: string; readonly keyLabel: string }[]
}

function tellingOf(status: number, text: string): Told {
  const { route } = status === 200 ? JSON.parse(text) : {}
  return { status, text, version: route?.configVersion ?? 0, attempts: route?.attempts ?? [] }
}

/** A file over a double, the service that reads it, and ways to change the one and ask the other. */
async function start(fileOf: (upstream: Upstream) => string, env: Readonly<Record<string, string>> = {}) {
  const upstream = await startUpstream({ apiKeys: ['good-key', LATER_KEY], models: ['m'] })
  cleanups.push(upstream.close)
  const path = join(folder, 'exai.yaml')
  /** Every other time as editors do it, and every other time in place. */
  let writes = 0
  async function write(text: string): Promise<void> {
    writes += 1
    if (writes % 2 === 0) return writeFile(path, text)
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
  }
  await write(fileOf(upstream))
  const service = await startService({ EXAI_CONFIG: path, ...env })
  cleanups.push(() => service.stop())
  async function ask(method: string, body: object): Promise<Told> {
    const response = await fetch(`${service.url}/exai.v1.ChatService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return tellingOf(response.status, await response.text())
  }
  const complete = (model = 'local/m', text = 'Hello!') =>
    ask('Complete', { model, messages: [{ role: 'ROLE_USER', content: [{ text }] }] })
  const page = async (name: string) => (await fetch(`${service.url}${name}`)).text()
  return { upstream, service, write, ask, complete, page }
}

const provider = ({ url }: Upstream, keys: string, more = '') =>
  `providers: [{ name: local, kind: openai-compatible, base_url: "${url}", api_key: "${keys}", models: [{ id: m }] }]\n${more}`
const taken = ({ log }: Service) =>
  log().flatMap(line => (line['msg'] === 'configuration taken' ? [Number(line['configVersion'])] : []))
const refused = ({ log }: Service) => log().filter(isRefusal)
const isRefusal = ({ msg }: LogLine) => msg === 'configuration refused, the one before it stays'

describe('a config file that is rewritten a hundred times under load, every tenth time wrongly', () => {
  it(
    'costs no call, makes one version for each good file, and is named by the answers of its time',
    async () => {
      const { upstream, service, write, complete, page } = await start(one =>
        provider(one, 'a-bad-key,good-key'),
      )
      const before = await complete()
      expect(before.attempts.map(({ outcome }) => outcome)).toEqual(['OUTCOME_FAILED', 'OUTCOME_SUCCEEDED'])

      let isOver = false
      let newest = 1
      const told: Told[] = []
      const wrong: string[] = []
      async function call(): Promise<void> {
        let last = 1
        while (!isOver) {
          const answer = await complete('local/m', '[[fault:slow-body=20]] Hello!')
          told.push(answer)
          const { status, text, version } = answer
          if (status !== 200) wrong.push(text)
          // The one after the newest that we know of may just have been taken, and by one worker before another.
          else if (version < last - (testWorkers() > 1 ? 1 : 0) || version > newest + 1)
            wrong.push(`${version} after ${last}, of ${newest}`)
          last = version
        }
      }
      const callers = Promise.all(Array.from({ length: CALLERS }, call))
      for (let index = 1; index <= REWRITES; index += 1) {
        if (index % 10 === 0) {
          await write(provider(upstream, 'a-bad-key,good-key', `aliases: { broken-${index}: [`))
          await expect
            .poll(() => page('/metrics'), soon)
            .toContain(`\nexai_config_refused_total ${index / 10}\n`)
        } else {
          await write(provider(upstream, 'a-bad-key,good-key', `aliases: { name-${index}: local/m }`))
          await expect.poll(() => page('/metrics'), soon).toContain(`\nexai_config_version ${newest + 1}\n`)
          newest += 1
        }
      }
      isOver = true
      await callers

      expect(wrong).toEqual([])
      expect(taken(service)).toEqual(Array.from({ length: 90 }, (_, index) => index + 2))
      expect(refused(service).length).toBe(10)
      expect(newest).toBe(91)
      expect((await complete('name-99')).version).toBe(91)
      expect((await complete('name-98')).status).toBe(404)
      // Each version answered, unless no call happened to begin in its time.
      expect(new Set(told.map(({ version }) => version)).size).toBeGreaterThan(60)
      // The refused key rested all the time, as if nothing had changed.
      const authorizations = upstream.requests.map(({ headers }) => headers.authorization)
      const trials = authorizations.filter(value => value === 'Bearer a-bad-key').length
      // Each further worker finds that out for itself, with the calls that come at once.
      expect(trials).toBeGreaterThanOrEqual(1)
      expect(trials).toBeLessThanOrEqual(1 + (testWorkers() - 1) * CALLERS)
      // And no connection was made anew for a version.
      expect(new Set(upstream.requests.map(({ connection }) => connection)).size).toBeLessThanOrEqual(
        (CALLERS + 2) * testWorkers(),
      )
    },
    30_000 * testWorkers(),
  )
})

describe('a changed config file', () => {
  it('is seen by every page and method, and its keys never in the log', async () => {
    const { upstream, service, write, ask, complete, page } = await start(one => provider(one, 'good-key'))
    expect(await page('/metrics')).toContain('exai_provider_health{provider="local"} 1')
    await write(
      [
        'providers:',
        `  - { name: other, kind: openai-compatible, base_url: "${upstream.url}", api_key: ${LATER_KEY} }`,
      ].join('\n'),
    )
    await expect.poll(() => taken(service)).toEqual([2])
    expect((await complete('local/m')).status).toBe(404)
    expect((await complete('other/m')).version).toBe(2)
    expect(JSON.parse((await ask('ExplainRoute', { model: 'other/m', messages: hello })).text)).toMatchObject(
      {
        configVersion: 2,
      },
    )
    expect((await ask('ListModels', { provider: 'other' })).text).toContain('"provider":"other"')
    expect((await ask('CountTokens', { model: 'other/m', messages: hello })).text).toContain('"other"')
    const { components } = JSON.parse(await page('/health'))
    expect([components['provider/local'], components['provider/other']?.status]).toEqual([
      undefined,
      'healthy',
    ])
    const metrics = await page('/metrics')
    expect(metrics).toContain('exai_config_version 2')
    expect(metrics).toContain('exai_provider_health{provider="other"} 1')
    expect(metrics).not.toContain('exai_provider_health{provider="local"}')
    expect(metrics).toContain('exai_tokens_total{provider="other"')
    await write('providers: nothing')
    await expect.poll(() => refused(service).length).toBe(1)
    expect(refused(service)[0]).toMatchObject({ level: 'error', configVersion: 2 })
    expect(await page('/metrics')).toContain('exai_config_refused_total 1')
    expect((await complete('other/m')).version).toBe(2)
    const error = { message: `no such thing for ${LATER_KEY}`, type: 'server_error' }
    upstream.next({ raw: { status: 500, body: JSON.stringify({ error }) }, times: 9 })
    expect((await complete('other/m')).text).not.toContain('GRZLPFT')
    await write(provider(upstream, 'good-key', 'routing: { circuit: { window: 30 } }'))
    await service.line(({ msg }) => msg === 'changed settings need a restart')
    await expect.poll(() => taken(service)).toEqual([2, 3])
    expect(service.output()).not.toContain('GRZLPFT')
  })

  it('is read at once on SIGHUP, which says what came of it, and names the settings that need a restart', async () => {
    const write = (name: string, text: string) => writeFile(join(folder, name), text)
    await write('.env', 'PORT=0\nEXAI_CONFIG=exai.yaml\nLOG_LEVEL=info\n')
    await write('exai.yaml', '{}')
    const service = await startServiceBy(process.execPath, [join(root, 'src/main.ts')], { cwd: folder })
    cleanups.push(() => service.stop())
    const lines = (message: string) => service.log().filter(({ msg }) => msg === message)
    async function signalled(): Promise<unknown> {
      const before = lines('config file read again').length
      service.signal('SIGHUP')
      await expect.poll(() => lines('config file read again').length, soon).toBe(before + 1)
      return lines('config file read again').at(-1)?.['result']
    }
    expect(await signalled()).toBe('unchanged')
    await write('exai.yaml', 'nonsense')
    expect(await signalled()).toBe('refused')
    expect(refused(service)[0]?.['problems']).toEqual(['exai.yaml: the file must be of the type object'])
    await write('exai.yaml', 'aliases: { fast: sandbox/echo }')
    expect(['taken', 'unchanged']).toContain(await signalled())
    expect(taken(service)).toEqual([2])
    expect(lines('changed settings need a restart')).toEqual([])
    await write('.env', 'PORT=0\nEXAI_CONFIG=exai.yaml\nDATA_DIR=elsewhere\nHOST=localhost\n')
    expect(await signalled()).toBe('unchanged')
    expect(lines('changed settings need a restart')).toMatchObject([
      { level: 'warn', settings: ['HOST', 'DATA_DIR'] },
    ])
  })

  it('is none where none is named, and then SIGHUP is no end', async () => {
    const service = await startService()
    cleanups.push(() => service.stop())
    service.signal('SIGHUP')
    await service.line(({ msg, result }) => msg === 'config file read again' && result === 'none')
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200)
  })
})

const hello = [{ role: 'ROLE_USER', content: [{ text: 'Hello!' }] }]
