// Tests streams whose client's socket is cut while they run, and retries of calls: nothing is lost, nothing is paid twice.
// EXAI_RESUME_CUTS says how many cuts there are, 40 unless it is set.
import { Code } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import {
  chatClient,
  failureOf,
  infoOf,
  type Question,
  question,
  readAll,
  speeches,
} from '../support/clients.ts'
import { type Patched, readThroughCuts } from '../support/cuts.ts'
import { type Service, startService } from '../support/running-server.ts'
import { createChance } from '../support/seeded.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const CUTS = Number(process.env['EXAI_RESUME_CUTS'] ?? 40)
const CUTS_EACH = 4
const AT_ONCE = 10
const STREAMS_MAX = CUTS + AT_ONCE
const WORDS = 150
// The answer takes more than a second: a resumed client catches up long before the next cut.
const SLOW = `[[fault:words=${WORDS}]][[fault:drip-events=8]]`
const SLOWER = `[[fault:words=${WORDS}]][[fault:drip-events=60]]`
const MODEL = 'openai/test-model'

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

const [speech] = speeches
const chat = (url = service.url) => {
  if (speech === undefined) throw new Error('there is no way to speak')
  return chatClient(speech, url)
}

const resumable = (user: string, text = SLOW) =>
  question(MODEL, `${text} tell me a story`, { user, resumeWindow: { seconds: 60n, nanos: 0 } })

const asked = (user: string) => upstream.requests.filter(({ rawBody }) => rawBody.includes(`"${user}"`))

