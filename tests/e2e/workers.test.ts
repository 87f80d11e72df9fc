// A service of two workers as its callers see it: whichever worker is asked, the answer is that of one service.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { CALL_NANO_USD, race, startWithBudget, tally } from '../support/budget-rig.ts'
import { failureOf, infoOf, jsonQuestion, question, readAll } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import { clientsByWorker } from '../support/worker-clients.ts'

const FIRST = /^exai: the first admin key, shown only now: (exai_[\w-]{43})$/m
const MODEL = 'openai/test-model'
const SLOW = '[[fault:words=40]][[fault:drip-events=60]] tell me a story'
const window = { seconds: 60n, nanos: 0 }

let upstream: Upstream
beforeAll(async () => {
  process.env['EXAI_TEST_WORKERS'] = '2'
  upstream = await startUpstream()
})
afterAll(async () => {
  delete process.env['EXAI_TEST_WORKERS']
  await upstream.close()
})

async function start(env: Readonly<Record<string, string>> = {}): Promise<Service> {
  const service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url, ...env })
  onTestFinished(async () => void (await service.stop('SIGKILL')))
  return service
}

describe('two workers', { timeout: 60_000 }, () => {
  it('let exactly the calls pass that a budget pays', async () => {
    const paid = 30
    const { service, booked, lines } = await startWithBudget(upstream, paid * CALL_NANO_USD)
    const ends = await race({ calls: 200, services: [service] })
    expect(tally(ends)).toEqual({ passed: paid, spent: 200 - paid })
    expect([booked(), lines()]).toEqual([paid * CALL_NANO_USD, paid])
    const busy = new Set(service.log().flatMap(line => (line['msg'] === 'call' ? [line['worker']] : [])))
    expect(busy.size).toBe(2)
  })

  it('resume a stream that the other one keeps, and join its call by the key', async () => {
    const service = await start()
    const [one, two] = await clientsByWorker(service, 2)
    const asked = question(MODEL, SLOW, { resumeWindow: window, idempotencyKey: 'same' })
    const stream = one?.chat.streamComplete(asked)[Symbol.asyncIterator]()
    const first = (await stream?.next())?.value
    const responseId = first?.event.case === 'started' ? first.event.value.responseId : ''
    expect(responseId).not.toBe('')
    const joined = two === undefined ? undefined : readAll(two.chat.streamComplete(asked))
    const seen = [first?.event.case]
    for (let next = await stream?.next(); next?.done === false; next = await stream?.next())
      seen.push(next.value.event.case)
    const other = await joined
    const resumed = []
    for await (const event of two?.chat.resumeStream({ responseId, afterSequence: 0 }) ?? [])
      resumed.push(event)
    expect(resumed.map(({ event }) => event.case)).toEqual(seen.filter(kind => kind !== 'heartbeat'))
    expect(resumed.map(({ sequence }) => sequence)).toEqual(resumed.map((_, index) => index + 1))
    const texts = resumed.flatMap(({ event }) => (event.case === 'textDelta' ? [event.value.text] : []))
    expect(other?.text).toBe(texts.join(''))
    expect(upstream.requests.filter(({ rawBody }) => rawBody.includes('tell me a story'))).toHaveLength(1)
  })

  it('print the first key once, and both refuse a key from the answer of its revocation on', async () => {
    const service = await start({ EXAI_AUTH: 'key' })
    expect(service.output().match(new RegExp(FIRST, 'gm'))).toHaveLength(1)
    const admin = { authorization: `Bearer ${FIRST.exec(service.output())?.[1] ?? ''}` }
    const [one, two] = await clientsByWorker(service, 2, admin)
    for (let round = 0; round < 10; round += 1) {
      const made = await one?.post('/exai.v1.AccessService/CreateKey', {
        label: 'app',
        scopes: ['SCOPE_CHAT'],
      })
      const { key, secret } = JSON.parse(made?.text ?? '{}')
      const mine = { authorization: `Bearer ${secret}` }
      const hello = jsonQuestion('sandbox', 'hi')
      expect((await two?.post('/exai.v1.ChatService/Complete', hello, mine))?.status).toBe(200)
      expect((await one?.post('/exai.v1.AccessService/RevokeKey', { keyId: key.id }))?.status).toBe(200)
      expect((await two?.post('/exai.v1.ChatService/Complete', hello, mine))?.status).toBe(401)
    }
  })

  it('tell one state, one list of calls and one page of numbers', async () => {
    const service = await start()
    const workers = await clientsByWorker(service, 2)
    const path = '/exai.v1.MonitoringService'
    for (const [index, one] of workers.entries())
      await one.post('/exai.v1.ChatService/Complete', jsonQuestion('sandbox', 'hi'), {
        'x-request-id': `c${index}`,
      })
    for (const one of workers) {
      const body = { pageSize: 1, requestId: '' }
      const list = JSON.parse((await one.post(`${path}/ListRequests`, body)).text)
      const next = { ...body, pageToken: list.nextPageToken }
      // The next page from the other one: a token belongs to the service and not to a worker.
      const [other = one] = workers.filter(worker => worker !== one)
      const more = JSON.parse((await other.post(`${path}/ListRequests`, next)).text)
      expect([...list.requests, ...more.requests].map(({ requestId }) => requestId)).toEqual(['c1', 'c0'])
    }
    const circuit = { provider: 'openai', model: 'test-model', action: 'ACTION_OPEN', reason: 'by hand' }
    expect((await workers[0]?.post(`${path}/SetCircuit`, circuit))?.status).toBe(200)
    for (const one of workers) {
      const { status } = JSON.parse((await one.post(`${path}/GetStatus`, {})).text)
      expect(status.circuits).toContainEqual(
        expect.objectContaining({ model: 'test-model', state: 'STATE_OPEN', held: true }),
      )
      const refused = await one.post('/exai.v1.ChatService/Complete', jsonQuestion(MODEL, 'hi'))
      expect(refused.status).toBe(503)
    }
    const page = await (await fetch(`${service.url}/metrics`)).text()
    const line = (start: string): string | undefined => page.split('\n').find(one => one.startsWith(start))
    expect(
      line('exai_requests_total{door="connect",method="exai.v1.ChatService/Complete",code="OK"}'),
    ).toMatch(/ 2$/)
    // The two that were refused, too.
    expect(line('exai_gateway_overhead_seconds_count')).toMatch(/ 4$/)
    expect(line('exai_circuit_breaker_state{provider="openai"')).toMatch(/ 1$/)
    expect(line('exai_store_up')).toBe('exai_store_up 1')
    expect(line('exai_config_version')).toBe('exai_config_version 1')
  })

  it('show whoever watches the events of both, each once and with the same id', async () => {
    const service = await start()
    const workers = await clientsByWorker(service, 2)
    const watchers = await clientsByWorker(service, 2)
    const watched = watchers.map(one => one.listen('/exai.v1.MonitoringService/WatchEvents'))
    // A watch begins when it is there: the first call that both show is the sign.
    const heard = (id: string): boolean => watched.every(text => text().includes(`"requestId":"${id}"`))
    let tries = 0
    await until(async () => {
      tries += 1
      await workers[tries % 2]?.post('/exai.v1.ChatService/Complete', jsonQuestion('sandbox', 'hi'), {
        'x-request-id': `try-${tries}`,
      })
      return heard(`try-${tries}`) || heard(`try-${tries - 1}`)
    })
    for (const [index, one] of workers.entries())
      await one.post('/exai.v1.ChatService/Complete', jsonQuestion('sandbox', 'hi'), {
        'x-request-id': `seen-${index}`,
      })
    await until(() => heard('seen-0') && heard('seen-1'))
    // The call and its attempt, each as it began and ended.
    const ids = (): readonly (readonly string[])[] => watched.map(text => idsOf(text(), 'seen-1'))
    await until(() => ids().every(all => all.length === 4))
    expect(ids()[0]).toEqual(ids()[1])
    expect(new Set(ids()[0]).size).toBe(4)
  })

  it('take a changed config file together', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'exai-workers-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'exai.yaml')
    await writeFile(file, 'aliases: { fast: sandbox }')
    const service = await start({ EXAI_CONFIG: file })
    const workers = await clientsByWorker(service, 2)
    await writeFile(file, 'aliases: { quick: sandbox }')
    service.signal('SIGHUP')
    await service.line(line => line['msg'] === 'configuration taken' && line['configVersion'] === 2)
    for (const one of workers) {
      const answer = await one.post('/exai.v1.ChatService/Complete', jsonQuestion('quick', 'hi'))
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.text).route.configVersion).toBe(2)
    }
    await writeFile(file, 'aliases: nonsense')
    await service.line(line => line['msg'] === 'configuration refused, the one before it stays')
    for (const one of workers)
      expect((await one.post('/exai.v1.ChatService/Complete', jsonQuestion('quick', 'hi'))).status).toBe(200)
    expect(service.log().filter(line => String(line['msg']).startsWith('configuration'))).toHaveLength(2)
  })

  it('let their calls finish when the service is told to end', async () => {
    const service = await start({ DRAIN_DELAY: '0' })
    const workers = await clientsByWorker(service, 2)
    const streams = workers.map(({ chat }) => readAll(chat.streamComplete(question(MODEL, SLOW))))
    await until(
      () => upstream.requests.filter(({ rawBody }) => rawBody.includes('drip-events=60')).length >= 2,
    )
    const [code, ...answers] = await Promise.all([service.stop(), ...streams])
    expect(code).toBe(0)
    expect(answers.map(({ kinds }) => kinds.at(-1))).toEqual(['completed', 'completed'])
    const stopped = service.log().find(line => line['msg'] === 'stopped')
    expect(stopped).toMatchObject({ running: 2, aborted: 0 })
  })
})

