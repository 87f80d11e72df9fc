// Pieces of text are written by hand: to the byte as the codec of all messages writes them, or not at all.
import { create, type MessageInitShape, toBinary, toJsonString } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { ReasoningDeltaSchema, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { textEventJson, textEventOf, writeTextEvent } from '../../../../src/doors/connect/own/text-event.ts'
import { createChance } from '../../../support/seeded.ts'

type Event = MessageInitShape<typeof StreamEventSchema>

function binaryOf(event: Event): Buffer | undefined {
  const ready = textEventOf(event)
  if (ready === undefined) return undefined
  // Each byte must be written, and no other one.
  const bytes = Buffer.alloc(ready.sizeBytes + 2, 0xaa)
  writeTextEvent(bytes, 1, ready)
  expect([bytes.at(0), bytes.at(-1)]).toEqual([0xaa, 0xaa])
  return bytes.subarray(1, -1)
}

// Ends of ASCII, of two and three bytes, both halves of a character, and what JSON escapes.
const codes = [
  0, 9, 0x22, 0x5c, 0x7f, 0x80, 0x7ff, 0x800, 0x2028, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xfeff, 0xffff,
]
const edges = [1, 2, 125, 126, 127, 128, 129, 16_381, 16_382, 16_383, 16_384]

/** Texts of any characters, some as long as where a length grows by a byte. */
function textOf(random: () => number): string {
  const pick = (from: readonly number[]): number => from[Math.floor(random() * from.length)] ?? 0
  const length = random() < 0.3 ? pick(edges) : 1 + Math.floor(random() * 200)
  const manner = random()
  const code = (): number => {
    if (manner < 0.4) return 32 + Math.floor(random() * 95)
    return manner < 0.7 ? pick(codes) : Math.floor(random() * 0x1_0000)
  }
  return String.fromCharCode(...Array.from({ length }, code))
}

describe('a piece of text', () => {
  test('is written as the codec writes it', () => {
    const { below } = createChance(7)
    const random = (): number => below(2 ** 30) / 2 ** 30
    for (let round = 0; round < 3_000; round += 1) {
      const text = textOf(random)
      const sequence = 1 + Math.floor(random() ** 8 * 0x7fff_fffe)
      const value = { text }
      const event: Event = {
        sequence,
        event: random() < 0.5 ? { case: 'textDelta', value } : { case: 'reasoningDelta', value },
      }
      const message = create(StreamEventSchema, event)
      const binary = Buffer.from(toBinary(StreamEventSchema, message))
      const json = toJsonString(StreamEventSchema, message)
      for (const one of [event, message]) {
        expect(binaryOf(one)?.equals(binary), JSON.stringify(event)).toBe(true)
        expect(textEventJson(one)).toBe(json)
      }
    }
  })

  test.each([2_097_148, 2_097_151, 2_097_152])('of %i bytes is, too', length => {
    const event: Event = {
      sequence: 0x7fff_ffff,
      event: { case: 'textDelta', value: { text: 'x'.repeat(length) } },
    }
    const binary = Buffer.from(toBinary(StreamEventSchema, create(StreamEventSchema, event)))
    expect(binaryOf(event)?.equals(binary)).toBe(true)
  })

  const unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }]
  const odd = create(ReasoningDeltaSchema, { text: 'a' })
  odd.$unknown = unknown
  const outer = create(StreamEventSchema, { sequence: 1, event: { case: 'textDelta', value: { text: 'a' } } })
  outer.$unknown = unknown
  test.each<[string, Event]>([
    ['an empty piece', { sequence: 1, event: { case: 'textDelta', value: { text: '' } } }],
    ['a piece without a text', { sequence: 1, event: { case: 'textDelta', value: {} } }],
    ['no number', { event: { case: 'textDelta', value: { text: 'a' } } }],
    ['the number zero', { sequence: 0, event: { case: 'textDelta', value: { text: 'a' } } }],
    ['half a number', { sequence: 1.5, event: { case: 'textDelta', value: { text: 'a' } } }],
    ['a number that is too large', { sequence: 2 ** 31, event: { case: 'textDelta', value: { text: 'a' } } }],
    ['a negative number', { sequence: -1, event: { case: 'textDelta', value: { text: 'a' } } }],
    ['another event', { sequence: 1, event: { case: 'toolCallEnd', value: { callId: 'a' } } }],
    ['no event', { sequence: 1 }],
    ['fields of another version', outer],
    [
      'fields of another version in the piece',
      { sequence: 1, event: { case: 'reasoningDelta', value: odd } },
    ],
  ])('with %s is left to the codec', (_name, event) => {
    expect(textEventOf(event)).toBeUndefined()
    expect(textEventJson(event)).toBeUndefined()
  })
})