/** What a metric of the service stands at, over all its labels or those of one kind. */
async function metric(name: string, label = ''): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text()
  return text
    .split('\n')
    .filter(line => line.startsWith(`${name}{`) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

/** The lines that tell what the call of a request id used. */
const billed = (requestId: string) =>
  service.log().filter(line => line['request_id'] === requestId && line['output_tokens'] !== undefined)

it(
  `a stream whose client is cut off ${CUTS_EACH} times and resumes has the same text, and is booked once (${CUTS} cuts)`,
  async () => {
    const whole = await readAll(chat().streamComplete(resumable('whole')))
    const used = {
      output: await metric('exai_tokens_total', 'output'),
      cost: await metric('exai_cost_usd_total'),
    }
    const patched = new Map<string, Patched>()
    let cutsOfRunning = 0
    const work = async (): Promise<void> => {
      // A cut counts only if the provider had not come to its end: on a busy machine some more streams are needed.
      while (cutsOfRunning < CUTS && patched.size < STREAMS_MAX) {
        const name = `cut-${patched.size}`
        patched.set(name, { events: [], text: '', cuts: 0 })
        const one = await readThroughCuts({
          port: service.port,
          chance: createChance(patched.size),
          question: resumable(name),
          requestId: name,
          cuts: CUTS_EACH,
          cutsUntil: Math.floor(WORDS * 0.6),
          onCut: () => {
            if (asked(name)[0]?.endedAtMs === undefined) cutsOfRunning += 1
          },
        })
        patched.set(name, one)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))

    expect(cutsOfRunning).toBeGreaterThanOrEqual(CUTS)
    expect(whole.error).toBeUndefined()
    expect(whole.text.split(' ').length).toBeGreaterThanOrEqual(WORDS)
    for (const [name, { events, text, cuts }] of patched) {
      expect([text, cuts]).toEqual([whole.text, CUTS_EACH])
      expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
      expect(events.at(-1)?.event.case).toBe('completed')
      expect(asked(name)).toHaveLength(1)
      await service.line(line => line['request_id'] === name && line['output_tokens'] !== undefined)
      expect(billed(name)).toHaveLength(1)
    }
    // Each has used exactly what the uninterrupted one did.
    expect(await metric('exai_tokens_total', 'output')).toBe(used.output * (patched.size + 1))
    expect(await metric('exai_cost_usd_total')).toBeCloseTo(used.cost * (patched.size + 1), 9)
  },
  60_000 + CUTS * 1_000,
)

describe('a retry with an idempotency key', () => {
  it('after the socket was cut joins the call that the resume window kept alive', async () => {
    const keyed = { ...resumable('keyed'), idempotencyKey: 'story-1' }
    const leaving = new AbortController()
    const first = readAll(chat().streamComplete(keyed, { signal: leaving.signal }))
    await upstream.waitFor(({ rawBody, bytesSent }) => rawBody.includes('"keyed"') && bytesSent > 0)
    leaving.abort()
    expect((await first).error?.code).toBe(Code.Canceled)
    const answer = await chat().complete(keyed)
    expect(answer.replayed).toBe(false)
    expect(await chat().complete(keyed)).toEqual({ ...answer, replayed: true })
    expect(asked('keyed')).toHaveLength(1)
  })

  it('sent twenty times at once asks the provider once', async () => {
    const keyed = question(MODEL, 'hello', { user: 'twenty', idempotencyKey: 'story-2' })
    const answers = await Promise.all(Array.from({ length: 20 }, () => chat().complete(keyed)))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    expect(asked('twenty')).toHaveLength(1)
  })

  it('and another request is refused', async () => {
    const keyed = (text: string) => question(MODEL, text, { idempotencyKey: 'story-3' })
    await chat().complete(keyed('hello'))
    const error = await failureOf(chat().complete(keyed('good bye')))
    expect([error.code, infoOf(error)?.reason]).toEqual([
      Code.FailedPrecondition,
      ErrorReason.IDEMPOTENCY_MISMATCH,
    ])
  })

  it('after a failure that nobody has paid asks again', async () => {
    const keyed = question(MODEL, 'hello', { user: 'again', idempotencyKey: 'story-4' })
    upstream.next({ faults: ['status=503'], times: 20, match: ({ rawBody }) => rawBody.includes('"again"') })
    expect((await failureOf(chat().complete(keyed))).code).toBe(Code.Unavailable)
    const before = asked('again').length
    await failureOf(chat().complete(keyed))
    expect(asked('again').length).toBeGreaterThan(before)
  })
})

describe('a stream that was left', () => {
  /** Reads until it has the id of the answer, and leaves. */
  const leave = async (
    user: string,
    { url = service.url, ...more }: Partial<Question> & { url?: string } = {},
  ): Promise<string> => {
    const leaving = new AbortController()
    const asking = { ...resumable(user, SLOWER), ...more }
    const options = { signal: leaving.signal, headers: { 'x-request-id': user } }
    for await (const { event } of chat(url).streamComplete(asking, options)) {
      if (event.case !== 'started') continue
      leaving.abort()
      return event.value.responseId
    }
    throw new Error('it never started')
  }
  const closed = (user: string) =>
    upstream.waitFor(each => each.closedByClientAtMs !== undefined && each.rawBody.includes(`"${user}"`))

  it('is ended by CancelStream, which closes the connection to the provider', async () => {
    const responseId = await leave('cancelled')
    expect(asked('cancelled')[0]?.closedByClientAtMs).toBeUndefined()
    expect(await chat().cancelStream({ responseId })).toMatchObject({ cancelled: true })
    await closed('cancelled')
    expect(await chat().cancelStream({ responseId })).toMatchObject({ cancelled: false })
    const { error, kinds } = await readAll(chat().resumeStream({ responseId }))
    expect([kinds[0], error?.code]).toEqual(['started', Code.Canceled])
  })

  it('is ended by the end of its window', async () => {
    const responseId = await leave('window', { resumeWindow: { seconds: 0n, nanos: 100_000_000 } })
    await closed('window')
    // The provider is let go first, and then the call is settled on disk.
    await expect
      .poll(async () => {
        const { error } = await readAll(chat().resumeStream({ responseId }))
        return [error?.code, infoOf(error)?.reason]
      })
      .toEqual([Code.NotFound, ErrorReason.STREAM_NOT_FOUND])
  })

  it('is waited for by the drain, and ended with SHUTTING_DOWN after its time', async () => {
    const own = await startService({
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      DRAIN_DELAY: '0',
      DRAIN_TIMEOUT: '1',
    })
    await leave('drained', { url: own.url })
    await own.call('drained')
    const stopping = own.stop()
    const line = await own.line(({ msg }) => msg === 'detached call')
    expect(line).toMatchObject({ request_id: 'drained', reason: 'SHUTTING_DOWN', provider: 'openai' })
    expect(await stopping).toBe(0)
    expect(Number(line['duration_ms'])).toBeGreaterThanOrEqual(1_000)
  })
})
