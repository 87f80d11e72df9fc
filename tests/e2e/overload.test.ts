// Three times more calls than the process can serve: some are refused as OVERLOADED, those let in are right, and it recovers.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { runOpenLoop } from '../soak/open-loop.ts'
import { metricIn } from '../soak/samples.ts'
import { startService } from '../support/running-server.ts'

const BODY = JSON.stringify({
  model: 'sandbox',
  messages: [{ role: 'ROLE_USER', content: [{ text: 'Are you there?' }] }],
})
const REQUEST = Buffer.from(
  `POST /exai.v1.ChatService/Complete HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
    `content-length: ${BODY.length}\r\n\r\n${BODY}`,
)
const WARM = { ratePerSecond: 100, seconds: 2, connections: 20 }
const LOAD_SECONDS = 10
const CONNECTIONS = 1_500
const STOPPED_MS = 1_000
const STOPS_MAX = 5
const NOTICED_MS = 500

it('refuses what it cannot serve, serves the rest right, and takes all again afterwards', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-overload-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  // Short, so that a machine that is busy with other tests meets it, too.
  const { port, url, pid, line, stop } = await startService(
    { DATA_DIR: dataDir, OVERLOAD_DELAY: '0.1' },
    { isCovered: false },
  )
  onTestFinished(async () => void (await stop('SIGKILL').catch(() => undefined)))
  const cold = await runOpenLoop({ port, request: REQUEST, ...WARM })
  const before = await cpuMs(pid)
  const warm = await runOpenLoop({ port, request: REQUEST, ...WARM })
  const perSecond = (1_000 * warm.length) / ((await cpuMs(pid)) - before)

  const load = { port, request: REQUEST, ratePerSecond: 3 * perSecond, seconds: LOAD_SECONDS }
  const loading = runOpenLoop({ ...load, connections: CONNECTIONS })
  // Whoever sends has less than a core here, and may not manage three times as much: what piles up meanwhile comes at once, and again if that was too little.
  const beginning = line(({ alert, msg }) => alert === 'overloaded' && msg === 'alert began', 30_000)
  let isNoticed = false
  const noticing = beginning.then(() => {
    isNoticed = true
  })
  for (let stops = 0; stops < STOPS_MAX && !isNoticed; stops += 1) {
    await sleep(STOPPED_MS)
    process.kill(pid, 'SIGSTOP')
    await sleep(STOPPED_MS)
    process.kill(pid, 'SIGCONT')
    await Promise.race([noticing, sleep(NOTICED_MS)])
  }
  const began = await beginning
  expect(began['reason']).toContain('OVERLOADED')
  const health = await fetch(`${url}/health`)
  expect(await health.json()).toMatchObject({ status: 'healthy' })
  const calls = await loading

  expect(new Set(calls.map(({ status }) => status))).toEqual(new Set([200, 429]))
  const [served, refused] = [200, 429].map(status => calls.filter(call => call.status === status))
  for (const { body } of served ?? [])
    expect(JSON.parse(body)).toMatchObject({ finishReason: 'FINISH_REASON_STOP' })
  for (const { body } of refused ?? [])
    expect(JSON.parse(body)).toMatchObject({
      code: 'resource_exhausted',
      details: [
        { debug: { reason: 'ERROR_REASON_OVERLOADED', retryDelay: expect.stringMatching(/^[123]s$/) } },
      ],
    })
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const shed = metricIn(metrics, 'exai_calls_shed_total\\{reason="event_loop"\\}')
  expect(shed).toBe(refused?.length)
  expect(metricIn(metrics, 'exai_errors_total\\{reason="OVERLOADED",origin="gateway"\\}')).toBe(shed)

  await line(({ alert, msg }) => alert === 'overloaded' && msg === 'alert ended', 30_000)
  const again = await runOpenLoop({ port, request: REQUEST, ...WARM })
  expect(again.filter(({ status }) => status !== 200)).toEqual([])
  expect(await stop()).toBe(0)
  // What was refused made no work: the ledger has the others alone.
  const store = new DatabaseSync(join(dataDir, 'exai.db'), { readOnly: true })
  const lines = store.prepare('SELECT count(*) AS n FROM ledger').get()?.['n']
  store.close()
  expect(lines).toBe(cold.length + warm.length + (served?.length ?? 0) + again.length)
}, 120_000)

/** Time that a process has had on cores, in milliseconds. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return ((user ?? 0) + (system ?? 0)) * 10
}
