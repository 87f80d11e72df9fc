// What goes over the WebSocket: requests, streams, several at once, cancelling, and what is refused.
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import { codeOf, is } from '../../../support/socket-client.ts'
import { answerOf, request, speech, startRig } from './harness.ts'

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('a request', () => {
  test('is answered by one response frame with its id', async () => {
    const { open, ends } = await startRig({ chat: { complete: async () => answerOf('Hi there') } })
    const client = await open()
    client.send(request('req_1'))
    const { content } = await client.frame(is('response', 'req_1'))
    expect(content).toMatchObject({
      id: 'resp_1',
      choices: [{ message: { role: 'assistant', content: 'Hi there' }, finish_reason: 'stop' }],
    })
    expect(client.frames).toHaveLength(1)
    expect(ends).toMatchObject([{ door: 'websocket', method: 'exai.v1.ChatService/Complete', code: 'OK' }])
  })

  test('without an id gets one that is in its frames and in the log', async () => {
    const { open, lines } = await startRig({ chat: { complete: async () => answerOf('Hi') } })
    const client = await open()
    client.send(request(undefined))
    const { request_id: id } = await client.frame(is('response'))
    expect(id).toMatch(/^call_/)
    expect(lines).toMatchObject([{ message: 'call', fields: { channel: 'ws', request_id: id } }])
  })

  test('with stream is answered by pieces, and then by a response with the whole text', async () => {
    const { open, ends } = await startRig({ chat: { stream: () => speech('Hel', 'lo') } })
    const client = await open()
    client.send(request('s', { stream: true }))
    await client.frame(is('response'))
    expect(client.frames.map(({ type, delta, request_id }) => [type, delta, request_id])).toEqual([
      ['started', undefined, 's'],
      ['stream', { content: 'Hel' }, 's'],
      ['stream', { content: 'lo' }, 's'],
      ['response', undefined, 's'],
    ])
    expect(client.frames.at(-1)?.['content']).toMatchObject({
      choices: [{ message: { content: 'Hello' } }],
    })
    expect(ends[0]).toMatchObject({ method: 'exai.v1.ChatService/StreamComplete', code: 'OK' })
  })

  test('whose stream breaks ends with an error frame, never with a response', async () => {
    const { open, ends } = await startRig({
      chat: {
        async *stream() {
          yield { sequence: 1, event: { case: 'textDelta', value: { text: 'Hel' } } }
          throw new GatewayError('UPSTREAM_BROKEN', 'the provider stopped', { provider: 'test' })
        },
      },
    })
    const client = await open()
    client.send(request('s', { stream: true }))
    expect(await client.frame(is('error', 's'))).toMatchObject({
      error: {
        code: 'UPSTREAM_BROKEN',
        status: 'aborted',
        message: 'the provider stopped',
        details: { provider: 'test', origin: 'upstream' },
      },
    })
    expect(client.frames.map(({ type }) => type)).toEqual(['stream', 'error'])
    expect(ends[0]).toMatchObject({ code: 'ABORTED', reason: 'UPSTREAM_BROKEN' })
    client.send({ type: 'ping' })
    await client.frame(is('pong'))
  })

  test('whose stream stops without its end, or fails by our fault, tells nothing of the inside', async () => {
    const { open } = await startRig({
      chat: {
        complete: async () => {
          throw new TypeError('secret is not a function')
        },
        async *stream() {
          yield { sequence: 1, event: { case: 'textDelta', value: { text: 'Hel' } } }
        },
      },
    })
    const client = await open()
    client.send(request('s', { stream: true }))
    client.send(request('c'))
    expect(codeOf(await client.frame(is('error', 's')))).toBe('INTERNAL')
    expect(await client.frame(is('error', 'c'))).toMatchObject({ error: { message: 'internal error' } })
  })

  test('that is silent for long shows that it lives', async () => {
    const { open } = await startRig({
      chat: {
        async *stream() {
          yield { event: { case: 'heartbeat', value: { elapsedDuration: { seconds: 10n, nanos: 0 } } } }
          yield* speech('Hi')
        },
      },
    })
    const client = await open()
    client.send(request('s', { stream: true }))
    expect(await client.frame(is('heartbeat', 's'))).toMatchObject({ elapsed_ms: 10_000 })
  })

  test('has the deadline that it names', async () => {
    const { open, ends } = await startRig({ chat: { complete: ({ signal }) => untilAborted(signal) } })
    const client = await open()
    client.send(request('c', { timeout_ms: 30 }))
    expect(codeOf(await client.frame(is('error', 'c')))).toBe('DEADLINE_EXCEEDED')
    expect(ends[0]).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })
})

