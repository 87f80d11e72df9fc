// Checks that an answer without end ends: its text, its tools and the details of its thoughts.
import { describe, expect, it } from 'vitest'
import type { Delta } from '../../../../src/core/delta.ts'
import { DETAILS_MAX } from '../../../../src/providers/openai-dialect/details.ts'
import type { Dialect } from '../../../../src/providers/openai-dialect/dialect.ts'
import { createChatStreamDecoder } from '../../../../src/providers/openai-dialect/stream.ts'
import { CALLS_MAX } from '../../../../src/providers/openai-dialect/tool-calls.ts'
import { createResponsesStreamDecoder } from '../../../../src/providers/openai-responses/stream.ts'
import { countedIds, thrown, upstream } from '../attempt.ts'

const event = (value: object): Buffer => Buffer.from(`data: ${JSON.stringify(value)}\n\n`)
const delta = (said: object): Buffer => event({ choices: [{ delta: said }] })
const dialect: Dialect = { ...upstream.dialect, reasoningDetails: true }
const chat = () => createChatStreamDecoder({ ...upstream, dialect }, countedIds())
type Decoder = ReturnType<typeof chat>

/** Pushes one piece again and again until the decoder ends it, and counts the characters that it said. */
function flood(decoder: Decoder, piece: Buffer): number {
  let chars = 0
  for (let round = 0; round < 2000 && !decoder.done(); round += 1)
    for (const said of decoder.push(piece)) chars += 'text' in said ? said.text.length : 0
  return chars
}

const long = 'x'.repeat(100_000)

describe('a stream without end', () => {
  it.each<[string, () => Decoder, Buffer]>([
    ['text', chat, delta({ content: long })],
    ['thoughts', chat, delta({ reasoning_content: long })],
    [
      'arguments of a tool',
      chat,
      delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: long } }] }),
    ],
    [
      'text of the Responses wire',
      () => createResponsesStreamDecoder(upstream, countedIds()),
      event({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: long }),
    ],
  ])('of %s is broken off at 32 Mi characters', (_, decoder, piece) => {
    const endless = decoder()
    expect(flood(endless, piece)).toBeCloseTo(32 * 1024 * 1024, -5)
    expect(thrown(() => endless.end())).toMatchObject({
      reason: 'UPSTREAM_BROKEN',
      message: 'openai sent an answer of more than 33554432 characters',
    })
  })

  it('of sealed details that nobody sees is broken off', () => {
    const endless = chat()
    const piece = delta({ reasoning_details: [{ type: 'reasoning.encrypted', data: long }] })
    expect(thrown(() => flood(endless, piece)).reason).toBe('UPSTREAM_BROKEN')
  })
})

describe('one event', () => {
  it.each([
    ['named', { function: { name: 'f', arguments: '' } }],
    ['nameless', { function: { arguments: '' } }],
  ])('with a list of too many %s tools is broken off while it is read', (_, call) => {
    const many = Array.from({ length: 50_000 }, (__, index) => ({ index, id: `c${index}`, ...call }))
    const decoder = chat()
    const said: Delta[] = []
    expect(
      thrown(() => {
        said.push(...decoder.push(delta({ tool_calls: many })))
        decoder.end()
      }),
    ).toMatchObject({ reason: 'UPSTREAM_BROKEN', message: 'openai called more than 1024 tools' })
    expect(said.length).toBeLessThan(2 * CALLS_MAX + 4)
  })

  it('with as many tools as can be is read', () => {
    const calls = Array.from({ length: CALLS_MAX }, (_, index) => ({
      index,
      function: { name: 'f', arguments: '{}' },
    }))
    const said = chat().push(delta({ tool_calls: calls }))
    expect(said.filter(({ type }) => type === 'tool_call_start')).toHaveLength(CALLS_MAX)
  })

  it('with too many details of thoughts is broken off', () => {
    const many = Array.from({ length: DETAILS_MAX + 1 }, (_, index) => ({
      index,
      type: 'reasoning.encrypted',
      data: 'x',
    }))
    expect(thrown(() => chat().push(delta({ reasoning_details: many }))).reason).toBe('UPSTREAM_BROKEN')
  })
})
