// A worker that stands still: it is killed and started again, and the others serve all the time.
import { expect, it, onTestFinished } from 'vitest'
import { jsonQuestion } from '../support/clients.ts'
import { startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { clientsByWorker, pidOf } from '../support/worker-clients.ts'

/** Half a minute until it is known, and a margin. */
const KNOWN_MS = 50_000

it('one that does not answer for half a minute is killed and started again, with one line and a count', async () => {
  const service = await startService({ WORKERS: '2' })
  onTestFinished(async () => void (await service.stop('SIGKILL')))
  const [one, two] = await clientsByWorker(service, 2)
  if (one === undefined || two === undefined) throw new Error('there are two')
  process.kill(one.pid, 'SIGSTOP')
  const known = service.line(({ msg }) => String(msg).startsWith('a worker did not answer'), KNOWN_MS)
  const hello = jsonQuestion('sandbox', 'hi')
  expect((await two.post('/exai.v1.ChatService/Complete', hello)).status).toBe(200)
  expect(await known).toMatchObject({ level: 'error', worker: one.worker, pid: one.pid, signal: 'SIGKILL' })
  await until(() => pidOf(service, one.worker) !== one.pid)
  const again = await clientsByWorker(service, 2)
  for (const client of again)
    expect((await client.post('/exai.v1.ChatService/Complete', hello)).status).toBe(200)
  const page = await (await fetch(`${service.url}/metrics`)).text()
  expect(page).toContain('\nexai_worker_restarts_total{cause="hung"} 1\n')
  expect(service.log().filter(({ msg }) => String(msg).includes('started again'))).toHaveLength(1)
}, 90_000)
