// A stream comes in Anthropic's order of events: the message, its blocks one after the other, why it ended, and that it did.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, test, vi } from 'vitest'
import { FinishReason, type PartSchema } from '#gen/exai/v1/chat_pb'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { openSeal } from '../../../../src/doors/anthropic/seal.ts'
import { messageFrames } from '../../../../src/doors/anthropic/stream.ts'
import type { Shown } from '../../../../src/doors/anthropic/thinking.ts'

type EventInit = MessageInitShape<typeof StreamEventSchema>
type Event = NonNullable<EventInit['event']>
type Data = Readonly<Record<string, unknown>>

const started: Event = { case: 'started', value: { responseId: 'resp_1', provider: 'p', model: 'm' } }
const text = (value: string): Event => ({ case: 'textDelta', value: { text: value } })
const thought = (value: string): Event => ({ case: 'reasoningDelta', value: { text: value } })
const callStart = (callId: string): Event => ({
  case: 'toolCallStart',
  value: { callId, name: `f_${callId}` },
})
const callDelta = (callId: string, value: string): Event => ({
  case: 'toolCallDelta',
  value: { callId, arguments: value },
})
const callEnd = (callId: string): Event => ({ case: 'toolCallEnd', value: { callId } })
const completed = (
  kinds: readonly MessageInitShape<typeof PartSchema>['kind'][] = [],
  finishReason: FinishReason = FinishReason.STOP,
): Event => ({
  case: 'completed',
  value: {
    response: {
      provider: 'p',
      finishReason,
      message: { content: kinds.flatMap(kind => (kind === undefined ? [] : [{ kind }])) },
      usage: { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4 },
    },
  },
})

/** The data of all frames, each of which is named as its type. */
async function dataOf(
  events: readonly Event[],
  shown: Shown = 'all',
  error?: Error,
): Promise<readonly Data[]> {
  async function* source(): AsyncGenerator<EventInit> {
    for (const event of events) yield { event }
    if (error !== undefined) throw error
  }
  const all: Data[] = []
  const read = async (): Promise<void> => {
    for await (const frame of messageFrames(source(), { shown, notes: [] })) {
      if (!('data' in frame) || typeof frame.data !== 'object') throw new Error('a frame without data')
      const data: Data = { ...frame.data }
      expect(frame.event).toBe(data['type'])
      all.push(data)
    }
  }
  if (error === undefined) await read()
  else await expect(read()).rejects.toBe(error)
  return all
}

/** The blocks alone, each event in a word and what it brings. */
async function blocksOf(events: readonly Event[], shown: Shown = 'all') {
  return (await dataOf([started, ...events], shown)).flatMap(({ type, index, content_block, delta }) => {
    if (type === 'content_block_start') return [[index, 'start', content_block]]
    if (type === 'content_block_delta') return [[index, delta]]
    return type === 'content_block_stop' ? [[index, 'stop']] : []
  })
}

const textStart = { type: 'text', text: '', citations: null }
const textDelta = (value: string) => ({ type: 'text_delta', text: value })
const tool = (id: string) => ({
  type: 'tool_use',
  id,
  name: `f_${id}`,
  input: {},
  caller: { type: 'direct' },
})
const json = (value: string) => ({ type: 'input_json_delta', partial_json: value })
const thinkStart = { type: 'thinking', thinking: '', signature: '' }
const signature = { type: 'signature_delta', signature: expect.stringMatching(/^exai1\./) }

