// Resuming and cancelling through the door: on every wire, and by clients whose sockets are cut while the stream runs.
import { Code } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { createRecordedCompletion } from '../../../../src/chat/recorded.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import type { Provider } from '../../../../src/core/provider.ts'
import { createProcessShared } from '../../../../src/stores/process/shared.ts'
import { failureOf, infoOf, question, readAll } from '../../../support/clients.ts'
import { createCompletionRig } from '../../../support/completion-rig.ts'
import { readThroughCuts } from '../../../support/cuts.ts'
import { createScriptedProvider } from '../../../support/scripted-provider.ts'
import { createChance } from '../../../support/seeded.ts'
import { chatClient, type Running, startServer, transports, until } from './harness.ts'

const PIECES = 80
const TEXT = Array.from({ length: PIECES }, (_, index) => `${index} `).join('')
const resumeWindow = { seconds: 60n, nanos: 0 }

/** Users whose answers do not end yet. */
const held = new Set<string>()

/** A model that says a piece every few milliseconds. */
function slowProvider(): Provider & { readonly running: () => number } {
  let running = 0
  const scripted = createScriptedProvider('one', [])
  return {
    ...scripted,
    running: () => running,
    async *open({ signal, request }) {
      running += 1
      try {
        for (let index = 0; index < PIECES; index += 1) {
          await new Promise(resolve => setTimeout(resolve, 4))
          if (index === PIECES - 1) await until(() => !held.has(request.user))
          signal.throwIfAborted()
          yield [{ type: 'text', text: `${index} ` }]
        }
        const counts = { inputTokens: 5, cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 }
        yield [
          { type: 'usage', counts: { ...counts, outputTokens: PIECES } },
          { type: 'finish', reason: FinishReason.STOP },
        ]
      } finally {
        running -= 1
      }
    },
  }
}

const provider = slowProvider()
const rig = createCompletionRig([provider])
const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
const recorded = createRecordedCompletion({
  completion: rig,
  shared,
  clock: systemClock,
  heartbeatMs: 10_000,
  onFault: fault => {
    throw fault
  },
})
let server: Running

beforeAll(async () => {
  server = await startServer({ chat: recorded })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  recorded.close()
  await shared.close()
})

const asked = (more: Parameters<typeof question>[2] = {}) =>
  question('one-model', 'count', { resumeWindow, ...more })

describe.each(Object.entries(transports))('%s', (_name, transportTo) => {
  const client = () => chatClient(transportTo(server.url))

  test('a stream is resumed from any event on, running or ended', async () => {
    const first = client().streamComplete(asked())[Symbol.asyncIterator]()
    const { value: started } = await first.next()
    const responseId = started?.event.case === 'started' ? started.event.value.responseId : ''
    const running = readAll(client().resumeStream({ responseId, afterSequence: 0 }))
    await first.return?.()
    expect(await running).toMatchObject({ text: TEXT, error: undefined })
    const ended = await readAll(client().resumeStream({ responseId, afterSequence: PIECES }))
    expect(ended).toMatchObject({ text: `${PIECES - 1} `, error: undefined })
    expect(ended.events[0]?.sequence).toBe(PIECES + 1)
  })

  test('a stream is cancelled, and a stream that is not there is not found', async () => {
    const streaming = readAll(client().streamComplete(asked()))
    await until(() => provider.running() === 1)
    const { journal } = rig
    const events = client()
      .streamComplete(asked({ user: 'second' }))
      [Symbol.asyncIterator]()
    const { value: started } = await events.next()
    const responseId = started?.event.case === 'started' ? started.event.value.responseId : ''
    expect(await client().cancelStream({ responseId })).toMatchObject({ cancelled: true })
    expect(await client().cancelStream({ responseId })).toMatchObject({ cancelled: false })
    expect(journal.recent().at(-1)).toMatchObject({ responseId, outcome: { type: 'cancelled' } })
    const cancelled = (async () => {
      for (let step = await events.next(); step.done !== true; step = await events.next());
    })()
    expect((await failureOf(cancelled)).code).toBe(Code.Canceled)
    expect((await streaming).text).toBe(TEXT)
    const missing = await failureOf(client().cancelStream({ responseId: 'resp_1' }))
    expect([missing.code, infoOf(missing)?.reason]).toEqual([Code.NotFound, ErrorReason.STREAM_NOT_FOUND])
    const { error } = await readAll(client().resumeStream({ responseId, afterSequence: -1 }))
    expect(error?.code).toBe(Code.InvalidArgument)
  })

  test('a retry with the same key is the same answer', async () => {
    const idempotencyKey = `key-${_name.replaceAll(' ', '-')}`
    const count = rig.journal.count()
    const request = asked({ idempotencyKey })
    const [one, other] = await Promise.all([client().complete(request), client().complete(request)])
    expect(other).toEqual(one)
    expect(await client().complete(request)).toEqual({ ...one, replayed: true })
    expect(rig.journal.count()).toBe(count + 1)
  })
})

test('clients whose sockets are cut while the stream runs read it whole, and it is booked once', async () => {
  const [streams, cutsEach] = [20, 3]
  const isSettled = (id: string): boolean => rig.journal.recent().some(({ responseId }) => responseId === id)
  const count = rig.journal.count()
  const lines = server.lines.length
  let cutsOfEnded = 0
  const read = async (name: string, seed: number) => {
    held.add(name)
    let cuts = 0
    return readThroughCuts({
      port: Number(new URL(server.url).port),
      chance: createChance(seed),
      question: asked({ user: name }),
      requestId: name,
      cuts: cutsEach,
      cutsUntil: PIECES / 2,
      onCut: responseId => {
        if (isSettled(responseId)) cutsOfEnded += 1
        cuts += 1
        if (cuts === cutsEach) held.delete(name)
      },
    })
  }
  const patched = await Promise.all(
    Array.from({ length: streams }, (_, index) => read(`cut-${index}`, index)),
  )
  expect(patched.map(({ text }) => text)).toEqual(Array(streams).fill(TEXT))
  for (const { events } of patched)
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
  expect([cutsOfEnded, patched.map(({ cuts }) => cuts)]).toEqual([0, Array(streams).fill(cutsEach)])
  expect(rig.journal.count()).toBe(count + streams)
  await server.exchanges.idle()
  const own = server.lines.slice(lines).filter(({ fields }) => /^cut-/.test(String(fields['request_id'])))
  expect(own.filter(({ message }) => message === 'call')).toHaveLength(streams)
  // The tokens of each stand in one line.
  expect(own.filter(({ fields }) => fields['output_tokens'] === PIECES)).toHaveLength(streams)
})
