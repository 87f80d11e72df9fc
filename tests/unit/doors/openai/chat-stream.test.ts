// A stream comes in OpenAI's order of chunks: the role, what is written, why it ended, what was used, [DONE].
import type { MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { batched } from '../../../../src/core/batched.ts'
import type { Frame } from '../../../../src/doors/http/frame.ts'
import { chatFrames } from '../../../../src/doors/openai/chat-stream.ts'

type EventInit = MessageInitShape<typeof StreamEventSchema>
type Event = NonNullable<EventInit['event']>

const ID = 'resp_017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
/** 2022-02-22T19:22:22Z: the id is the example of RFC 9562, A.6, which says so. */
const CREATED = 1_645_557_742

const started: Event = { case: 'started', value: { responseId: ID, provider: 'p', model: 'm' } }
const text = (value: string): Event => ({ case: 'textDelta', value: { text: value } })
const completed = (
  finishReason: FinishReason,
  more: Omit<NonNullable<Extract<Event, { case: 'completed' }>['value']['response']>, '$typeName'> = {},
): Event => ({
  case: 'completed',
  value: {
    response: {
      id: ID,
      provider: 'p',
      model: 'm',
      finishReason,
      usage: { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4, reasoningTokens: 2 },
      cost: { known: true, nanoUsd: 1_500n },
      ...more,
    },
  },
})

async function framesOf(events: readonly Event[], includesUsage = false, notes: readonly string[] = []) {
  async function* source(): AsyncGenerator<EventInit> {
    for (const event of events) yield { event }
  }
  const frames: Frame[] = []
  for await (const frame of chatFrames(source(), { includesUsage, notes })) frames.push(read(frame))
  return frames
}

// What is sent as JSON may be text by then.
function read(frame: Frame): Frame {
  if (!('data' in frame) || typeof frame.data !== 'string' || frame.data === '[DONE]') return frame
  return { ...frame, data: JSON.parse(frame.data) }
}

const head = { id: ID, object: 'chat.completion.chunk', created: CREATED, model: 'm' }
const chunk = (delta: unknown, finish: string | null = null, more = {}) => ({
  data: { ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...more },
})
const own = { exai: { provider: 'p', cost_nano_usd: '1500' } }
const done = { data: '[DONE]' }

describe('a stream', () => {
  test('whose events come together has their chunks together', async () => {
    async function* source(): AsyncGenerator<readonly EventInit[]> {
      yield [{ event: started }, { event: text('a') }, { event: text('b') }]
      yield [{ event: { case: 'usage', value: {} } }]
      yield [{ event: completed(FinishReason.STOP) }]
    }
    const batches: (readonly Frame[])[] = []
    const frames = chatFrames(batched(source()), { includesUsage: false, notes: [] })
    for await (const batch of frames.batches()) batches.push(batch.map(read))
    expect(batches).toEqual([
      [
        chunk({ role: 'assistant', content: '', refusal: null }),
        chunk({ content: 'a' }),
        chunk({ content: 'b' }),
      ],
      [chunk({}, 'stop', own), done],
    ])
  })

  test.each(['', '"quoted" \\ and\nbroken', '\u2028 😀', '\ud800', '"content":"text"', '{"choices":[]}'])(
    'says any piece of text as JSON: %j',
    async piece => {
      const model = 'a "content":"text" b'
      const first: Event = { case: 'started', value: { responseId: ID, provider: 'p', model } }
      const frames = await framesOf([first, text('x'), text(piece), completed(FinishReason.STOP)], true)
      expect(frames[2]).toEqual({
        data: { ...chunk({ content: piece }).data, model, usage: null },
      })
    },
  )

  test('of text has the role first, and its end last', async () => {
    expect(await framesOf([started, text('a'), text('b'), completed(FinishReason.STOP)])).toEqual([
      chunk({ role: 'assistant', content: '', refusal: null }),
      chunk({ content: 'a' }),
      chunk({ content: 'b' }),
      chunk({}, 'stop', own),
      done,
    ])
  })

  test('says what was used in a chunk of its own when it was asked for, and null before', async () => {
    const unused = { usage: null }
    expect(await framesOf([started, text('a'), completed(FinishReason.LENGTH)], true)).toEqual([
      chunk({ role: 'assistant', content: '', refusal: null }, null, unused),
      chunk({ content: 'a' }, null, unused),
      chunk({}, 'length', { ...unused, ...own }),
      {
        data: {
          ...head,
          choices: [],
          usage: {
            prompt_tokens: 10,
            completion_tokens: 5,
            total_tokens: 15,
            prompt_tokens_details: { cached_tokens: 4 },
            completion_tokens_details: { reasoning_tokens: 2 },
          },
        },
      },
      done,
    ])
  })

  test('of tool calls numbers them, also when they interleave, and gives one without arguments the empty object', async () => {
    const start = (callId: string, name: string): Event => ({
      case: 'toolCallStart',
      value: { callId, name },
    })
    const args = (callId: string, piece: string): Event => ({
      case: 'toolCallDelta',
      value: { callId, arguments: piece },
    })
    const end = (callId: string): Event => ({ case: 'toolCallEnd', value: { callId } })
    const call = (index: number, more: object) => chunk({ tool_calls: [{ index, ...more }] })
    const begun = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '' } })
    expect(
      await framesOf([
        started,
        start('x', 'f'),
        start('y', 'g'),
        args('y', '{"b"'),
        args('x', '{}'),
        args('y', ':1}'),
        end('x'),
        end('y'),
        start('z', 'h'),
        end('z'),
        completed(FinishReason.TOOL_CALLS),
      ]),
    ).toEqual([
      chunk({ role: 'assistant', content: null, refusal: null }),
      call(0, begun('x', 'f')),
      call(1, begun('y', 'g')),
      call(1, { function: { arguments: '{"b"' } }),
      call(0, { function: { arguments: '{}' } }),
      call(1, { function: { arguments: ':1}' } }),
      call(2, begun('z', 'h')),
      call(2, { function: { arguments: '{}' } }),
      chunk({}, 'tool_calls', own),
      done,
    ])
  })

  test('of thoughts and words keeps them apart, and shows that it is alive', async () => {
    expect(
      await framesOf([
        { case: 'heartbeat', value: {} },
        started,
        { case: 'reasoningDelta', value: { text: 'hm' } },
        { case: 'usage', value: { inputTokens: 1 } },
        text('a'),
        completed(FinishReason.CONTENT_FILTER),
      ]),
    ).toEqual([
      { comment: 'heartbeat' },
      chunk({ role: 'assistant', content: null, refusal: null }),
      chunk({ reasoning_content: 'hm' }),
      chunk({ content: 'a' }),
      chunk({}, 'content_filter', own),
      done,
    ])
  })

  test('of nothing has a role and an end', async () => {
    expect(await framesOf([started, completed(FinishReason.OTHER)])).toEqual([
      chunk({ role: 'assistant', content: '', refusal: null }),
      chunk({}, 'stop', own),
      done,
    ])
  })

  test('names its sources before its end, and what was not done as asked with it', async () => {
    const citation = { url: 'https://a.example', title: 't', text: 'blue' }
    const frames = await framesOf(
      [
        started,
        text('the grass is blue'),
        completed(FinishReason.STOP, {
          message: {
            content: [{ kind: { case: 'text', value: '' } }, { kind: { case: 'citation', value: citation } }],
          },
          warnings: [{ reason: Warning_Reason.DROPPED, field: 'seed', message: 'seed was dropped' }],
          cost: { known: false },
          conversationId: 'conv_1',
          replayed: true,
        }),
      ],
      false,
      ['store was left out'],
    )
    expect(frames.slice(2)).toEqual([
      chunk({
        annotations: [
          {
            type: 'url_citation',
            url_citation: { url: 'https://a.example', title: 't', start_index: 13, end_index: 17 },
          },
        ],
      }),
      chunk({}, 'stop', {
        exai: {
          provider: 'p',
          cost_nano_usd: null,
          conversation_id: 'conv_1',
          replayed: true,
          warnings: ['store was left out', 'seed was dropped'],
        },
      }),
      done,
    ])
  })

  test('of sealed thoughts gives them before its end, to be sent back', async () => {
    const sealed = { text: '', opaque: new Uint8Array([1, 2]), provider: 'p', model: 'm' }
    const frames = await framesOf([
      started,
      { case: 'reasoningDelta', value: { text: 'hm' } },
      completed(FinishReason.STOP, {
        message: { content: [{ kind: { case: 'reasoning', value: sealed } }] },
      }),
    ])
    expect(frames.slice(2)).toEqual([
      chunk({ exai: { reasoning: [{ opaque: 'AQI=', provider: 'p', model: 'm' }] } }),
      chunk({}, 'stop', own),
      done,
    ])
  })
})
