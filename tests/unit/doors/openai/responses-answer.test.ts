// An answer that comes at once is the same response as one that streams, part by part.
import { describe, expect, test } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Answer } from '../../../../src/doors/openai/chat-answer.ts'
import { wholeResponse } from '../../../../src/doors/openai/responses-answer.ts'
import { openThought } from '../../../../src/doors/openai/responses-seal.ts'
import { callItem, ID, messageItem, part, UUID } from './responses-rig.ts'

const opaque = new Uint8Array([1, 2, 3])
type Kind = NonNullable<NonNullable<NonNullable<Answer['message']>['content']>[number]['kind']>

const answered = (kinds: readonly Kind[], finishReason: FinishReason = FinishReason.STOP): Answer => ({
  id: ID,
  model: 'm',
  provider: 'p',
  finishReason,
  message: { content: kinds.map(kind => ({ kind })) },
})
const asked = { echo: {}, notes: [], wantsSeals: false }

describe('a response', () => {
  test('has an item for each part, in order', () => {
    const answer = answered(
      [
        { case: 'reasoning', value: { text: 'hm', opaque, provider: 'p', model: 'm' } },
        { case: 'text', value: 'the grass' },
        { case: 'text', value: ' is blue' },
        { case: 'citation', value: { url: 'https://a.example', title: 't', text: 'blue' } },
        { case: 'toolCall', value: { callId: 'x', name: 'f', arguments: '{"a":1}' } },
        { case: 'toolCall', value: { callId: 'y', name: 'g', arguments: '' } },
      ],
      FinishReason.TOOL_CALLS,
    )
    const citation = {
      type: 'url_citation',
      url: 'https://a.example',
      title: 't',
      start_index: 13,
      end_index: 17,
    }
    expect(wholeResponse(answer, asked)).toMatchObject({
      status: 'completed',
      output: [
        { id: `rs_${UUID}_0`, type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] },
        messageItem(1, 'completed', [part('the grass is blue', [citation])]),
        callItem(2, 'x', 'f', 'completed', '{"a":1}'),
        callItem(3, 'y', 'g', 'completed', '{}'),
      ],
    })
  })

  test('has what is sealed at its place, for whom wants it, also where nothing of it is shown', () => {
    const answer = answered([
      { case: 'reasoning', value: { text: '', opaque, provider: 'p', model: 'm' } },
      { case: 'text', value: 'a' },
    ])
    expect(wholeResponse(answer, asked)['output']).toEqual([messageItem(0, 'completed', [part('a')])])
    const [sealed, said] = wholeResponse(answer, { ...asked, wantsSeals: true })['output'] as readonly Record<
      string,
      unknown
    >[]
    expect(sealed).toMatchObject({ id: `rs_${UUID}_0`, type: 'reasoning', summary: [] })
    expect(openThought(String(sealed?.['encrypted_content']))).toEqual({ provider: 'p', model: 'm', opaque })
    expect(said).toEqual(messageItem(1, 'completed', [part('a')]))
  })

  test('says the fields of its request again, and what it was without them', () => {
    const echo = {
      temperature: 0.5,
      top_p: null,
      reasoning: { effort: 'low' },
      text: { verbosity: 'low', format: null },
      metadata: { a: 'b' },
    }
    expect(wholeResponse(answered([]), { ...asked, echo, notes: ['store was left out'] })).toEqual({
      id: ID,
      object: 'response',
      created_at: 1_645_557_742,
      status: 'completed',
      background: false,
      error: null,
      incomplete_details: null,
      instructions: null,
      max_output_tokens: null,
      max_tool_calls: null,
      metadata: { a: 'b' },
      model: 'm',
      output: [messageItem(0, 'completed', [part('')])],
      parallel_tool_calls: true,
      previous_response_id: null,
      prompt_cache_key: null,
      reasoning: { effort: 'low', summary: null },
      safety_identifier: null,
      service_tier: null,
      store: false,
      temperature: 0.5,
      text: { format: { type: 'text' }, verbosity: 'low' },
      tool_choice: 'auto',
      tools: [],
      top_p: null,
      truncation: 'disabled',
      usage: {
        input_tokens: 0,
        input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
        output_tokens: 0,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 0,
      },
      conversation: null,
      exai: { provider: 'p', cost_nano_usd: null, warnings: ['store was left out'] },
    })
  })

  test('that was cut is incomplete, and so is its last text', () => {
    const cut = answered([{ case: 'text', value: 'a' }], FinishReason.LENGTH)
    expect(wholeResponse(cut, asked)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    })
  })
})
