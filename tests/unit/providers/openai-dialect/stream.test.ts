// Checks that streams are read into the right deltas, however their bytes are cut, and that no broken one passes for whole.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../../src/core/delta.ts'
import { GatewayError } from '../../../../src/core/errors.ts'
import { createChatStreamDecoder } from '../../../../src/providers/openai-dialect/stream.ts'
import { countedIds, textOf, thrown, upstream } from '../attempt.ts'

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../fixtures/providers/openai/${name}.sse`, import.meta.url))

interface Outcome {
  readonly deltas: readonly Delta[]
  readonly error: GatewayError | undefined
}

function decode(chunks: readonly Uint8Array[]): Outcome {
  const decoder = createChatStreamDecoder(upstream, countedIds())
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

const decodeText = (text: string): Outcome => decode([Buffer.from(text)])
const event = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`
const chunk = (delta: unknown, finish: string | null = null): string =>
  event({ choices: [{ index: 0, delta, finish_reason: finish }] })

const usage = (inputTokens: number, outputTokens: number, more: Partial<Record<string, number>> = {}) => ({
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

const expected: Readonly<Record<string, readonly unknown[]>> = {
  text: [
    {
      type: 'meta',
      responseId: 'chatcmpl-A1',
      metadata: { model: 'gpt-6-sol-2026-09-22', service_tier: 'default', system_fingerprint: 'fp_1' },
    },
    { type: 'text', text: 'Grüezi' },
    { type: 'text', text: ' 東京 🗼' },
    usage(21, 9, { cachedInputTokens: 16, cacheWriteTokens: 4, reasoningTokens: 5 }),
    { type: 'finish', reason: FinishReason.STOP },
  ],
  tools: [
    { type: 'meta', responseId: 'chatcmpl-B2', metadata: { model: 'gpt-4.1' } },
    { type: 'tool_call_start', callId: 'call_paris', name: 'get_weather' },
    { type: 'tool_call_arguments', callId: 'call_paris', text: '{"city":' },
    { type: 'tool_call_start', callId: 'call_tokyo', name: 'get_weather' },
    { type: 'tool_call_arguments', callId: 'call_tokyo', text: '{"city":"東京"}' },
    { type: 'tool_call_arguments', callId: 'call_paris', text: '"Paris"}' },
    { type: 'tool_call_end', callId: 'call_paris' },
    { type: 'tool_call_end', callId: 'call_tokyo' },
    { type: 'finish', reason: FinishReason.TOOL_CALLS },
  ],
  reasoning: [
    { type: 'meta', responseId: 'r1', metadata: { model: 'local' } },
    { type: 'reasoning', text: 'Let me' },
    { type: 'reasoning', text: ' see.' },
    { type: 'text', text: 'Four' },
    usage(3, 2, { cachedInputTokens: 1 }),
    { type: 'finish', reason: FinishReason.STOP },
  ],
  usage: [
    { type: 'meta', responseId: 'u1' },
    { type: 'text', text: 'a' },
    usage(7, 1),
    { type: 'text', text: 'b' },
    usage(7, 2),
    { type: 'finish', reason: FinishReason.LENGTH },
  ],
  error: [
    { type: 'meta', responseId: 'chatcmpl-C3', metadata: { model: 'gpt-4.1' } },
    { type: 'text', text: 'Once upon' },
  ],
}

describe.each(Object.entries(expected))('the recorded stream %s', (name, deltas) => {
  const bytes = fixture(name)
  const whole = decode([bytes])

  it('is read into its deltas', () => {
    expect(whole.deltas).toEqual(deltas)
    expect(whole.error?.reason).toBe(name === 'error' ? 'UPSTREAM_BROKEN' : undefined)
  })

  it('says the same when it is cut in two at any byte', () => {
    for (let at = 1; at < bytes.length; at += 1) {
      const { deltas: cut, error } = decode([bytes.subarray(0, at), bytes.subarray(at)])
      expect(cut, `cut at ${at}`).toEqual(deltas)
      expect(error?.message).toBe(whole.error?.message)
    }
  })

  it('says the same when it comes byte by byte', () => {
    const { deltas: cut, error } = decode([...bytes].map(byte => Uint8Array.of(byte)))
    expect(cut).toEqual(deltas)
    expect(error?.message).toBe(whole.error?.message)
  })
})

describe('a stream that ends', () => {
  it('without a finish is broken, and the message says whether anything came', () => {
    const none = decodeText('data: [DONE]\n\n')
    expect([none.error?.reason, none.error?.message]).toEqual([
      'UPSTREAM_BROKEN',
      'openai ended its stream without an answer',
    ])
    const half = decodeText(chunk({ content: 'Once' }))
    expect(half.error?.message).toBe('openai ended its stream in the middle of the answer')
    expect(textOf(half.deltas)).toBe('Once')
  })

  it('without a finish but with whole tool calls is whole', () => {
    const call = { index: 0, id: 'c1', function: { name: 'f', arguments: '{"a":1}' } }
    const { deltas, error } = decodeText(chunk({ tool_calls: [call] }))
    expect(error).toBeUndefined()
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
  })

  it('without a finish and with a tool call cut short is broken', () => {
    const call = { index: 0, id: 'c1', function: { name: 'f', arguments: '{"a":' } }
    expect(decodeText(chunk({ tool_calls: [call] })).error?.reason).toBe('UPSTREAM_BROKEN')
  })

  it('with a call that was never named is broken', () => {
    const call = { index: 0, id: 'c1', function: { arguments: '{}' } }
    const { error } = decodeText(chunk({ tool_calls: [call] }) + chunk({}, 'tool_calls'))
    expect(error?.message).toBe('openai called a tool without naming it')
  })
})

describe('the finish', () => {
  it.each([
    ['stop', FinishReason.STOP],
    ['length', FinishReason.LENGTH],
    ['tool_calls', FinishReason.TOOL_CALLS],
    ['function_call', FinishReason.TOOL_CALLS],
    ['content_filter', FinishReason.CONTENT_FILTER],
    ['sensitive', FinishReason.OTHER],
    ['toString', FinishReason.OTHER],
  ])('%s is read', (word, reason) => {
    expect(decodeText(chunk({ content: 'a' }) + chunk({}, word)).deltas.at(-1)).toEqual({
      type: 'finish',
      reason,
    })
  })

  it('that only the provider knows stands in the metadata', () => {
    const { deltas } = decodeText(chunk({ content: 'a' }, 'sensitive'))
    expect(deltas).toContainEqual({ type: 'meta', metadata: { finish_reason: 'sensitive' } })
  })

  it('stop after tool calls means tool calls', () => {
    const call = { id: 'c1', function: { name: 'f', arguments: '' } }
    const { deltas } = decodeText(chunk({ tool_calls: [call] }) + chunk({}, 'stop'))
    expect(deltas.slice(-3)).toEqual([
      { type: 'tool_call_arguments', callId: 'c1', text: '{}' },
      { type: 'tool_call_end', callId: 'c1' },
      { type: 'finish', reason: FinishReason.TOOL_CALLS },
    ])
  })

  it('may be followed by more text', () => {
    const { deltas, error } = decodeText(chunk({ content: 'a' }, 'stop') + chunk({ content: 'b' }))
    expect(error).toBeUndefined()
    expect(textOf(deltas)).toBe('ab')
    expect(deltas.filter(({ type }) => type === 'finish')).toHaveLength(1)
  })

  it.each(['error', 'network_error', 'insufficient_system_resource'])('%s is a failure', word => {
    expect(decodeText(chunk({}, word)).error?.reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(decodeText(chunk({ content: 'a' }) + chunk({}, word)).error?.reason).toBe('UPSTREAM_BROKEN')
  })
})

describe('a failure inside a stream', () => {
  it('before any output is what the error table says', () => {
    const error = (code: unknown) => decodeText(event({ error: { message: 'no', code } })).error?.reason
    expect(error('insufficient_quota')).toBe('UPSTREAM_CREDENTIALS')
    expect(error(429)).toBe('UPSTREAM_LIMITED')
    expect(error('502')).toBe('UPSTREAM_UNAVAILABLE')
    expect(error('context_length_exceeded')).toBe('CONTEXT_TOO_LONG')
  })

  it('after output never says that nothing was answered', () => {
    const { error } = decodeText(chunk({ content: 'a' }) + event({ error: { message: 'no', code: 429 } }))
    expect([error?.reason, error?.details.upstreamCode]).toEqual(['UPSTREAM_BROKEN', '429'])
  })

  it('is found beside the choices, too', () => {
    const body = {
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error', error: { code: 502 } }],
    }
    expect(decodeText(event(body)).error?.reason).toBe('UPSTREAM_UNAVAILABLE')
  })

  it('hands out what came before it, then ends for good', () => {
    const decoder = createChatStreamDecoder(upstream, countedIds())
    const deltas = decoder.push(
      Buffer.from(`${chunk({ content: 'a' })}data: {"half\n\n${chunk({ content: 'b' })}`),
    )
    expect(textOf(deltas)).toBe('a')
    expect(decoder.done()).toBe(true)
    expect(thrown(() => decoder.end()).message).toBe('openai sent an event that is no JSON')
    expect(thrown(() => decoder.push(Buffer.from(chunk({ content: 'c' })))).reason).toBe('UPSTREAM_BROKEN')
  })

  it('a line without end is not kept in memory', () => {
    const decoder = createChatStreamDecoder(upstream, countedIds())
    const piece = Buffer.alloc(1024 * 1024, 0x61)
    const error = thrown(() => {
      for (let count = 0; count < 6; count += 1) decoder.push(piece)
    })
    expect(error.reason).toBe('UPSTREAM_BROKEN')
    expect(error.message).toContain('sent a line of more than')
  })
})

describe('what hosts do beside the rules', () => {
  it('takes thoughts from the first field that has any', () => {
    const thought = (delta: unknown) =>
      decodeText(chunk(delta)).deltas.find(({ type }) => type === 'reasoning')
    const read = { type: 'reasoning', text: 'hm' }
    expect(thought({ reasoning_content: '', thinking: 'hm' })).toEqual(read)
    expect(thought({ reasoning_details: [{ type: 'reasoning.text', text: 'h' }, { summary: 'm' }] })).toEqual(
      read,
    )
    expect(thought({ reasoning: { effort: 'low' } })).toBeUndefined()
  })

  it('reads a refusal as what the model says', () => {
    expect(textOf(decodeText(chunk({ refusal: 'No.' }, 'content_filter')).deltas)).toBe('No.')
  })

  it('reads a whole message in a stream only when no delta said it before', () => {
    const message = event({
      choices: [{ message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
    })
    expect(textOf(decodeText(message).deltas)).toBe('Hi')
    expect(textOf(decodeText(chunk({ content: 'Hi' }) + message).deltas)).toBe('Hi')
  })

  it('joins a character that was cut between two chunks', () => {
    const halves = chunk({ content: 'a\ud83d' }) + chunk({ content: '\uddfcb' }, 'stop')
    const { deltas } = decodeText(halves)
    expect(deltas.filter(({ type }) => type === 'text')).toEqual([
      { type: 'text', text: 'a' },
      { type: 'text', text: '🗼b' },
    ])
    expect(textOf(decodeText(chunk({ content: 'a\ud83d' }, 'stop')).deltas)).toBe('a\ufffd')
  })

  it('names each source once', () => {
    const note = {
      type: 'url_citation',
      url_citation: { url: 'https://a.example', title: 'A', start_index: 0 },
    }
    const { deltas } = decodeText(chunk({ annotations: [note] }) + chunk({ annotations: [note] }, 'stop'))
    expect(deltas.filter(({ type }) => type === 'citation')).toEqual([
      { type: 'citation', url: 'https://a.example', title: 'A', text: '' },
    ])
  })

  it('reads nothing after [DONE]', () => {
    const { deltas, error } = decodeText(
      `${chunk({ content: 'a' }, 'stop')}data: [DONE]\n\n${chunk({ content: 'b' })}`,
    )
    expect(error).toBeUndefined()
    expect(textOf(deltas)).toBe('a')
  })
})
