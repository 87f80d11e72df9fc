// Two services that share a Redis: a stream of one is resumed, joined and cancelled through the other, and both live without it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { chatClient, infoOf, type Question, question, readAll, speeches } from '../support/clients.ts'
import { type RedisServer, startRedis } from '../support/redis-rig.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const WORDS = 120
const SLOW = `[[fault:words=${WORDS}]][[fault:drip-events=10]] tell me a story`
const PASSWORD = 'only-for-this-test'

let redis: RedisServer
let upstream: Upstream
let one: Service
let two: Service

beforeAll(async () => {
  redis = await startRedis({ password: PASSWORD })
  upstream = await startUpstream()
  const env = { OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url, REDIS_URL: redis.url }
  ;[one, two] = await Promise.all([startService(env), startService(env)])
})
afterAll(async () => {
  await Promise.all([one.stop(), two.stop()])
  await upstream.close()
  await redis.stop()
})

const [speech] = speeches
const chat = ({ url }: Service) => {
  if (speech === undefined) throw new Error('there is no way to speak')
  return chatClient(speech, url)
}
const story = (user: string, more: Partial<Question> = {}) =>
  question('openai/test-model', SLOW, { user, resumeWindow: { seconds: 60n, nanos: 0 }, ...more })
const asked = (user: string) => upstream.requests.filter(({ rawBody }) => rawBody.includes(`"${user}"`))

interface Health {
  readonly status: string
  readonly components: Readonly<Record<string, { readonly status: string; readonly reason: string }>>
}
async function redisOf({ url }: Service): Promise<Health['components'][string] | undefined> {
  // What the service says of itself.
  const health = (await (await fetch(`${url}/health`)).json()) as Health
  return health.components['redis']
}

/** Begins a stream at the first service and leaves when it has said something. Gives its id. */
async function begin(user: string): Promise<string> {
  const leaving = new AbortController()
  for await (const { event } of chat(one).streamComplete(story(user), { signal: leaving.signal })) {
    if (event.case !== 'started') continue
    setImmediate(() => leaving.abort())
    return event.value.responseId
  }
  throw new Error('it did not start')
}

/** Reads a stream to its end in the background. `begun` resolves with its first event, or its end. */
function reading(stream: AsyncIterable<StreamEvent>) {
  const begun = Promise.withResolvers<void>()
  async function* told(): AsyncGenerator<StreamEvent> {
    try {
      for await (const event of stream) {
        begun.resolve()
        yield event
      }
    } finally {
      begun.resolve()
    }
  }
  return { begun: begun.promise, whole: readAll(told()) }
}

describe('two services with one redis', () => {
  it('answer a stream that was begun at one through the other, whole and asked once', async () => {
    const responseId = await begin('resumed')
    const whole = await readAll(chat(two).resumeStream({ responseId, afterSequence: 0 }))
    expect(whole.error).toBeUndefined()
    expect(whole.text.split(' ').length).toBeGreaterThanOrEqual(WORDS)
    expect(asked('resumed')).toHaveLength(1)
  })

  it('join calls with the same idempotency key', async () => {
    const keyed = story('joined', { idempotencyKey: 'one-story' })
    const both = await Promise.all([chat(one).complete(keyed), chat(two).complete(keyed)])
    expect(both[0].id).toBe(both[1].id)
    expect(asked('joined')).toHaveLength(1)
  })

  it('cancel streams of each other, up to the provider', async () => {
    const responseId = await begin('cancelled')
    expect(await chat(two).cancelStream({ responseId })).toMatchObject({ cancelled: true })
    const after = await readAll(chat(two).resumeStream({ responseId, afterSequence: 0 }))
    expect(infoOf(after.error)?.reason).toBe(ErrorReason.CANCELLED)
    await until(() => asked('cancelled')[0]?.closedByClientAtMs !== undefined)
  })

  it('go on when redis dies in the middle of streams, are degraded, and find back to each other', async () => {
    const responseId = await begin('through')
    const asking = { responseId, afterSequence: 0 }
    const all = [
      reading(chat(one).resumeStream(asking)),
      reading(chat(two).resumeStream(asking)),
      reading(chat(two).streamComplete(story('fresh'))),
    ]
    await Promise.all(all.map(({ begun }) => begun))
    await redis.kill()
    await until(async () => (await redisOf(one))?.status === 'degraded')
    await redis.restart()
    await until(async () => (await redisOf(two))?.status === 'healthy')
    const texts = (await Promise.all(all.map(({ whole }) => whole))).map(({ text, error }) => [
      text.split(' ').length >= WORDS,
      error,
    ])
    expect(texts).toEqual([
      [true, undefined],
      [true, undefined],
      [true, undefined],
    ])
  })

  it('never log the password, and count what becomes of commands', async () => {
    const metrics = await (await fetch(`${one.url}/metrics`)).text()
    expect(metrics).toMatch(/^exai_redis_up 1$/m)
    expect(metrics).toMatch(/^exai_redis_commands_total\{outcome="ok"\} \d+$/m)
    expect(one.output() + two.output() + metrics).not.toContain(PASSWORD)
    expect(one.output()).toContain('redis is out')
  })
})