describe('a worker that is killed', { timeout: 60_000 }, () => {
  it('takes its own calls with it and nobody else’s, and its resumable stream ends as lost after what is kept', async () => {
    const service = await start()
    const [one, two] = await clientsByWorker(service, 2)
    if (one === undefined || two === undefined) throw new Error('there are two')
    const asked = question(MODEL, SLOW, { resumeWindow: window })
    const dying = one.chat.streamComplete(asked)[Symbol.asyncIterator]()
    const first = (await dying.next()).value
    const responseId = first?.event.case === 'started' ? first.event.value.responseId : ''
    await dying.next()
    await dying.next()
    const other = readAll(two.chat.streamComplete(question(MODEL, SLOW)))
    process.kill(one.pid, 'SIGKILL')
    await expect(
      (async () => {
        while ((await dying.next()).done !== true);
      })(),
    ).rejects.toThrow()
    const sequences: number[] = []
    const [free] = (await clientsByWorker(service, 1)).filter(({ worker }) => worker === two.worker)
    const reader = free ?? (await clientsByWorker(service, 2))[two.worker - 1]
    const lost = await failureOf(
      (async () => {
        for await (const { sequence } of reader?.chat.resumeStream({ responseId, afterSequence: 0 }) ?? [])
          sequences.push(sequence)
      })(),
    )
    expect([lost.code, infoOf(lost)?.reason]).toEqual([Code.Aborted, ErrorReason.STREAM_LOST])
    expect(sequences.length).toBeGreaterThanOrEqual(3)
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
    expect((await other).kinds.at(-1)).toBe('completed')
    await service.line(
      line => line['msg'] === 'a worker has died and is started again' && line['worker'] === one.worker,
    )
    await until(() => service.log().filter(line => line['msg'] === 'a worker listens').length === 3)
    const again = await clientsByWorker(service, 2)
    expect(again[one.worker - 1]?.pid).not.toBe(one.pid)
    await service.line(line => line['msg'] === 'alert ended' && line['alert'] === 'worker_died')
    expect(service.log().filter(line => line['msg'] === 'alert began')).toMatchObject([
      { alert: 'worker_died' },
    ])
  })

  it('gives back what it had reserved, at once', async () => {
    const { service } = await startWithBudget(upstream, 2 * CALL_NANO_USD)
    const [one, two] = await clientsByWorker(service, 2)
    if (one === undefined || two === undefined) throw new Error('there are two')
    const slow = question(
      MODEL,
      '[[fault:drip-events=2000]] one two three four five six seven eight nine ten',
    )
    const held = Promise.allSettled([readAll(one.chat.streamComplete({ ...slow, maxOutputTokens: 20 }))])
    await until(() => upstream.requests.some(({ rawBody }) => rawBody.includes('drip-events=2000')))
    const ask = jsonQuestion(MODEL, 'hi', { maxOutputTokens: 20 })
    expect((await two.post('/exai.v1.ChatService/Complete', ask)).text).toContain('BUDGET_SPENT')
    process.kill(one.pid, 'SIGKILL')
    await held
    await until(async () => (await two.post('/exai.v1.ChatService/Complete', ask)).status === 200)
  })
})

/** Ids of the events about a call. */
function idsOf(text: string, requestId: string): readonly string[] {
  return text.split('{"event":').flatMap(one => {
    if (!one.includes(`"requestId":"${requestId}"`)) return []
    const id = /"id":"([^"]+)"/.exec(one)?.[1]
    return id === undefined ? [] : [id]
  })
}
