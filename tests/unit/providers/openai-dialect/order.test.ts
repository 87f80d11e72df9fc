// Checks that what was held back is said in its place, and that an event named error is one whatever it holds.
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../../src/core/delta.ts'
import type { GatewayError } from '../../../../src/core/errors.ts'
import { glmDialect } from '../../../../src/providers/glm.ts'
import { miniMaxDialect } from '../../../../src/providers/minimax.ts'
import type { Dialect } from '../../../../src/providers/openai-dialect/dialect.ts'
import { createChatStreamDecoder } from '../../../../src/providers/openai-dialect/stream.ts'
import { countedIds, thrown, upstream } from '../attempt.ts'

const event = (delta: unknown, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const tool = { tool_calls: [{ index: 0, id: 'c1', function: { name: 'f', arguments: '{}' } }] }
const called: readonly Delta[] = [
  { type: 'tool_call_start', callId: 'c1', name: 'f' },
  { type: 'tool_call_arguments', callId: 'c1', text: '{}' },
  { type: 'tool_call_end', callId: 'c1' },
  { type: 'finish', reason: FinishReason.TOOL_CALLS },
]

function decode(dialect: Dialect, stream: string): readonly Delta[] {
  const decoder = createChatStreamDecoder({ ...upstream, dialect }, countedIds())
  return [...decoder.push(Buffer.from(stream)), ...decoder.end()]
}

describe('what stands before the call of a tool', () => {
  it('is said before it, even if it looked like the beginning of a tag', () => {
    expect(decode(glmDialect(''), event({ content: 'a <|begin_' }) + event(tool, 'tool_calls'))).toEqual([
      { type: 'text', text: 'a ' },
      { type: 'text', text: '<|begin_' },
      ...called,
    ])
    expect(decode(glmDialect(''), event({ content: '<think>so' }) + event(tool, 'tool_calls'))).toEqual([
      { type: 'reasoning', text: 'so' },
      ...called,
    ])
  })

  it('may be sealed thoughts alone', () => {
    const details = [{ type: 'reasoning.text', index: 0, text: 'so' }]
    const deltas = decode(miniMaxDialect, event({ reasoning_details: details }) + event(tool, 'tool_calls'))
    expect(deltas.map(({ type }) => type)).toEqual([
      'reasoning',
      'reasoning_opaque',
      ...called.map(({ type }) => type),
    ])
  })
})

describe('an event named error', () => {
  const failure = (stream: string): GatewayError => {
    const decoder = createChatStreamDecoder({ ...upstream, dialect: glmDialect('') }, countedIds())
    return thrown(() => {
      decoder.push(Buffer.from(stream))
      decoder.end()
    })
  }

  it('is a refusal, whether its data is JSON of an error, other JSON or text', () => {
    const data = ['{"code":"1305","message":"m"}', '{"error":{"code":1305}}', '{"odd":true}', 'Bad gateway']
    for (const each of data)
      expect(failure(`event: error\ndata: ${each}\n\n`).reason, each).toBe('UPSTREAM_UNAVAILABLE')
  })

  it('breaks an answer that has begun', () => {
    const error = failure(`${event({ content: 'Once' })}event: error\ndata: overloaded\n\n`)
    expect(error.reason).toBe('UPSTREAM_BROKEN')
  })
})
