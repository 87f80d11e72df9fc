// Recorded streams of two real processes that share a Redis: one runs the stream, the other resumes, joins and cancels it.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Child, startChild, untilReady } from '../support/child.ts'
import { connectRedis, type RedisServer, startRedis } from '../support/redis-rig.ts'
import { ask } from '../support/request.ts'
import { createRecordedRig, readOn, type Seen, until } from '../support/scripted-completion.ts'
import { createTestCall } from '../support/test-call.ts'
import { root } from '../support/tools.ts'

const ALIVE_MS = 3_000
const FOREVER = 1_000_000
const CHILD = join(root, 'tests/support/redis-recorder-child.ts')

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

interface Elsewhere {
  readonly child: Child
  readonly responseId: string
  /** What it told at its end. */
  readonly end: () => Promise<{ readonly ended: string; readonly said: number; readonly read: number }>
}

/** A process of its own that runs a stream. */
async function streamElsewhere(key: string, words: number): Promise<Elsewhere> {
  const child = await startChild(process.execPath, [CHILD, server.url, key, `${words}`], { cwd: root })
  onTestFinished(async () => {
    if (!child.isGone()) await child.stop('SIGKILL')
  })
  const lines = (): readonly string[] => child.output().split('\n')
  await untilReady(child, async () => lines().length > 1)
  const { responseId }: { responseId: string } = JSON.parse(lines()[0] ?? '')
  return {
    child,
    responseId,
    async end() {
      await child.ended
      return JSON.parse(lines()[1] ?? '')
    },
  }
}

/** This process with a way of its own into Redis. */
async function here() {
  const { shared } = await connectRedis(server.url)
  const rig = createRecordedRig({ shared, limits: { aliveMs: ALIVE_MS } })
  onTestFinished(async () => {
    rig.close()
    await shared.close()
  })
  const resume = (responseId: string, afterSequence = 0) =>
    readOn(rig.resume(createTestCall().call, { responseId, afterSequence }))
  return { ...rig, resume }
}

/** Waits until so many words have come; fails with what ended the stream before. */
async function hears(seen: Seen, words: number): Promise<void> {
  const early = seen.ended.then(error => {
    throw error ?? new Error('it ended early')
  })
  await Promise.race([until(() => wordsOf(seen.text()).length > words), early])
}

const wordsOf = (text: string): readonly number[] => text.trim().split(' ').map(Number)
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1)

describe('a stream that runs in another process', () => {
  it('is resumed here from any event on, live and to its end', async () => {
    const { resume } = await here()
    const elsewhere = await streamElsewhere('resumed', 120)
    const whole = resume(elsewhere.responseId)
    await hears(whole, 10)
    // The first event is not a word.
    const rest = resume(elsewhere.responseId, 6)
    expect([await whole.ended, await rest.ended]).toEqual([undefined, undefined])
    expect(wordsOf(whole.text())).toEqual(numbers(120))
    expect(wordsOf(rest.text())).toEqual(numbers(120).slice(5))
    expect(await elsewhere.end()).toMatchObject({ ended: 'completed', read: 120 })
  })

  it('is cancelled from here, and the other process ends it', async () => {
    const { resume, cancel } = await here()
    const elsewhere = await streamElsewhere('cancelled', FOREVER)
    const seen = resume(elsewhere.responseId)
    await hears(seen, 5)
    const { call } = createTestCall()
    expect(await cancel(call, { responseId: elsewhere.responseId })).toEqual({ cancelled: true })
    expect((await seen.ended)?.reason).toBe('CANCELLED')
    expect(await elsewhere.end()).toMatchObject({ ended: 'CANCELLED' })
  })

  it('answers the same idempotency key here, and nobody is asked twice', async () => {
    const rig = await here()
    const elsewhere = await streamElsewhere('joined', 60)
    const request = ask('hi', { idempotencyKey: 'joined', resumeWindow: { seconds: 60n, nanos: 0 } })
    const joined = readOn(rig.stream(createTestCall().call, request))
    expect(await joined.ended).toBeUndefined()
    expect(wordsOf(joined.text())).toEqual(numbers(60))
    await elsewhere.end()
    expect(await rig.complete(createTestCall().call, request)).toMatchObject({
      id: elsewhere.responseId,
      replayed: true,
    })
    expect(rig.scripted.runs).toEqual([])
  })

  it('goes on while redis is killed and comes back empty, and its readers here miss nothing', async () => {
    const { resume } = await here()
    const elsewhere = await streamElsewhere('outlives-redis', 300)
    const seen = resume(elsewhere.responseId)
    await hears(seen, 20)
    await server.kill()
    await server.restart()
    expect(await seen.ended).toBeUndefined()
    expect(wordsOf(seen.text())).toEqual(numbers(300))
    expect(await elsewhere.end()).toEqual({ ended: 'completed', said: 300, read: 300 })
  })

  it('is lost when that process is killed, after what it wrote', async () => {
    const { resume } = await here()
    const elsewhere = await streamElsewhere('killed', FOREVER)
    const seen = resume(elsewhere.responseId)
    await hears(seen, 5)
    await elsewhere.child.stop('SIGKILL')
    expect((await seen.ended)?.reason).toBe('STREAM_LOST')
    const again = resume(elsewhere.responseId)
    expect((await again.ended)?.reason).toBe('STREAM_LOST')
    expect(wordsOf(again.text()).length).toBeGreaterThanOrEqual(wordsOf(seen.text()).length)
  })
})
