// What a configuration says of the whole service, with two workers: they divide it and never have more of it together.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { usableCores } from '../../src/config/cores.ts'
import { jsonQuestion } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import type { UpstreamRequest } from '../support/upstream/wire.ts'
import { clientsByWorker } from '../support/worker-clients.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream({ models: ['m'] })
})
afterAll(() => upstream.close())

/** A service whose one provider takes so many calls at once. */
async function start(maxConcurrent: number, workers: number, more = '') {
  const folder = await mkdtemp(join(tmpdir(), 'exai-workers-limits-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'exai.yaml')
  const write = (places: number) =>
    writeFile(
      file,
      `providers: [{ name: local, kind: openai-compatible, base_url: "${upstream.url}", api_key: test-key, max_concurrent: ${places}, models: [{ id: m }] }]\n${more}`,
    )
  await write(maxConcurrent)
  const service = await startService({ EXAI_CONFIG: file, WORKERS: String(workers) })
  onTestFinished(async () => void (await service.stop('SIGKILL')))
  return { service, write }
}

/** How long the double takes for an answer at least, in milliseconds. */
const ANSWER_MS = 60
const SLOW = `[[fault:slow-body=${ANSWER_MS}]]`

/** The most of them that certainly ran at the same time: when the double hears of the end of one, it may be over for long. */
function mostAtOnce(requests: readonly UpstreamRequest[]): number {
  const changes = requests.flatMap(({ receivedAtMs }) => [
    { atMs: receivedAtMs, by: 1 },
    { atMs: receivedAtMs + ANSWER_MS - 5, by: -1 },
  ])
  let running = 0
  let most = 0
  for (const { by } of changes.toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    running += by
    most = Math.max(most, running)
  }
  return most
}

const listening = (service: Service): number =>
  service.log().filter(({ msg }) => msg === 'a worker listens').length

it('two workers never ask a provider more at once than its max_concurrent, and use all of it', async () => {
  const { service } = await start(5, 2)
  const workers = await clientsByWorker(service, 2)
  const before = upstream.requests.length
  const asked = Array.from({ length: 40 }, async (_, index) => {
    const answer = await fetch(`${service.url}/exai.v1.ChatService/Complete`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(jsonQuestion('local/m', `${SLOW} ${index}`)),
    })
    return answer.status
  })
  // Beside those whose workers are dealt out by chance, some that certainly fill the places of both.
  const sure = workers.map(({ post }) =>
    post('/exai.v1.ChatService/Complete', jsonQuestion('local/m', `${SLOW} sure`)),
  )
  expect(new Set(await Promise.all(asked))).toEqual(new Set([200]))
  expect((await Promise.all(sure)).map(({ status }) => status)).toEqual([200, 200])
  expect(mostAtOnce(upstream.requests.slice(before))).toBe(5)
}, 60_000)

it('a change that leaves a worker without a place is refused with the remedy, and one that does not is taken', async () => {
  const { service, write } = await start(4, 2)
  const workers = await clientsByWorker(service, 2)
  await write(1)
  const refused = await service.line(({ msg }) => String(msg).startsWith('configuration refused'))
  expect(JSON.stringify(refused['problems'])).toContain(
    'max_concurrent of the provider local is 1, and 2 workers divide it: set 2 or more, or restart the service',
  )
  await write(2)
  await service.line(({ msg, configVersion }) => msg === 'configuration taken' && configVersion === 2)
  for (const one of workers) {
    const answer = await one.post('/exai.v1.ChatService/Complete', jsonQuestion('local/m', 'hi'))
    expect([answer.status, JSON.parse(answer.text).route.configVersion]).toEqual([200, 2])
  }
}, 60_000)

it('no more workers are started than a limit has places, and one line says why', async () => {
  const { service } = await start(2, 4)
  expect(listening(service)).toBe(2)
  const lines = service.log().filter(({ msg }) => String(msg).includes('workers serve and not 4'))
  expect(lines).toMatchObject([
    { level: 'warn', msg: expect.stringContaining('the provider local, which is 2') },
  ])
}, 60_000)

it('with one place one process serves alone', async () => {
  const { service } = await start(1, 2)
  expect(listening(service)).toBe(0)
  expect(service.log().some(({ msg }) => String(msg).startsWith('one process serves and not 2'))).toBe(true)
}, 60_000)

it('where nobody says how many, there is one for each core', async () => {
  const service = await startService({ WORKERS: '' })
  onTestFinished(async () => void (await service.stop('SIGKILL')))
  const cores = usableCores({ readFile: path => readFileSync(path, 'utf8') })
  expect(listening(service)).toBe(process.platform !== 'linux' || cores === 1 ? 0 : Math.min(64, cores))
}, 60_000)

it('a limit that is nearly used is told once, whichever workers see it', async () => {
  const { service } = await start(4, 2, 'limits: { tenants: { default: { concurrent_calls: 1 } } }')
  const workers = await clientsByWorker(service, 2)
  for (const { post } of workers) {
    // The place of the call before may be free only a moment after its answer.
    await eventually(async () => {
      const { status } = await post('/exai.v1.ChatService/CountTokens', jsonQuestion('local/m', 'hi'))
      expect(status).toBe(200)
    })
  }
  const page = await (await fetch(`${service.url}/metrics`)).text()
  expect(page).toMatch(/^exai_limits_near_total\{limit="concurrent_calls",owner="tenant"\} 1$/m)
}, 60_000)

it('another log level holds in every worker', async () => {
  const { service } = await start(4, 2)
  const workers = await clientsByWorker(service, 2)
  const probe = '/grpc.health.v1.Health/Check'
  const loud = (): ReadonlySet<unknown> =>
    new Set(service.log().flatMap(({ level, worker }) => (level === 'debug' ? [worker] : [])))
  for (const one of workers) await one.post(probe, {})
  expect(loud().size).toBe(0)
  await writeFile(`/proc/${service.pid}/cwd/.env`, 'LOG_LEVEL=debug\n')
  service.signal('SIGHUP')
  await service.line(({ msg }) => msg === 'config file read again')
  for (const one of workers) await one.post(probe, {})
  await until(() => loud().has(1) && loud().has(2))
}, 60_000)
