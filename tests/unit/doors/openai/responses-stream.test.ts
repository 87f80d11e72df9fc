// A stream comes in the order of the Responses API: created, in progress, each item with its pieces, and how it ended.
import { describe, expect, test } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import {
  args,
  callItem,
  completed,
  end,
  framesOf,
  ID,
  inText,
  messageItem,
  middleOf,
  part,
  start,
  started,
  text,
  thought,
  UUID,
} from './responses-rig.ts'

describe('a stream', () => {
  test('of text begins its one part and ends it, with numbers that have no gap', async () => {
    const frames = await framesOf([started, text('a'), text('b'), completed()])
    const data = frames.map(frame => ('data' in frame ? frame.data : undefined)) as Record<string, unknown>[]
    expect(frames.map(frame => 'event' in frame && frame.event)).toEqual(data.map(({ type }) => type))
    expect(data.map(({ sequence_number }) => sequence_number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    const at = inText(0)
    expect(data.slice(2, -1).map(({ sequence_number: _, ...rest }) => rest)).toEqual([
      { type: 'response.output_item.added', output_index: 0, item: messageItem(0, 'in_progress', []) },
      { type: 'response.content_part.added', ...at, part: part('') },
      { type: 'response.output_text.delta', ...at, delta: 'a', logprobs: [] },
      { type: 'response.output_text.delta', ...at, delta: 'b', logprobs: [] },
      { type: 'response.output_text.done', ...at, text: 'ab', logprobs: [] },
      { type: 'response.content_part.done', ...at, part: part('ab') },
      {
        type: 'response.output_item.done',
        output_index: 0,
        item: messageItem(0, 'completed', [part('ab')]),
      },
    ])
  })

  test('says at its beginning that it has begun, and at its end all that it was', async () => {
    const usage = {
      inputTokens: 10,
      outputTokens: 5,
      cachedInputTokens: 4,
      cacheWriteTokens: 1,
      reasoningTokens: 2,
    }
    const frames = await framesOf(
      [
        started,
        text('a'),
        completed(FinishReason.STOP, { usage, conversationId: 'conv_1', cost: { known: true, nanoUsd: 7n } }),
      ],
      { echo: { instructions: 'be brief' } },
    )
    const common = {
      id: ID,
      object: 'response',
      // The id is the example of RFC 9562, A.6: 2022-02-22T19:22:22Z.
      created_at: 1_645_557_742,
      model: 'm',
      error: null,
      incomplete_details: null,
      instructions: 'be brief',
    }
    const begun = { ...common, status: 'in_progress', output: [], usage: null }
    expect(frames[0]).toMatchObject({ event: 'response.created', data: { response: begun } })
    expect(frames[1]).toMatchObject({ event: 'response.in_progress', data: { response: begun } })
    expect(frames.at(-1)).toMatchObject({
      event: 'response.completed',
      data: {
        response: {
          ...common,
          status: 'completed',
          output: [messageItem(0, 'completed', [part('a')])],
          usage: {
            input_tokens: 10,
            input_tokens_details: { cached_tokens: 4, cache_write_tokens: 1 },
            output_tokens: 5,
            output_tokens_details: { reasoning_tokens: 2 },
            total_tokens: 15,
          },
          conversation: { id: 'conv_1' },
          store: true,
          exai: { provider: 'p', cost_nano_usd: '7', conversation_id: 'conv_1' },
        },
      },
    })
  })

  test('of function calls keeps them apart when they interleave, and gives one without arguments the empty object', async () => {
    const events = await middleOf([
      started,
      start('x', 'f'),
      start('y', 'g'),
      args('y', '{"b"'),
      args('x', '{"a":1}'),
      args('y', ':1}'),
      end('x'),
      end('y'),
      start('z', 'h'),
      end('z'),
      completed(FinishReason.TOOL_CALLS),
    ])
    const added = (index: number, callId: string, name: string) => ({
      type: 'response.output_item.added',
      output_index: index,
      item: callItem(index, callId, name, 'in_progress', ''),
    })
    const delta = (index: number, piece: string) => ({
      type: 'response.function_call_arguments.delta',
      item_id: `fc_${UUID}_${index}`,
      output_index: index,
      delta: piece,
    })
    const done = (index: number, callId: string, name: string, given: string) => [
      {
        type: 'response.function_call_arguments.done',
        item_id: `fc_${UUID}_${index}`,
        output_index: index,
        arguments: given,
      },
      {
        type: 'response.output_item.done',
        output_index: index,
        item: callItem(index, callId, name, 'completed', given),
      },
    ]
    expect(events).toMatchObject([
      added(0, 'x', 'f'),
      added(1, 'y', 'g'),
      delta(1, '{"b"'),
      delta(0, '{"a":1}'),
      delta(1, ':1}'),
      ...done(0, 'x', 'f', '{"a":1}'),
      ...done(1, 'y', 'g', '{"b":1}'),
      added(2, 'z', 'h'),
      delta(2, '{}'),
      ...done(2, 'z', 'h', '{}'),
    ])
  })

  test('of thoughts, words and calls ends each where the next begins, and shows that it is alive', async () => {
    const frames = await framesOf([
      { case: 'heartbeat', value: {} },
      started,
      thought('h'),
      thought('m'),
      { case: 'usage', value: { inputTokens: 1 } },
      text('a'),
      start('x', 'f'),
      end('x'),
      completed(FinishReason.TOOL_CALLS),
    ])
    expect(frames[0]).toEqual({ comment: 'heartbeat' })
    expect(frames.slice(3, -1).map(frame => 'event' in frame && frame.event)).toEqual(
      [
        'output_item.added',
        'reasoning_summary_part.added',
        'reasoning_summary_text.delta',
        'reasoning_summary_text.delta',
        'reasoning_summary_text.done',
        'reasoning_summary_part.done',
        'output_item.done',
        'output_item.added',
        'content_part.added',
        'output_text.delta',
        'output_text.done',
        'content_part.done',
        'output_item.done',
        'output_item.added',
        'function_call_arguments.delta',
        'function_call_arguments.done',
        'output_item.done',
      ].map(name => `response.${name}`),
    )
    expect(frames.at(-1)).toMatchObject({
      data: {
        response: {
          output: [
            { id: `rs_${UUID}_0`, type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] },
            messageItem(1, 'completed', [part('a')]),
            callItem(2, 'x', 'f', 'completed', '{}'),
          ],
        },
      },
    })
  })

  test.each([
    [FinishReason.LENGTH, 'max_output_tokens'],
    [FinishReason.CONTENT_FILTER, 'content_filter'],
  ])('that was cut ends with response.incomplete: %s', async (reason, why) => {
    const frames = await framesOf([started, text('a'), completed(reason)])
    expect(frames.at(-2)).toMatchObject({ data: { item: { status: 'incomplete' } } })
    expect(frames.at(-1)).toMatchObject({
      event: 'response.incomplete',
      data: { response: { status: 'incomplete', incomplete_details: { reason: why } } },
    })
  })

  test('of nothing is an empty text', async () => {
    const frames = await framesOf([started, completed(FinishReason.OTHER)])
    expect(frames.at(-1)).toMatchObject({
      event: 'response.completed',
      data: { response: { output: [messageItem(0, 'completed', [part('')])] } },
    })
  })

  test('names its sources before its text ends', async () => {
    const citation = { url: 'https://a.example', title: 't', text: 'blue' }
    const events = await middleOf([
      started,
      text('the grass is blue'),
      completed(FinishReason.STOP, {
        message: { content: [{ kind: { case: 'citation', value: citation } }] },
      }),
    ])
    const annotation = {
      type: 'url_citation',
      url: 'https://a.example',
      title: 't',
      start_index: 13,
      end_index: 17,
    }
    expect(events.slice(3)).toMatchObject([
      { type: 'response.output_text.annotation.added', ...inText(0), annotation_index: 0, annotation },
      { type: 'response.output_text.done' },
      { type: 'response.content_part.done', part: part('the grass is blue', [annotation]) },
      { type: 'response.output_item.done' },
    ])
  })

  test('tells what is sealed behind all else, and only to whom wants it', async () => {
    const opaque = new Uint8Array([1, 2, 3])
    const content = [
      { kind: { case: 'reasoning' as const, value: { text: '', opaque, provider: 'p', model: 'm' } } },
      { kind: { case: 'text' as const, value: '' } },
    ]
    const events = [started, text('a'), completed(FinishReason.LENGTH, { message: { content } })]
    const outputOf = async (wantsSeals: boolean) => {
      const last = (await framesOf(events, { wantsSeals })).at(-1)
      // What the frames carry is not typed.
      const { response } = (last as { data: { response: { output: Record<string, unknown>[] } } }).data
      return response.output
    }
    expect(await outputOf(false)).toHaveLength(1)
    const [said, sealed, ...more] = await outputOf(true)
    expect([said?.['status'], sealed?.['type'], sealed?.['summary'], more]).toEqual([
      'incomplete',
      'reasoning',
      [],
      [],
    ])
    expect(sealed?.['encrypted_content']).toMatch(/^exai1\./)
  })
})

describe('a stream that breaks', () => {
  const broken = new GatewayError('UPSTREAM_BROKEN', 'it broke')

  test('ends with response.failed, which has what was said, and an error', async () => {
    const frames = await framesOf([started, text('a'), start('x', 'f'), args('x', '{"a'), broken])
    const error = { code: 'upstream_broken', message: 'it broke', param: null }
    expect(frames.slice(-2)).toMatchObject([
      {
        event: 'response.failed',
        data: {
          response: {
            id: ID,
            status: 'failed',
            error: { ...error, type: 'server_error' },
            output: [messageItem(0, 'completed', [part('a')]), callItem(1, 'x', 'f', 'incomplete', '{"a')],
          },
        },
      },
      { event: 'error', data: { type: 'error', sequence_number: 11, ...error } },
    ])
    const names = frames.map(frame => ('event' in frame ? frame.event : ''))
    expect(names).not.toContain('response.completed')
    expect(names.filter(name => name === 'response.output_item.done')).toHaveLength(1)
  })

  test('before it was begun has the error alone, and before anything was sent none of it', async () => {
    const frames = await framesOf([{ case: 'heartbeat', value: {} }, broken])
    expect(frames).toMatchObject([{ comment: 'heartbeat' }, { event: 'error', data: { sequence_number: 0 } }])
    await expect(framesOf([broken])).rejects.toBe(broken)
  })
})
