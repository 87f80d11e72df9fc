// Checks the doubles' ways to leave, to be deaf, to be busy, and the faults about bytes that never make an answer.
import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { startBusyHost, startDeafHost } from '../../support/upstream/deaf.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function start(): Promise<Upstream> {
  const upstream = await startUpstream()
  cleanups.push(upstream.close)
  return upstream
}

const body = { model: 'test-model', stream: true, messages: [{ role: 'user', content: 'Hi there' }] }
const asking = (text: string) => ({ ...body, messages: [{ role: 'user', content: text }] })

it.each([
  ['reset-before-headers', 'ECONNRESET'],
  ['fin-before-headers', 'ECONNRESET'],
])('%s takes the request and gives nothing', async (fault, failure) => {
  const upstream = await start()
  const answer = await rawCall(upstream.url, { body: asking(`[[fault:${fault}]]`) })
  expect([answer.status, answer.failure]).toEqual([0, failure])
  expect(upstream.requests).toHaveLength(1)
  expect(upstream.requests[0]?.endedAtMs).toBeDefined()
})

it.each([
  [true, /^(?:: keep-alive\n\n)+$/],
  [false, /^\n+$/],
])('signs of life come for ever, and end with the client (stream: %s)', async (stream, form) => {
  const upstream = await start()
  const leaving = new AbortController()
  let pieces = 0
  const answer = await rawCall(upstream.url, {
    body: { ...asking('[[fault:alive-forever=5]]'), stream },
    signal: leaving.signal,
    onPiece: () => {
      pieces += 1
      if (pieces === 3) leaving.abort()
    },
  })
  expect(answer.text).toMatch(form)
  await upstream.waitFor(each => each.closedByClientAtMs !== undefined)
})

it('one event can drip, with the others as fast as ever', async () => {
  const upstream = await start()
  const startedAtMs = performance.now()
  const answer = await rawCall(upstream.url, { body: asking('[[fault:drip-event=2,1]]Hi there') })
  // The event has more than 100 bytes.
  expect(performance.now() - startedAtMs).toBeGreaterThan(100)
  const plain = await rawCall(upstream.url, { body })
  expect(answer.chunks).toHaveLength(plain.chunks.length)
  expect(answer.pieces.length).toBeGreaterThan(plain.pieces.length)
})

it('the finish can come twice', async () => {
  const upstream = await start()
  const answer = await rawCall(upstream.url, { body: asking('[[fault:finish-twice]]') })
  expect(answer.text.match(/"finish_reason":"stop"/g)).toHaveLength(2)
})

it('a script can be put in front of those that wait', async () => {
  const upstream = await start()
  upstream.next({ answer: { text: 'later' } })
  upstream.nextFirst({ answer: { text: 'first' } })
  expect((await rawCall(upstream.url, { body })).text).toContain('first')
  expect((await rawCall(upstream.url, { body })).text).toContain('later')
})

it('a double that leaves gently ends what it has begun, and refuses what comes after', async () => {
  const upstream = await start()
  const slow = rawCall(upstream.url, { body: asking('[[fault:slow-body=80]]') })
  await upstream.waitFor(() => true)
  await upstream.leaveGently()
  expect((await slow).text).toContain('[DONE]')
  await expect.poll(upstream.openSockets).toBe(0)
  expect((await rawCall(upstream.url, { body })).failure).toBe('ECONNREFUSED')
  await upstream.goOnline()
  expect((await rawCall(upstream.url, { body })).status).toBe(200)
})

it('a deaf host goes on sending to who has ended the connection', async () => {
  const host = await startDeafHost()
  cleanups.push(host.close)
  const client = connect(Number(new URL(host.url).port), '127.0.0.1')
  client.write('POST /v1/chat/completions HTTP/1.1\r\n\r\n')
  let text = ''
  client.on('data', piece => {
    text += piece
  })
  await expect.poll(() => text).toContain(': keep-alive')
  // Only our half: the host is told, and does not mind.
  client.end()
  await expect.poll(host.wroteInVain).toBeGreaterThan(2)
  expect([host.asked(), host.openSockets()]).toEqual([1, 1])
  // With nobody there to read, the kernel ends it.
  client.destroy()
  await expect.poll(host.openSockets).toBe(0)
})

it('a busy host neither takes nor refuses a connection', async () => {
  const host = await startBusyHost()
  cleanups.push(host.close)
  const client = connect(Number(new URL(host.url).port), '127.0.0.1')
  const outcome = new Promise(resolve => {
    client.once('connect', () => resolve('connected'))
    client.once('error', () => resolve('refused'))
    client.setTimeout(300, () => resolve('nothing'))
  })
  expect(await outcome).toBe('nothing')
  client.destroy()
})
