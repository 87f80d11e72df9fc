// What the client for TypeScript does with streams that break, against scripted streams.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { create } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect'
import { describe, expect, it } from 'vitest'
import {
  ChatService,
  CompleteRequestSchema,
  type StreamEvent,
  type StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import { ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { type StreamPatience, streamWithResume } from '../../../src/client/resume.ts'
import { question } from '../../support/clients.ts'

type Event = MessageInitShape<typeof StreamEventSchema>
/** One stream: its events, and then how it breaks; `hang` says nothing any more. Absent: it ends. */
type Script = { readonly events: readonly Event[]; readonly breaks?: ConnectError | 'hang' }

const begun = { sequence: 1, event: { case: 'started', value: { responseId: 'resp_1' } } } as const
const text = (sequence: number): Event => ({
  sequence,
  event: { case: 'textDelta', value: { text: `${sequence} ` } },
})
const heartbeat = { sequence: 0, event: { case: 'heartbeat', value: {} } } as const
const done = (sequence: number): Event => ({
  sequence,
  event: { case: 'completed', value: { response: { id: 'resp_1' } } },
})
const cut = new ConnectError('read ECONNRESET', Code.Aborted)
const told = (code: Code, reason: ErrorReason): ConnectError =>
  new ConnectError('why', code, undefined, [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason }) },
  ])

function scripted(...scripts: readonly Script[]) {
  const calls: string[] = []
  async function* play(signal: AbortSignal): AsyncGenerator<Event> {
    const script = scripts[calls.length - 1]
    yield* script?.events ?? []
    if (script?.breaks === 'hang') await new Promise(resolve => signal.addEventListener('abort', resolve))
    else if (script?.breaks !== undefined) throw script.breaks
  }
  const transport = createRouterTransport(({ service }) => {
    service(ChatService, {
      streamComplete: (request, { signal }) => {
        calls.push(`ask ${request.idempotencyKey.length} ${request.resumeWindow?.seconds}`)
        return play(signal)
      },
      resumeStream: (request, { signal }) => {
        calls.push(`resume ${request.responseId} ${request.afterSequence}`)
        return play(signal)
      },
    })
  })
  const chat = createClient(ChatService, transport)
  const read = async (patience: StreamPatience = {}): Promise<readonly StreamEvent[]> => {
    const events: StreamEvent[] = []
    for await (const event of streamWithResume(chat, question('auto', 'hi'), patience)) events.push(event)
    return events
  }
  return { calls, chat, read }
}

it('leaves the message of its caller as it is', async () => {
  const { chat } = scripted({ events: [begun, done(2)] })
  const message = create(CompleteRequestSchema, { ...question('auto', 'hi'), idempotencyKey: 'mine' })
  for await (const _ of streamWithResume(chat, message));
  expect(message.resumeWindow).toBeUndefined()
})

const sequences = (events: readonly StreamEvent[]): readonly number[] =>
  events.map(({ sequence }) => sequence)

describe('a stream with resume', () => {
  it('is a stream like any other while nothing breaks, heartbeats included', async () => {
    const { read, calls } = scripted({ events: [begun, heartbeat, text(2), done(3)] })
    expect(sequences(await read())).toEqual([1, 0, 2, 3])
    expect(calls).toEqual(['ask 32 120'])
  })

  it('goes on after the last event that it has seen', async () => {
    const { read, calls } = scripted(
      { events: [begun, text(2)], breaks: cut },
      { events: [text(3)], breaks: cut },
      { events: [text(4), done(5)] },
    )
    expect(sequences(await read())).toEqual([1, 2, 3, 4, 5])
    expect(calls).toEqual(['ask 32 120', 'resume resp_1 2', 'resume resp_1 3'])
  })

  it('asks again with the same key when it broke before its first event', async () => {
    const { read, calls } = scripted({ events: [], breaks: cut }, { events: [begun, text(2), done(3)] })
    expect(sequences(await read({ resumeWindowMs: 30_000 }))).toEqual([1, 2, 3])
    expect(calls).toEqual(['ask 32 30', 'ask 32 30'])
  })

  it('takes a stream that ends without its last event for a broken one', async () => {
    const { read, calls } = scripted({ events: [begun, text(2)] }, { events: [text(3), done(4)] })
    expect(sequences(await read())).toEqual([1, 2, 3, 4])
    expect(calls[1]).toBe('resume resp_1 2')
  })

  it('gives no event twice, whatever it is told again', async () => {
    const { read } = scripted(
      { events: [begun, text(2)], breaks: cut },
      { events: [begun, text(2), text(3), done(4)] },
    )
    expect(sequences(await read())).toEqual([1, 2, 3, 4])
  })

  it('reads on elsewhere when its replica leaves, or took it for dead', async () => {
    const { read, calls } = scripted(
      { events: [begun], breaks: told(Code.Unavailable, ErrorReason.SHUTTING_DOWN) },
      { events: [text(2)], breaks: told(Code.ResourceExhausted, ErrorReason.OVERLOADED) },
      { events: [done(3)] },
    )
    expect(sequences(await read())).toEqual([1, 2, 3])
    expect(calls).toHaveLength(3)
  })

  it.each([
    ['UPSTREAM_BROKEN', Code.Aborted],
    ['STREAM_LOST', Code.Aborted],
    ['UPSTREAM_UNAVAILABLE', Code.Unavailable],
    ['DEADLINE_EXCEEDED', Code.DeadlineExceeded],
    ['CANCELLED', Code.Canceled],
  ] as const)('is over when the gateway ends it with %s', async (reason, code) => {
    const { read, calls } = scripted({ events: [begun, text(2)], breaks: told(code, ErrorReason[reason]) })
    await expect(read()).rejects.toMatchObject({ code })
    expect(calls).toHaveLength(1)
  })

  it('counts silence as a broken connection', async () => {
    const { read, calls } = scripted(
      { events: [begun, text(2)], breaks: 'hang' },
      { events: [text(3), done(4)] },
    )
    expect(sequences(await read({ silenceMs: 50 }))).toEqual([1, 2, 3, 4])
    expect(calls[1]).toBe('resume resp_1 2')
  })

  it('gives up after so many failures without anything new', async () => {
    const nothing = { events: [], breaks: cut }
    const { read, calls } = scripted({ events: [begun], breaks: cut }, nothing, nothing, nothing)
    await expect(read({ attempts: 3 })).rejects.toMatchObject({ code: Code.Aborted })
    expect(calls).toHaveLength(3)
  })
})