describe('several requests', () => {
  test('run at once, and each frame names its own', async () => {
    const gates = new Map<string, () => void>()
    const { open } = await startRig({
      chat: {
        complete: ({ id }) =>
          new Promise(resolve => gates.set(id, () => resolve(answerOf(`the answer to ${id}`)))),
      },
    })
    const client = await open()
    for (const id of ['a', 'b', 'c']) client.send(request(id))
    await expect.poll(() => gates.size).toBe(3)
    for (const id of ['c', 'a', 'b']) gates.get(id)?.()
    await client.frame(is('response', 'b'))
    expect(client.frames.map(frame => frame['request_id'])).toEqual(['c', 'a', 'b'])
    expect(client.frames[0]?.['content']).toMatchObject({
      choices: [{ message: { content: 'the answer to c' } }],
    })
  })

  test('need their own ids: a doubled one is refused without ending the one that runs', async () => {
    const answers: (() => void)[] = []
    const { open } = await startRig({
      chat: { complete: () => new Promise(resolve => answers.push(() => resolve(answerOf('Hi')))) },
    })
    const client = await open()
    client.send(request('twice'))
    client.send(request('twice'))
    const refusal = await client.frame(is('error'))
    expect([codeOf(refusal), refusal['request_id']]).toEqual(['INVALID_REQUEST', undefined])
    answers[0]?.()
    await client.frame(is('response', 'twice'))
    client.send(request('twice'))
    await expect.poll(() => answers.length).toBe(2)
    answers[1]?.()
    await expect.poll(() => client.frames.filter(is('response', 'twice')).length).toBe(2)
  })

  test('of which one has no id can be told apart, and two without cannot', async () => {
    const { open } = await startRig({ chat: { complete: ({ signal }) => untilAborted(signal) } })
    const client = await open()
    client.send(request(undefined))
    client.send(request(undefined))
    expect(await client.frame(is('error'))).toMatchObject({
      error: { message: expect.stringContaining('request_id is required') },
    })
  })

  test('above the most of a connection are refused, and the others go on', async () => {
    const { open, ends } = await startRig({
      limits: { tasksMax: 2 },
      chat: { complete: ({ signal }) => untilAborted(signal) },
    })
    const client = await open()
    for (const id of ['a', 'b', 'c']) client.send(request(id))
    expect(codeOf(await client.frame(is('error', 'c')))).toBe('TOO_MANY_CALLS')
    expect(ends).toMatchObject([{ code: 'RESOURCE_EXHAUSTED', reason: 'TOO_MANY_CALLS' }])
    client.send({ type: 'cancel', request_id: 'a' })
    await client.frame(is('error', 'a'))
    client.send(request('d'))
    client.send({ type: 'cancel', request_id: 'd' })
    expect(codeOf(await client.frame(is('error', 'd')))).toBe('CANCELLED')
  })
})

