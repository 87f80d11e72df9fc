// How calls end through every door but with an answer: left, resumed, too late, broken, refused. Each door says the same reason.
import { afterAll, beforeAll, expect } from 'vitest'
import { type Answer, type Asked, nothing } from '../support/doors/door.ts'
import { type DoorName, doorNames, doors } from '../support/doors/features.ts'
import { has, testRows } from '../support/doors/rows.ts'
import { MODEL, startBehind, useStage } from '../support/doors/stage.ts'
import type { Service } from '../support/running-server.ts'

const { service, upstream } = useStage()
const model = MODEL
const FIRST_KEY = /(exai_[\w-]{43})$/m

let hurried: Service
let guarded: Service
let admin: string
beforeAll(async () => {
  hurried = await startBehind(upstream(), { REQUEST_TIMEOUT: '2' })
  guarded = await startBehind(upstream(), { EXAI_AUTH: 'key' })
  admin = FIRST_KEY.exec(guarded.output())?.[1] ?? ''
})
afterAll(async () => {
  await hurried.stop()
  await guarded.stop()
})

/** Waits until the provider sees that the request with this mark was let go of. */
const letGo = (mark: string) =>
  upstream().waitFor(each => each.closedByClientAtMs !== undefined && each.rawBody.includes(mark))

/** Asks, and leaves at the first piece; resolves with the id that the answer had so far. */
async function leaveAtFirstPiece(asked: Asked, text: string, resumeSeconds?: number): Promise<string> {
  const leaving = new AbortController()
  let seen = ''
  const call = asked.ask({
    model,
    text,
    stream: true,
    signal: leaving.signal,
    ...(resumeSeconds === undefined ? {} : { resumeSeconds }),
    onPiece: id => {
      seen = id
      leaving.abort()
    },
  })
  await expect(call).rejects.toThrow()
  return seen
}

async function createKey(scope: string): Promise<string> {
  const reply = await fetch(`${guarded.url}/exai.v1.AccessService/CreateKey`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${admin}` },
    body: JSON.stringify({ label: scope, scopes: [scope] }),
  })
  return String(Reflect.get(Object(await reply.json()), 'secret'))
}

const failed = { isDone: false, finish: '', tokens: undefined }

/** Silent streams through all doors at once, so that the tests wait for one silence only. */
let silences: Promise<ReadonlyMap<DoorName, number>> | undefined

async function beatsOfAll(): Promise<ReadonlyMap<DoorName, number>> {
  const beats = doorNames.map(async name => {
    const leaving = new AbortController()
    let count = 0
    const { promise: beaten, resolve } = Promise.withResolvers<void>()
    const call = doors[name].to({ url: service().url }).ask({
      model,
      text: `wait for me [[fault@openai:silence-after-events=3]] ${name}`,
      stream: true,
      signal: leaving.signal,
      onHeartbeat: () => {
        count += 1
        resolve()
      },
    })
    const ended = call.then(
      () => undefined,
      () => undefined,
    )
    await Promise.race([beaten, ended])
    leaving.abort()
    await ended
    return [name, count] as const
  })
  return new Map(await Promise.all(beats))
}

testRows('doors-endings.test.ts', () => service().url, {
  async resume(asked, { mark }) {
    const id = await leaveAtFirstPiece(asked, `go on [[fault@openai:drip-events=20]] ${mark}`, 60)
    expect(id).toMatch(/^resp_/)
    // Also of another door: there is one call, and the contract has the words to go on with it.
    const rest = await has(doors.grpc.to({ url: service().url }).resume)(id)
    expect(rest).toMatchObject({ id, isDone: true, finish: 'stop', text: `You said: go on ${mark}` })
    expect(upstream().requests.filter(({ rawBody }) => rawBody.includes(mark))).toHaveLength(1)
  },

  async leaving(asked, { mark }) {
    await leaveAtFirstPiece(
      asked,
      `a story [[fault@openai:words=2000]] [[fault@openai:drip-events=20]] ${mark}`,
    )
    expect((await letGo(mark)).endedAtMs).toBeUndefined()
  },

  async deadline(_asked, { name, mark }) {
    const { ask } = doors[name].to({ url: hurried.url })
    const late = async (fault: string, how: { readonly stream?: true }): Promise<void> => {
      const text = `too slow [[fault@openai:${fault}]] ${mark} ${fault}`
      expect(await ask({ ...how, model, text })).toMatchObject({ ...failed, error: 'DEADLINE_EXCEEDED' })
      await letGo(`${mark} ${fault}`)
    }
    await Promise.all([late('hang-before-headers', {}), late('silence-after-events=3', { stream: true })])
  },

  async broken({ ask }) {
    for (const fault of [
      'end-after-events=3',
      'cut-after-events=4',
      'half-event=4',
      'error-after-events=4',
    ]) {
      const text = `one two three four five [[fault@openai:${fault}]]`
      const answer = await ask({ model, text, stream: true })
      expect([fault, answer]).toMatchObject([fault, { ...failed, error: 'UPSTREAM_BROKEN' }])
      expect(answer.text).toMatch(/^You /)
    }
    const whole = await ask({ model, text: 'one two three [[fault@openai:end-after=20]]' })
    expect(whole).toMatchObject({ ...failed, error: 'UPSTREAM_BROKEN' })
  },

  async failing({ ask }) {
    for (const [fault, error] of [
      ['error=503', 'UPSTREAM_UNAVAILABLE'],
      ['status=429', 'UPSTREAM_LIMITED'],
    ] as const)
      for (const how of [{}, { stream: true }] as const) {
        const answer = await ask({ ...how, model, text: `hello [[fault@openai:${fault}]]` })
        expect({ ...answer, retryMs: undefined }).toEqual(nothingBut(error))
      }
  },

  async comeBack({ ask }) {
    for (const how of [{}, { stream: true }] as const) {
      const text = 'hello [[fault@openai:status=429]][[fault@openai:retry-after=3]]'
      expect(await ask({ ...how, model, text })).toEqual({
        ...nothingBut('UPSTREAM_LIMITED'),
        retryMs: 3_000,
      })
    }
  },

  async refusal({ ask }, { mark }) {
    for (const how of [{}, { stream: true }] as const) {
      expect(await ask({ ...how, model: 'no-such-model', text: mark })).toEqual(nothingBut('MODEL_NOT_FOUND'))
      const foreign = { model, text: mark, conversation: 'conv_nobody-has-it' }
      expect(await ask({ ...how, ...foreign })).toEqual(nothingBut('CONVERSATION_NOT_FOUND'))
      const long = { model, text: mark, key: 'x'.repeat(1_000) }
      expect(await ask({ ...how, ...long })).toEqual(nothingBut('INVALID_REQUEST'))
    }
    expect(upstream().requests.filter(({ rawBody }) => rawBody.includes(mark))).toEqual([])
  },

  async credential(_asked, { name }) {
    const through = (credential?: string) =>
      doors[name]
        .to({ url: guarded.url, ...(credential === undefined ? {} : { credential }) })
        .ask({ model, text: 'hello' })
    expect(await through()).toEqual(nothingBut('UNAUTHENTICATED'))
    expect(await through(await createKey('SCOPE_FILES'))).toEqual(nothingBut('PERMISSION_DENIED'))
    expect(await through(await createKey('SCOPE_CHAT'))).toMatchObject({
      isDone: true,
      text: 'You said: hello',
    })
  },

  async heartbeat(_asked, { name }) {
    silences ??= beatsOfAll()
    expect((await silences).get(name)).toBe(1)
  },
})

/** Nothing but an error. */
const nothingBut = (error: string): Answer => ({ ...nothing, error })
