// What runs before a pod ends: it waits for the outbox by metrics that exist, and for nothing else.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { METRICS } from '../../../src/telemetry/metric-table.ts'
import { startChild } from '../../support/child.ts'
import { startService } from '../../support/running-server.ts'
import { root } from '../../support/tools.ts'

const SCRIPT = join(root, 'deploy/kubernetes/base/pre-stop.mjs')

/** Runs the script to its end beside a service on this port. */
async function run(port: number): Promise<number | null> {
  const child = await startChild(process.execPath, [SCRIPT], { env: { PORT: `${port}` } })
  onTestFinished(() => child.stop('SIGKILL'))
  return child.ended
}

/** Answers each request with the next text, or with 503, and the last one again and again; counts the requests. */
async function serve(texts: readonly (string | undefined)[]) {
  let asked = 0
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end()
    const text = texts[Math.min(asked, texts.length - 1)]
    asked += 1
    if (text === undefined) response.writeHead(503).end()
    else response.end(text)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked: () => asked } // On TCP: never a path.
}

const backlog = (rows: number, ageSeconds: number): string =>
  `# TYPE exai_outbox_rows gauge\nexai_outbox_rows ${rows}\nexai_outbox_age_seconds ${ageSeconds}\n`

test('reads metrics that exist', () => {
  const names = new Set(readFileSync(SCRIPT, 'utf8').match(/exai_\w+/g))
  expect([...names].sort()).toEqual([METRICS.backlogAge.name, METRICS.backlogRows.name].sort())
})

test('waits until nothing waits', async () => {
  const { port, asked } = await serve([backlog(7, 12), backlog(3, 12.5), backlog(0, 0)])
  expect(await run(port)).toBe(0)
  expect(asked()).toBe(3)
})

test('waits until all that waits is fresh: under load there is always something', async () => {
  const { port, asked } = await serve([backlog(7, 12), backlog(9, 0.2)])
  expect(await run(port)).toBe(0)
  expect(asked()).toBe(2)
})

test('asks again when there is no answer to its question', async () => {
  const { port, asked } = await serve([undefined, backlog(0, 0)])
  expect(await run(port)).toBe(0)
  expect(asked()).toBe(2)
})

test('ends at once beside a service without a project', async () => {
  const service = await startService()
  onTestFinished(async () => void (await service.stop()))
  const startedAtMs = performance.now()
  expect(await run(service.port)).toBe(0)
  expect(performance.now() - startedAtMs).toBeLessThan(5_000)
})