describe('cancel', () => {
  test('ends a request through its signal, says so, and the request ends with its own frame', async () => {
    let seen: unknown
    const { open, ends } = await startRig({
      chat: {
        async *stream({ signal }) {
          yield { sequence: 1, event: { case: 'textDelta', value: { text: 'Hel' } } }
          signal.addEventListener('abort', () => {
            seen = signal.reason
          })
          await untilAborted(signal)
        },
      },
    })
    const client = await open()
    client.send(request('s', { stream: true }))
    await client.frame(is('stream'))
    client.send({ type: 'cancel', request_id: 's' })
    expect(await client.frame(is('cancelled', 's'))).toEqual({
      type: 'cancelled',
      request_id: 's',
      cancelled: true,
    })
    expect(codeOf(await client.frame(is('error', 's')))).toBe('CANCELLED')
    expect(seen).toMatchObject({ reason: 'CANCELLED' })
    expect(ends[0]).toMatchObject({ code: 'CANCELLED' })
  })

  test('of a request that does not run says that there was nothing to end', async () => {
    const client = await (await startRig()).open()
    client.send({ type: 'cancel', request_id: 'gone' })
    expect(await client.frame(is('cancelled'))).toMatchObject({ request_id: 'gone', cancelled: false })
  })

  test('a client that leaves cancels what it asked for', async () => {
    const { open, ends, exchanges } = await startRig({
      chat: { complete: ({ signal }) => untilAborted(signal) },
    })
    const client = await open()
    client.send(request('a'))
    await expect.poll(() => exchanges.active()).toBe(1)
    client.ws.terminate()
    await expect.poll(() => ends).toMatchObject([{ code: 'CANCELLED' }])
    expect(exchanges.active()).toBe(0)
  })
})

describe('a frame that cannot be served', () => {
  const cases: readonly (readonly [name: string, frame: object | string | Buffer, says: RegExp])[] = [
    ['is not JSON', '{"type":', /not JSON$/],
    ['is binary', Buffer.from('{"type":"ping"}'), /binary/],
    ['is no object', '[1]', /not a JSON object/],
    ['has no type', {}, /^type is required/],
    ['is of an unknown type', { type: 'hello' }, /"hello" is no type .* auth, request, cancel, ping, ack/],
    ['has an id that is no text', { type: 'request', request_id: 7 }, /^request_id takes/],
    ['has an id with a line break', { type: 'request', request_id: 'a\nb' }, /^request_id takes/],
    ['cancels nothing', { type: 'cancel' }, /^request_id is required/],
    ['is nested beyond reason', `{"type":"ping","a":${'['.repeat(200_000)}`, /nested|fields and elements/],
    ['asks for no model', { type: 'request', messages: [] }, /^model is required/],
    ['asks nothing', { type: 'request', model: 'x' }, /^messages is required/],
  ]

  test.each(cases)(
    'because it %s is refused with a sentence, and the connection goes on',
    async (_, frame, says) => {
      const { open, ends } = await startRig()
      const client = await open()
      client.send(frame)
      expect(await client.frame(is('error'))).toMatchObject({
        error: { code: 'INVALID_REQUEST', status: 'invalid_argument', message: expect.stringMatching(says) },
      })
      expect(ends).toMatchObject([{ door: 'websocket', reason: 'INVALID_REQUEST' }])
      client.send({ type: 'ping', request_id: 'p' })
      expect(await client.frame(is('pong'))).toEqual({ type: 'pong', request_id: 'p' })
    },
  )

  test('because it is 20 MB ends the connection with 1009, and what ran on it', async () => {
    const { open, ends, exchanges } = await startRig({
      chat: { complete: ({ signal }) => untilAborted(signal) },
    })
    const client = await open()
    client.send(request('a'))
    await expect.poll(() => exchanges.active()).toBe(1)
    client.send(Buffer.alloc(20 * 1024 * 1024, 'x').toString())
    expect(await client.closed).toMatchObject({ code: 1009 })
    await expect.poll(() => ends).toMatchObject([{ code: 'CANCELLED' }])
  })

  test('because it is no UTF-8 ends the connection with 1007', async () => {
    const client = await (await startRig()).open()
    client.ws.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false })
    expect(await client.closed).toMatchObject({ code: 1007 })
  })

  test('an acknowledgment is taken without a word', async () => {
    const client = await (await startRig()).open()
    client.send({ type: 'ack', request_id: 'a' })
    client.send({ type: 'ping' })
    await client.frame(is('pong'))
    expect(client.frames).toHaveLength(1)
  })
})
