// Checks that answers in one piece are read as streams are, and that no broken one passes for whole.
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { createAnswerReader } from '../../../../src/providers/openai-dialect/answer.ts'
import { readReply } from '../../../../src/providers/openai-dialect/reply.ts'
import { countedIds, textOf, thrown, upstream } from '../attempt.ts'

const read = (text: string) => readReply(upstream, text, createAnswerReader(upstream, countedIds()))
const completion = (message: unknown, finish: string | null = 'stop', more: object = {}) =>
  JSON.stringify({ id: 'chatcmpl-1', choices: [{ index: 0, message, finish_reason: finish }], ...more })

describe('a whole answer', () => {
  it('says everything that it holds', () => {
    const message = {
      role: 'assistant',
      content: 'See here.',
      refusal: null,
      reasoning_content: 'Hm.',
      annotations: [{ type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A' } }],
      tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
    }
    const usage = { prompt_tokens: 5, completion_tokens: 4, prompt_cache_hit_tokens: 2 }
    expect(read(completion(message, 'tool_calls', { usage, model: 'gpt-4.1-2025' }))).toEqual([
      { type: 'meta', responseId: 'chatcmpl-1', metadata: { model: 'gpt-4.1-2025' } },
      { type: 'reasoning', text: 'Hm.' },
      { type: 'text', text: 'See here.' },
      { type: 'citation', url: 'https://a.example', title: 'A', text: '' },
      { type: 'tool_call_start', callId: 'call_a', name: 'f' },
      { type: 'tool_call_arguments', callId: 'call_a', text: '{"x":1}' },
      {
        type: 'usage',
        counts: {
          inputTokens: 5,
          outputTokens: 4,
          cachedInputTokens: 2,
          cacheWriteTokens: 0,
          reasoningTokens: 0,
        },
      },
      { type: 'tool_call_end', callId: 'call_a' },
      { type: 'finish', reason: FinishReason.TOOL_CALLS },
    ])
  })

  it('may have blank lines before it', () => {
    expect(textOf(read(`\n\n\r\n${completion({ content: 'Hi' })}`))).toBe('Hi')
  })

  it('may have no text at all', () => {
    expect(read(completion({ content: '' }, 'length')).at(-1)).toEqual({
      type: 'finish',
      reason: FinishReason.LENGTH,
    })
  })
})

describe('a broken answer', () => {
  it.each([
    ['half of the JSON', completion({ content: 'Hi' }).slice(0, 40), 'UPSTREAM_BROKEN'],
    ['nothing', '', 'UPSTREAM_BROKEN'],
    ['JSON that is no object', '[1]', 'UPSTREAM_BROKEN'],
    ['no choice', '{"id":"x","choices":[]}', 'UPSTREAM_BROKEN'],
    ['no finish', completion({ content: 'Hi' }, null), 'UPSTREAM_BROKEN'],
    ['a page', '<!DOCTYPE html><html></html>', 'UPSTREAM_UNAVAILABLE'],
    ['an error instead of an answer', '{"error":{"message":"m","code":429}}', 'UPSTREAM_LIMITED'],
    ['an error in the choice', '{"choices":[{"error":{"code":502,"message":"m"}}]}', 'UPSTREAM_UNAVAILABLE'],
  ])('of %s fails', (_, text, reason) => {
    expect(thrown(() => read(text)).reason).toBe(reason)
  })
})
