// Checks that streams of the Responses wire are read into the right deltas, however cut, and that no broken one passes for whole.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../../src/core/delta.ts'
import { GatewayError } from '../../../../src/core/errors.ts'
import { createResponsesStreamDecoder } from '../../../../src/providers/openai-responses/stream.ts'
import { countedIds, textOf, upstream } from '../attempt.ts'

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../fixtures/providers/openai-responses/${name}.sse`, import.meta.url))

interface Outcome {
  readonly deltas: readonly Delta[]
  readonly error: GatewayError | undefined
}

function decode(chunks: readonly Uint8Array[]): Outcome {
  const decoder = createResponsesStreamDecoder(upstream, countedIds())
  const deltas: Delta[] = []
  try {
    for (const chunk of chunks) deltas.push(...decoder.push(chunk))
    deltas.push(...decoder.end())
    deltas.push(...decoder.end())
  } catch (error) {
    if (error instanceof GatewayError) return { deltas, error }
    throw error
  }
  return { deltas, error: undefined }
}

const streamOf = (...events: readonly object[]): Buffer =>
  Buffer.from(events.map(event => `data: ${JSON.stringify(event)}\n\n`).join(''))
const whole = (name: string): Outcome => decode([fixture(name)])
const metas = (...tiers: readonly string[]) =>
  tiers.map((service_tier, index) => ({
    type: 'meta',
    ...(index === 0 && { responseId: 'resp_68a1' }),
    metadata: { model: 'gpt-6-sol-2026-05-01', service_tier },
  }))
const usage = (inputTokens: number, outputTokens: number, more: object = {}) => ({
  type: 'usage',
  counts: {
    inputTokens,
    outputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    ...more,
  },
})
const text = (piece: string) => ({ type: 'text', text: piece })
const thought = (piece: string) => ({ type: 'reasoning', text: piece })

/** The sealed items of a `reasoning_opaque` delta. */
const opened = (delta: Delta): unknown =>
  delta.type === 'reasoning_opaque' ? { sealed: JSON.parse(Buffer.from(delta.opaque).toString()) } : delta

const one = {
  id: 'rs_1',
  type: 'reasoning',
  summary: [
    { type: 'summary_text', text: '**Looking** at the map.' },
    { type: 'summary_text', text: 'Two calls are needed.' },
  ],
  encrypted_content: 'gAAAAABo+one/==',
}
const two = {
  id: 'rs_2',
  type: 'reasoning',
  summary: [{ type: 'summary_text', text: 'Both at once 🗼.' }],
  encrypted_content: 'gAAAAABo+two/==',
  status: 'completed',
}

describe('a stream', () => {
  it('of text is its text, its sources, its counts and its finish', () => {
    expect(whole('text')).toEqual({
      deltas: [
        ...metas('auto'),
        ...['Grüezi', ' 東', '京', ' 🗼'].map(text),
        { type: 'citation', url: 'https://example.org/gruezi', title: 'Grüezi', text: '' },
        ...metas('', 'default').slice(1),
        usage(12, 6, { cachedInputTokens: 4, cacheWriteTokens: 8 }),
        { type: 'finish', reason: FinishReason.STOP },
      ],
      error: undefined,
    })
  })

  it('of thoughts and calls has sealed thoughts, and every piece under the id of its call', () => {
    const { deltas, error } = whole('tools')
    expect(error).toBeUndefined()
    expect(deltas.map(opened)).toEqual([
      ...metas('auto'),
      thought('**Looking**'),
      thought(' at the map.'),
      thought('\n\nTwo calls'),
      thought(' are needed.'),
      { sealed: one },
      thought('\n\nBoth at once'),
      thought(' 🗼.'),
      // Thoughts that follow one another are one part, so its seal holds both.
      { sealed: [one, two] },
      { type: 'tool_call_start', callId: 'call_a', name: 'get_weather' },
      { type: 'tool_call_start', callId: 'call_b', name: 'get_time' },
      { type: 'tool_call_arguments', callId: 'call_a', text: '{"city"' },
      { type: 'tool_call_arguments', callId: 'call_a', text: ':"Zür' },
      { type: 'tool_call_arguments', callId: 'call_a', text: 'ich"}' },
      { type: 'tool_call_arguments', callId: 'call_b', text: '{}' },
      { type: 'tool_call_end', callId: 'call_b' },
      { type: 'tool_call_end', callId: 'call_a' },
      ...metas('', 'default').slice(1),
      usage(40, 50, { reasoningTokens: 33 }),
      { type: 'finish', reason: FinishReason.TOOL_CALLS },
    ])
  })

  it('of a refusal says it as text', () => {
    const { deltas } = whole('refusal')
    expect(textOf(deltas)).toBe('I cannot help with that.')
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
  })

  it('that reached the cap finishes with LENGTH', () => {
    const { deltas } = whole('incomplete')
    expect(textOf(deltas)).toBe('Once upon')
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.LENGTH })
  })

  it('that fails after its first words is broken, and before them is what its code says', () => {
    const failed = whole('failed')
    expect(textOf(failed.deltas)).toBe('Once')
    expect(failed.error?.reason).toBe('UPSTREAM_BROKEN')
    expect(failed.error?.cause).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    const { error, deltas } = whole('error')
    expect(deltas).toEqual(metas('auto'))
    expect(error).toMatchObject({
      reason: 'UPSTREAM_LIMITED',
      details: { upstreamCode: 'rate_limit_exceeded' },
    })
  })

  it.each(['text', 'tools', 'refusal', 'incomplete', 'failed', 'error'])(
    'is the same wherever its bytes are cut: %s',
    name => {
      const bytes = fixture(name)
      const { deltas, error } = whole(name)
      for (let at = 0; at <= bytes.length; at += 1) {
        const cut = decode([bytes.subarray(0, at), bytes.subarray(at)])
        expect(cut.deltas, `cut at ${at}`).toEqual(deltas)
        expect(cut.error?.reason).toBe(error?.reason)
      }
      const drops = decode(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))
      expect(drops.deltas).toEqual(deltas)
    },
  )

  it.each(['text', 'tools', 'refusal', 'incomplete'])('that ends early is broken at every byte: %s', name => {
    const bytes = fixture(name)
    // The last event is whole when its data line is.
    const wholeAt = bytes.length - 2
    for (let at = 0; at < wholeAt; at += 1) {
      const { deltas, error } = decode([bytes.subarray(0, at)])
      expect(error?.reason, `cut at ${at}`).toBe('UPSTREAM_BROKEN')
      expect(deltas.some(({ type }) => type === 'finish')).toBe(false)
    }
    expect(decode([bytes.subarray(0, wholeAt)])).toEqual(whole(name))
  })
})

describe('a stream of another host', () => {
  const message = (content: string) => ({
    type: 'message',
    content: [{ type: 'output_text', text: content }],
  })
  const completed = (output: readonly object[]) => ({
    type: 'response.completed',
    response: { id: 'resp_1', status: 'completed', output },
  })

  it('without pieces is told when its items end, or at its own end', () => {
    const done = { type: 'response.output_item.done', output_index: 0, item: message('Hello') }
    expect(textOf(decode([streamOf(done, completed([message('Hello')]))]).deltas)).toBe('Hello')
    expect(textOf(decode([streamOf(completed([message('Hello'), message(' you')]))]).deltas)).toBe(
      'Hello you',
    )
  })

  it('without its last pieces is told in full', () => {
    const delta = { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'Hel' }
    expect(textOf(decode([streamOf(delta, completed([message('Hello')]))]).deltas)).toBe('Hello')
  })

  it('with [DONE], comments and unknown events is whole', () => {
    const events = [{ type: 'response.queued' }, { type: 'response.web_search_call.searching' }]
    const bytes = Buffer.concat([Buffer.from(': hi\n\n'), streamOf(...events, completed([message('Hi')]))])
    expect(textOf(decode([bytes, Buffer.from('data: [DONE]\n\n')]).deltas)).toBe('Hi')
    expect(decode([Buffer.from('data: [DONE]\n\n')]).error?.reason).toBe('UPSTREAM_BROKEN')
  })

  it('joins the halves of a character', () => {
    const piece = (delta: string) => ({ type: 'response.output_text.delta', output_index: 0, delta })
    const { deltas } = decode([streamOf(piece('a\ud83d'), piece('\uddfc'), completed([message('a🗼')]))])
    expect(deltas.filter(({ type }) => type === 'text')).toEqual([text('a'), text('🗼')])
  })

  it('gives calls ids of ours when theirs are bad or taken', () => {
    const call = (call_id: string) => ({ type: 'function_call', call_id, name: 'now', arguments: '{}' })
    const { deltas } = decode([streamOf(completed([call('a'), call('a'), call('b:1'), call('')]))])
    const starts = deltas.flatMap(delta => (delta.type === 'tool_call_start' ? [delta.callId] : []))
    expect(starts).toEqual(['a', 'call_1', 'call_2', 'call_3'])
  })

  it('with a call without a name, or an event that is no JSON, is broken', () => {
    expect(decode([streamOf(completed([{ type: 'function_call', call_id: 'a' }]))]).error?.reason).toBe(
      'UPSTREAM_BROKEN',
    )
    expect(decode([Buffer.from('data: {"type":\n\n')]).error?.reason).toBe('UPSTREAM_BROKEN')
    expect(decode([Buffer.from('data: 7\n\n')]).error?.reason).toBe('UPSTREAM_BROKEN')
  })

  it('seals thoughts that a call ends in the middle of together with those before it', () => {
    const place = (output_index: number) => ({ output_index })
    const call = { type: 'function_call', call_id: 'a', name: 'now', arguments: '{}' }
    const { deltas } = decode([
      streamOf(
        { type: 'response.output_item.added', ...place(0), item: { ...call, arguments: '' } },
        { type: 'response.output_item.done', ...place(1), item: one },
        { type: 'response.output_item.done', ...place(0), item: call },
        { type: 'response.output_item.done', ...place(2), item: two },
        completed([]),
      ),
    ])
    const seals = deltas.filter(({ type }) => type === 'reasoning_opaque').map(opened)
    expect(seals).toEqual([{ sealed: one }, { sealed: [one, two] }])
  })

  it('does not seal what only its own storage could open', () => {
    const item = { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }] }
    const { deltas } = decode([streamOf(completed([item]))])
    expect(deltas).toContainEqual(thought('Hm.'))
    expect(deltas.some(({ type }) => type === 'reasoning_opaque')).toBe(false)
  })

  it('that the filter cut, or that ended for a reason of its own, says so', () => {
    const incomplete = (reason: string) => ({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason }, output: [] },
    })
    expect(decode([streamOf(incomplete('content_filter'))]).deltas.at(-1)).toEqual({
      type: 'finish',
      reason: FinishReason.CONTENT_FILTER,
    })
    expect(decode([streamOf(incomplete('boredom'))]).deltas).toEqual([
      { type: 'meta', metadata: { finish_reason: 'boredom' } },
      { type: 'finish', reason: FinishReason.OTHER },
    ])
  })
})
