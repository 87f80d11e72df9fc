// An answer becomes Anthropic's message, and an error Anthropic's error.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { FinishReason, type PartSchema } from '#gen/exai/v1/chat_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { GatewayError, type Reason } from '../../../../src/core/errors.ts'
import { type Answer, messageBody } from '../../../../src/doors/anthropic/answer.ts'
import { anthropicErrors } from '../../../../src/doors/anthropic/errors.ts'
import { openSeal } from '../../../../src/doors/anthropic/seal.ts'
import { HTTP_STATUSES } from '../../../../src/doors/http/errors.ts'
import { tooLarge, wrongField } from '../../../../src/doors/http/refusal.ts'

type Kind = MessageInitShape<typeof PartSchema>['kind']

const answer = (kinds: readonly Kind[], more: Omit<Answer, '$typeName'> = {}): Answer => ({
  id: 'resp_1',
  model: 'm',
  provider: 'p',
  message: { content: kinds.flatMap(kind => (kind === undefined ? [] : [{ kind }])) },
  finishReason: FinishReason.STOP,
  ...more,
})
const all = { shown: 'all', notes: [] } as const
const blocksOf = (...kinds: readonly Kind[]) => messageBody(answer(kinds), all)['content']

const opaque = new Uint8Array([1, 2])
const origin = { provider: 'p', model: 'm' }
const text = (value: string): Kind => ({ case: 'text', value })
const thought = (value: string, sealed?: Uint8Array): Kind => ({
  case: 'reasoning',
  value: { text: value, ...origin, ...(sealed === undefined ? {} : { opaque: sealed }) },
})
const call = (args: string): Kind => ({
  case: 'toolCall',
  value: { callId: 'c', name: 'f', arguments: args },
})

describe('a message', () => {
  test('has every field that Anthropic has', () => {
    const usage = {
      inputTokens: 100,
      cachedInputTokens: 60,
      cacheWriteTokens: 10,
      outputTokens: 9,
      reasoningTokens: 4,
    }
    expect(messageBody(answer([text('x')], { usage, cost: { known: true, nanoUsd: 7n } }), all)).toEqual({
      id: 'resp_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ type: 'text', text: 'x', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 30,
        cache_creation_input_tokens: 10,
        cache_read_input_tokens: 60,
        output_tokens: 9,
        output_tokens_details: { thinking_tokens: 4 },
        server_tool_use: null,
        cache_creation: null,
        service_tier: null,
        inference_geo: null,
        speed: null,
      },
      exai: { provider: 'p', cost_nano_usd: '7' },
    })
  })

  test('says in words of ours what Anthropic has no field for', () => {
    const warnings = [{ reason: Warning_Reason.DROPPED, field: 'f', message: 'second' }]
    const told = answer([], { warnings, conversationId: 'conv_1', replayed: true })
    expect(messageBody(told, { shown: 'all', notes: ['first'] })['exai']).toEqual({
      provider: 'p',
      cost_nano_usd: null,
      conversation_id: 'conv_1',
      replayed: true,
      warnings: ['first', 'second'],
    })
  })

  test.each<[string, FinishReason, readonly Kind[]]>([
    ['end_turn', FinishReason.STOP, [text('x')]],
    ['max_tokens', FinishReason.LENGTH, [call('{}')]],
    ['tool_use', FinishReason.TOOL_CALLS, [call('{}')]],
    ['tool_use', FinishReason.STOP, [call('{}')]],
    ['refusal', FinishReason.CONTENT_FILTER, []],
    ['end_turn', FinishReason.OTHER, []],
  ])('stops with %s for %i', (word, finishReason, kinds) => {
    const body = messageBody(answer(kinds, { finishReason }), all)
    expect(body['stop_reason']).toBe(word)
    expect(body['stop_details']).toEqual(
      word === 'refusal' ? { type: 'refusal', category: null, explanation: null } : null,
    )
  })

  test('has calls with an object, whatever the model wrote', () => {
    const block = (input: unknown) => ({
      type: 'tool_use',
      id: 'c',
      name: 'f',
      input,
      caller: { type: 'direct' },
    })
    expect(blocksOf(call('{"a":1}'), call(''), call('{"a":'))).toEqual([
      block({ a: 1 }),
      block({}),
      block({ INVALID_JSON: '{"a":' }),
    ])
  })

  test('has its sources with the text before them', () => {
    const source = (url: string): Kind => ({
      case: 'citation',
      value: { url, title: url === 'b' ? 'B' : '' },
    })
    const cited = (url: string, title: string | null) => ({
      type: 'web_search_result_location',
      url,
      title,
      cited_text: '',
      encrypted_index: '',
    })
    expect(blocksOf(source('a'), text('x'), source('a'), call('{}'), source('b'))).toEqual([
      { type: 'text', text: '', citations: [cited('a', null)] },
      { type: 'text', text: 'x', citations: [cited('a', null), cited('b', 'B')] },
      expect.objectContaining({ type: 'tool_use' }),
    ])
  })

  test('has thoughts with their seal, as far as the client wants them', () => {
    const thoughts = answer([thought('t', opaque), thought('', opaque), text('x')])
    const seen = (shown: 'all' | 'sealed' | 'nothing') =>
      messageBody(thoughts, { shown, notes: [] })['content'] as readonly Record<string, string>[]
    const [first, second, third] = seen('all')
    expect([first?.['type'], first?.['thinking'], second?.['type'], third?.['type']]).toEqual([
      'thinking',
      't',
      'redacted_thinking',
      'text',
    ])
    for (const seal of [first?.['signature'], second?.['data']])
      expect(openSeal(seal ?? '')).toEqual({ ...origin, opaque })
    expect(seen('sealed')[0]).toEqual({ ...first, thinking: '' })
    expect(seen('nothing')).toEqual([third])
  })
})