describe('a stream', () => {
  test('of text has a message, one block, why it ended and what was used', async () => {
    const usage = {
      input_tokens: 6,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 4,
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 0 },
      server_tool_use: null,
    }
    expect(await dataOf([started, text('a'), text('b'), completed()])).toEqual([
      {
        type: 'message_start',
        message: expect.objectContaining({
          id: 'resp_1',
          type: 'message',
          role: 'assistant',
          model: 'm',
          content: [],
          stop_reason: null,
          usage: expect.objectContaining({ input_tokens: 0, output_tokens: 0 }),
        }),
      },
      { type: 'ping' },
      { type: 'content_block_start', index: 0, content_block: textStart },
      { type: 'content_block_delta', index: 0, delta: textDelta('a') },
      { type: 'content_block_delta', index: 0, delta: textDelta('b') },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null, stop_details: null, container: null },
        usage,
        exai: { provider: 'p', cost_nano_usd: null },
      },
      { type: 'message_stop' },
    ])
  })

  test('says with a ping that it is alive', async () => {
    const heartbeat: Event = { case: 'heartbeat', value: {} }
    const types = (await dataOf([heartbeat, started, heartbeat, text('a'), heartbeat])).map(
      ({ type }) => type,
    )
    expect(types).toEqual([
      'ping',
      'message_start',
      'ping',
      'ping',
      'content_block_start',
      'content_block_delta',
      'ping',
    ])
  })

  test('that breaks throws, and never ends with message_stop', async () => {
    const error = new GatewayError('UPSTREAM_BROKEN', 'it broke')
    const types = (await dataOf([started, text('a')], 'all', error)).map(({ type }) => type)
    expect(types).toEqual(['message_start', 'ping', 'content_block_start', 'content_block_delta'])
  })

  test('has calls one after the other, also when they grow side by side', async () => {
    const events = [
      text('x'),
      callStart('a'),
      callStart('b'),
      callDelta('b', '{"b'),
      callDelta('a', '{'),
      callDelta('b', '":1}'),
      callEnd('b'),
      text('y'),
      callDelta('a', '}'),
      callEnd('a'),
      callDelta('unknown', '{}'),
    ]
    expect(await blocksOf([...events, completed()])).toEqual([
      [0, 'start', textStart],
      [0, textDelta('x')],
      [0, 'stop'],
      [1, 'start', tool('a')],
      [1, json('{')],
      [1, json('}')],
      [1, 'stop'],
      [2, 'start', tool('b')],
      [2, json('{"b')],
      [2, json('":1}')],
      [2, 'stop'],
      [3, 'start', textStart],
      [3, textDelta('y')],
      [3, 'stop'],
    ])
  })

  test('sends each piece of the block at hand at once', async () => {
    const seen: unknown[] = []
    async function* source(): AsyncGenerator<EventInit> {
      for (const event of [started, callStart('a'), callDelta('a', '{'), callDelta('a', '}')]) {
        yield { event }
        seen.push(event.case)
      }
    }
    for await (const frame of messageFrames(source(), { shown: 'all', notes: [] }))
      if ('data' in frame) seen.push(Reflect.get(Object(frame.data), 'type'))
    expect(seen.slice(3)).toEqual([
      'content_block_start',
      'toolCallStart',
      'content_block_delta',
      'toolCallDelta',
      'content_block_delta',
      'toolCallDelta',
    ])
  })

  test('closes what never said that it ended', async () => {
    expect(await blocksOf([callStart('a'), completed([], FinishReason.LENGTH)])).toEqual([
      [0, 'start', tool('a')],
      [0, 'stop'],
    ])
  })

  test('has its sources with its last text, or with one of their own', async () => {
    const source = { case: 'citation', value: { url: 'u', title: 't', text: 'c' } } as const
    const citations = {
      type: 'citations_delta',
      citation: {
        type: 'web_search_result_location',
        url: 'u',
        title: 't',
        cited_text: 'c',
        encrypted_index: '',
      },
    }
    expect(await blocksOf([text('x'), completed([source])])).toEqual([
      [0, 'start', textStart],
      [0, textDelta('x')],
      [0, citations],
      [0, 'stop'],
    ])
    expect((await blocksOf([callStart('a'), completed([source])])).slice(2)).toEqual([
      [1, 'start', textStart],
      [1, citations],
      [1, 'stop'],
    ])
  })
})

describe('thoughts in a stream', () => {
  const opaque = new Uint8Array([1, 2])
  const sealed = { case: 'reasoning', value: { provider: 'p', model: 'm', opaque } } as const
  const events = [thought('t'), thought('u'), text('x'), completed([sealed, { case: 'text', value: '' }])]

  test('are signed where they end, and what is sealed of them comes last', async () => {
    const blocks = await blocksOf(events)
    expect(blocks).toEqual([
      [0, 'start', thinkStart],
      [0, { type: 'thinking_delta', thinking: 't' }],
      [0, { type: 'thinking_delta', thinking: 'u' }],
      [0, signature],
      [0, 'stop'],
      [1, 'start', textStart],
      [1, textDelta('x')],
      [1, 'stop'],
      [2, 'start', { type: 'redacted_thinking', data: expect.any(String) }],
      [2, 'stop'],
    ])
    const data = Reflect.get(Object(blocks.at(-2)?.[2]), 'data')
    expect(openSeal(data)).toEqual({ provider: 'p', model: 'm', opaque, at: 0 })
    const bare = Reflect.get(Object(blocks[3]?.[1]), 'signature')
    expect(openSeal(bare)).toEqual({ provider: 'p', model: 'm', opaque: new Uint8Array() })
  })

  test('have no text for a client that wants none', async () => {
    expect((await blocksOf(events, 'sealed')).slice(0, 4)).toEqual([
      [0, 'start', thinkStart],
      [0, signature],
      [0, 'stop'],
      [1, 'start', textStart],
    ])
  })

  test('are not there for a client that did not ask for them, and part its texts all the same', async () => {
    expect(await blocksOf([text('w'), ...events], 'nothing')).toEqual([
      [0, 'start', textStart],
      [0, textDelta('w')],
      [0, 'stop'],
      [1, 'start', textStart],
      [1, textDelta('x')],
      [1, 'stop'],
    ])
  })

  test('that are not shown for a while leave a ping behind', async () => {
    const clock = vi.spyOn(Date, 'now')
    for (const seconds of [4, 8, 12, 16, 20]) clock.mockReturnValueOnce(seconds * 1_000)
    const types = (
      await dataOf([started, thought('a'), thought('b'), thought('c'), thought('d')], 'nothing')
    ).map(({ type }) => type)
    clock.mockRestore()
    expect(types).toEqual(['message_start', 'ping', 'ping'])
  })

  test('are signed by whoever went on with them', async () => {
    const rerouted: Event = { case: 'rerouted', value: { provider: 'q', model: 'n' } }
    const blocks = await blocksOf([rerouted, thought('t'), completed()])
    expect(openSeal(Reflect.get(Object(blocks[2]?.[1]), 'signature'))).toMatchObject({
      provider: 'q',
      model: 'n',
    })
  })
})
