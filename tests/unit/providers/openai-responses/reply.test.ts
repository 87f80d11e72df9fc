// Checks that an answer in one document says what its stream says, and that one that is no whole answer is a failure.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Delta } from '../../../../src/core/delta.ts'
import { readReply as readBy } from '../../../../src/providers/openai-dialect/reply.ts'
import { createAnswerReader } from '../../../../src/providers/openai-responses/answer.ts'
import { createResponsesStreamDecoder } from '../../../../src/providers/openai-responses/stream.ts'
import { countedIds, textOf, thrown, upstream } from '../attempt.ts'

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../fixtures/providers/openai-responses/${name}.sse`, import.meta.url))

function streamed(name: string): readonly Delta[] {
  const decoder = createResponsesStreamDecoder(upstream, countedIds())
  return [...decoder.push(fixture(name)), ...decoder.end()]
}

const readReply = (text: string): readonly Delta[] =>
  readBy(upstream, text, createAnswerReader(upstream, countedIds()))

const opened = (delta: Delta): unknown =>
  delta.type === 'reasoning_opaque' ? JSON.parse(Buffer.from(delta.opaque).toString()) : delta

describe('an answer in one document', () => {
  const last = (name: string): string => {
    const lines = fixture(name).toString().trimEnd().split('\n')
    return JSON.stringify(JSON.parse((lines.at(-1) ?? '').slice('data: '.length)).response)
  }
  /** Pieces of one text, joined, and metadata left out: a document says at once what a stream says in pieces. */
  const joined = (deltas: readonly Delta[]) => ({
    text: textOf(deltas),
    thoughts: deltas.map(delta => (delta.type === 'reasoning' ? delta.text : '')).join(''),
    sealed: deltas.filter(({ type }) => type === 'reasoning_opaque').map(opened),
    calls: ['call_a', 'call_b'].map(id =>
      deltas
        .map(delta => (delta.type === 'tool_call_arguments' && delta.callId === id ? delta.text : ''))
        .join(''),
    ),
    citations: deltas.filter(({ type }) => type === 'citation'),
    usage: deltas.findLast(({ type }) => type === 'usage'),
    finish: deltas.at(-1),
  })

  it.each(['text', 'tools', 'refusal', 'incomplete'])('says what its stream says: %s', name => {
    const deltas = readReply(last(name))
    expect(joined(deltas)).toEqual(joined(streamed(name)))
  })

  it('that failed is what its code says, whatever it holds', () => {
    const failed = (code: string, output: readonly object[] = []) =>
      thrown(() =>
        readReply(
          JSON.stringify({ id: 'resp_1', status: 'failed', error: { code, message: 'test-key' }, output }),
        ),
      )
    expect(failed('server_error').reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(failed('rate_limit_exceeded').reason).toBe('UPSTREAM_LIMITED')
    const refused = failed('invalid_prompt', [
      { type: 'message', content: [{ type: 'output_text', text: 'Hm' }] },
    ])
    expect(refused).toMatchObject({ reason: 'CONTENT_REFUSED' })
    expect(refused.message).not.toContain('test-key')
  })

  it.each([
    ['{"status":"in_progress","output":[]}', 'UPSTREAM_BROKEN'],
    ['{"status":"comp', 'UPSTREAM_BROKEN'],
    ['{}', 'UPSTREAM_BROKEN'],
    ['[]', 'UPSTREAM_BROKEN'],
    ['<!doctype html>', 'UPSTREAM_UNAVAILABLE'],
    ['{"error":{"message":"no","code":"insufficient_quota"}}', 'UPSTREAM_CREDENTIALS'],
  ])('that is no whole answer is a failure: %s', (body, reason) => {
    expect(thrown(() => readReply(body)).reason).toBe(reason)
  })
})