describe('an error', () => {
  const told = (error: GatewayError, status: number) => ({ error, status, requestId: 'call_1' })
  const ofReason = (reason: Reason) => told(new GatewayError(reason, 'no luck'), HTTP_STATUSES[reason].status)

  test('has its type, its reason and the id of its call', () => {
    expect(anthropicErrors.body(ofReason('CONTEXT_TOO_LONG'))).toEqual({
      type: 'error',
      error: {
        type: 'invalid_request_error',
        message: 'no luck',
        reason: 'context_too_long',
        details: { error_code: 'context_too_long' },
      },
      request_id: 'call_1',
    })
    expect(anthropicErrors.body(told(wrongField('a.b', 'is odd'), 400))).toMatchObject({
      error: { message: 'a.b is odd', param: 'a.b' },
    })
    expect(anthropicErrors.frames(ofReason('UPSTREAM_BROKEN'))).toMatchObject([
      { event: 'error', data: { type: 'error', error: { type: 'api_error', reason: 'upstream_broken' } } },
    ])
  })

  // https://platform.claude.com/docs/en/api/errors
  test.each<[Reason, number, string]>([
    ['INVALID_REQUEST', 400, 'invalid_request_error'],
    ['UNAUTHENTICATED', 401, 'authentication_error'],
    ['PERMISSION_DENIED', 403, 'permission_error'],
    ['MODEL_NOT_FOUND', 404, 'not_found_error'],
    ['OUTCOME_UNKNOWN', 409, 'conflict_error'],
    ['IDEMPOTENCY_MISMATCH', 422, 'invalid_request_error'],
    ['RATE_LIMITED', 429, 'rate_limit_error'],
    ['BUDGET_SPENT', 429, 'rate_limit_error'],
    ['UPSTREAM_BROKEN', 500, 'api_error'],
    ['STORAGE_FULL', 500, 'api_error'],
    ['INTERNAL', 500, 'api_error'],
    ['DEADLINE_EXCEEDED', 504, 'timeout_error'],
    ['OVERLOADED', 529, 'overloaded_error'],
    ['UPSTREAM_UNAVAILABLE', 529, 'overloaded_error'],
    ['SHUTTING_DOWN', 529, 'overloaded_error'],
  ])('for %s is %i %s', (reason, status, type) => {
    expect(anthropicErrors.status?.(ofReason(reason))).toBe(status)
    expect(anthropicErrors.body(ofReason(reason))).toMatchObject({ error: { type } })
  })

  test('for a body that is too large is 413', () => {
    expect(anthropicErrors.body(told(tooLarge(5), 413))).toMatchObject({
      error: { type: 'request_too_large' },
    })
  })

  test('of a limit says how it stands, in headers of Anthropic', () => {
    const limit = { name: 'tokens_per_minute of key', limit: 10, remaining: 0, resetAtMs: 1_645_557_742_000 }
    const headers = (error: GatewayError) => anthropicErrors.headers?.(told(error, 429))
    expect(headers(new GatewayError('RATE_LIMITED', 'x', { limit }))).toEqual({
      'request-id': 'call_1',
      'anthropic-ratelimit-tokens-limit': '10',
      'anthropic-ratelimit-tokens-remaining': '0',
      'anthropic-ratelimit-tokens-reset': '2022-02-22T19:22:22.000Z',
    })
    const budget = { ...limit, name: 'day_budget of key' }
    expect(headers(new GatewayError('BUDGET_SPENT', 'x', { limit: budget }))).toEqual({
      'request-id': 'call_1',
    })
  })
})
