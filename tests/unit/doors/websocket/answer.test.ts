// From answers and events of the chat to frames.
import { describe, expect, test } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { nothingSent, responseFrame, streamFrame } from '../../../../src/doors/websocket/answer.ts'
import { errorFrame } from '../../../../src/doors/websocket/frame.ts'

type Event = NonNullable<Parameters<typeof streamFrame>[1]['event']>

// As it leaves: what is undefined is not there.
const sentAs = (frame: object | undefined) => JSON.parse(JSON.stringify(frame ?? null))

describe('a response frame', () => {
  test('says all that the answer does', () => {
    const frame = responseFrame(
      'r',
      {
        id: 'resp_1',
        model: 'm',
        provider: 'p',
        finishReason: FinishReason.TOOL_CALLS,
        conversationId: 'conv_1',
        replayed: true,
        usage: { inputTokens: 3, outputTokens: 4, cachedInputTokens: 1, reasoningTokens: 2 },
        cost: { nanoUsd: 12n, known: true },
        warnings: [{ reason: Warning_Reason.DROPPED, field: 'seed', message: 'seed is not known there' }],
        route: { requestedModel: 'auto', reason: 'the best' },
        message: {
          content: [
            { kind: { case: 'reasoning', value: { text: 'hm' } } },
            { kind: { case: 'text', value: 'one ' } },
            { kind: { case: 'text', value: 'two' } },
            { kind: { case: 'toolCall', value: { callId: 'c', name: 'f', arguments: '{"a":1}' } } },
            { kind: { case: 'citation', value: { url: 'https://example.org', title: 'T', text: 'x' } } },
          ],
        },
      },
      { durationMs: 12.3 },
    )
    expect(sentAs(frame)).toEqual({
      type: 'response',
      request_id: 'r',
      content: {
        id: 'resp_1',
        model: 'm',
        provider: 'p',
        choices: [
          {
            index: 0,
            finish_reason: 'tool_calls',
            message: {
              role: 'assistant',
              content: 'one two',
              reasoning_content: 'hm',
              tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
              citations: [{ url: 'https://example.org', title: 'T', text: 'x' }],
            },
          },
        ],
        usage: {
          prompt_tokens: 3,
          completion_tokens: 4,
          total_tokens: 7,
          prompt_tokens_details: { cached_tokens: 1 },
          completion_tokens_details: { reasoning_tokens: 2 },
        },
        conversation_id: 'conv_1',
        metadata: {
          routing: { requested_model: 'auto', reason: 'the best' },
          cost: { nano_usd: '12', known: true },
          warnings: [{ reason: 'REASON_DROPPED', field: 'seed', message: 'seed is not known there' }],
          replayed: true,
          performance: { total_time_ms: 12 },
        },
      },
    })
  })

  test('of an answer that only calls tools has no text', () => {
    const content = [
      { kind: { case: 'toolCall' as const, value: { callId: 'c', name: 'f', arguments: '{}' } } },
    ]
    const frame = responseFrame('r', { message: { content } }, { durationMs: 1 })
    expect(sentAs(frame)).toMatchObject({ content: { choices: [{ message: { content: null } }] } })
  })
})

describe('a stream', () => {
  test('is told piece by piece, and its response has them together', () => {
    const sent = nothingSent()
    const events: readonly Event[] = [
      { case: 'started', value: { responseId: 'resp_1', provider: 'p', model: 'm' } },
      { case: 'reasoningDelta' as const, value: { text: 'h' } },
      { case: 'reasoningDelta' as const, value: { text: 'm' } },
      { case: 'textDelta' as const, value: { text: 'so' } },
      { case: 'rerouted' as const, value: { provider: 'q', model: 'n', textOffsetCount: 2 } },
      { case: 'toolCallStart' as const, value: { callId: 'a', name: 'f' } },
      { case: 'toolCallStart' as const, value: { callId: 'b', name: 'g' } },
      { case: 'toolCallDelta' as const, value: { callId: 'b', arguments: '{}' } },
      { case: 'toolCallEnd' as const, value: { callId: 'b' } },
      { case: 'heartbeat' as const, value: {} },
    ]
    const told = events.map(event => sentAs(streamFrame('r', { event }, sent)))
    const about = { request_id: 'r' }
    expect(told).toEqual([
      { type: 'started', ...about, id: 'resp_1', provider: 'p', model: 'm' },
      { type: 'stream', ...about, delta: { reasoning_content: 'h' } },
      { type: 'stream', ...about, delta: { reasoning_content: 'm' } },
      { type: 'stream', ...about, delta: { content: 'so' } },
      { type: 'rerouted', ...about, provider: 'q', model: 'n', text_offset: 2 },
      {
        type: 'stream',
        ...about,
        delta: {
          tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }],
        },
      },
      {
        type: 'stream',
        ...about,
        delta: {
          tool_calls: [{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '' } }],
        },
      },
      { type: 'stream', ...about, delta: { tool_calls: [{ index: 1, function: { arguments: '{}' } }] } },
      null,
      { type: 'heartbeat', ...about, elapsed_ms: 0 },
    ])
    const response = {
      message: {
        content: [
          { kind: { case: 'reasoning' as const, value: { text: '' } } },
          { kind: { case: 'text' as const, value: '' } },
        ],
      },
    }
    expect(sentAs(responseFrame('r', response, { durationMs: 1, sent }))).toMatchObject({
      content: { choices: [{ message: { content: 'so', reasoning_content: 'hm' } }] },
    })
  })
})

test('an error frame has the reason, a sentence, and when to try again', () => {
  const cause = new Error('the secret inside')
  const error = new GatewayError('RATE_LIMITED', 'slow down', { retryDelayMs: 1_234.5, provider: 'p', cause })
  expect(sentAs(errorFrame(error, 'r', 'call_1'))).toEqual({
    type: 'error',
    request_id: 'r',
    error: {
      code: 'RATE_LIMITED',
      status: 'resource_exhausted',
      message: 'slow down',
      request_id: 'call_1',
      details: { origin: 'gateway', provider: 'p', retry_delay_ms: 1_235 },
    },
  })
})
