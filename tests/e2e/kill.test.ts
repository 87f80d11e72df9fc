// The service as a process that is killed with -9 around keyed calls: after a restart every key gets the right answer,
// nobody is asked twice and nothing is booked twice.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Code, ConnectError } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
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
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const SLOW = '[[fault:words=200]][[fault:drip-events=50]] tell me a story'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})

afterAll(() => upstream.close())

const chat = (service: Service) => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return chatClient(speech, service.url)
}

const asked = (user: string): number =>
  upstream.requests.filter(({ rawBody }) => rawBody.includes(`"${user}"`)).length

/** A folder, and services that are started on it one after the other. */
async function machine() {
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-kill-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  return {
    async start(): Promise<Service> {
      const service = await startService({
        DATA_DIR: dataDir,
        OPENAI_API_KEY: 'test-key',
        OPENAI_BASE_URL: upstream.url,
      })
      onTestFinished(async () => void (await service.stop('SIGKILL')))
      return service
    },
    /** Lines of the ledger that name an answer. */
    booked(responseId: string): number {
      using db = new DatabaseSync(join(dataDir, 'exai.db'), { readOnly: true })
      const rows = db.prepare('SELECT count(*) AS lines FROM ledger WHERE response_id = ?').get(responseId)
      return Number(rows?.['lines'])
    },
  }
}

const keyed = (user: string, text = 'say hello', over: Partial<Question> = {}): Question =>
  question(MODEL, text, { user, idempotencyKey: user, ...over })

function refusalOf(error: ConnectError | undefined) {
  return { code: error?.code, reason: infoOf(error)?.reason }
}

const UNKNOWN = { code: Code.Aborted, reason: ErrorReason.OUTCOME_UNKNOWN }

describe('after kill -9', () => {
  it('a key whose call was answered gives the same answer again, and it is booked once', async () => {
    const { start, booked } = await machine()
    const one = await start()
    const answer = await chat(one).complete(keyed('ended'))
    await one.stop('SIGKILL')
    const two = await start()
    const again = await chat(two).complete(keyed('ended'))
    expect(again).toMatchObject({ id: answer.id, replayed: true, usage: answer.usage })
    expect(again.message).toEqual(answer.message)
    const streamed = await readAll(chat(two).streamComplete(keyed('ended')))
    expect(streamed.events.at(-1)?.event).toMatchObject({
      case: 'completed',
      value: { response: { id: answer.id } },
    })
    expect(asked('ended')).toBe(1)
    expect(booked(answer.id)).toBe(1)
  })

  it('a key whose call was running is OUTCOME_UNKNOWN, and the provider is not asked again', async () => {
    const { start } = await machine()
    const one = await start()
    const running = failureOf(chat(one).complete(keyed('running', SLOW)))
    await until(() => asked('running') === 1)
    await one.stop('SIGKILL')
    await running
    const two = await start()
    expect(refusalOf(await failureOf(chat(two).complete(keyed('running', SLOW))))).toEqual(UNKNOWN)
    const streamed = await readAll(chat(two).streamComplete(keyed('running', SLOW)))
    expect(refusalOf(streamed.error)).toEqual(UNKNOWN)
    expect(asked('running')).toBe(1)
  })

  it('a stream that was running is STREAM_LOST, and one that had ended is read again', async () => {
    const { start } = await machine()
    const one = await start()
    const resumeWindow = { seconds: 60n, nanos: 0 }
    const { events } = await readAll(
      chat(one).streamComplete(question(MODEL, 'hi', { user: 'whole', resumeWindow })),
    )
    let lost = ''
    const cut = failureOf(
      (async () => {
        for await (const { event } of chat(one).streamComplete(
          question(MODEL, SLOW, { user: 'cut', resumeWindow }),
        )) {
          if (event.case === 'started') lost = event.value.responseId
        }
      })(),
    )
    await until(() => lost !== '')
    await one.stop('SIGKILL')
    await cut
    const two = await start()
    const started = events[0]?.event
    const responseId = started?.case === 'started' ? started.value.responseId : ''
    const back = await readAll(chat(two).resumeStream({ responseId, afterSequence: 1 }))
    expect(back.error).toBeUndefined()
    expect(back.events).toEqual(events.slice(1))
    const gone = await readAll(chat(two).resumeStream({ responseId: lost, afterSequence: 1 }))
    expect(refusalOf(gone.error)).toEqual({
      code: Code.Aborted,
      reason: ErrorReason.STREAM_LOST,
    })
    expect([asked('whole'), asked('cut')]).toEqual([1, 1])
  })

  it('at any moment of a call the key is answered, unknown or free, and never booked twice', async () => {
    const { start, booked } = await machine()
    const keys = Array.from({ length: 40 }, (_, index) => `moment-${index}`)
    const one = await start()
    const before = new Map<string, string>()
    const calls = Promise.allSettled(
      keys.map(async user => {
        const { id } = await chat(one).complete(keyed(user))
        before.set(user, id)
      }),
    )
    await until(() => before.size >= keys.length / 4)
    await one.stop('SIGKILL')
    await calls
    const two = await start()
    for (const user of keys) {
      const first = asked(user)
      const outcome = await chat(two)
        .complete(keyed(user))
        .then(
          ({ id, replayed }) => ({ id, replayed }),
          (error: unknown) => ({ reason: infoOf(ConnectError.from(error))?.reason }),
        )
      const known = before.get(user)
      if (known !== undefined) expect(outcome).toEqual({ id: known, replayed: true })
      if ('reason' in outcome) expect(outcome.reason).toBe(UNKNOWN.reason)
      else {
        expect(asked(user)).toBe(outcome.replayed ? 1 : first + 1)
        if (!outcome.replayed) expect(first).toBe(0)
        expect(booked(outcome.id)).toBe(1)
      }
    }
  })
})
