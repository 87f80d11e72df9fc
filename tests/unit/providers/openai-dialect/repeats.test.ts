// Checks that chunks which are not parsed again say just what they would say if they were.
import { describe, expect, it } from 'vitest'
import type { Delta } from '../../../../src/core/delta.ts'
import { createAnswerReader } from '../../../../src/providers/openai-dialect/answer.ts'
import { createRepeats } from '../../../../src/providers/openai-dialect/repeats.ts'
import { createChatStreamDecoder } from '../../../../src/providers/openai-dialect/stream.ts'
import {
  createStreamDecoder,
  type StreamDecoder,
} from '../../../../src/providers/openai-dialect/stream-decoder.ts'
import { countedIds, upstream } from '../attempt.ts'

/** Numbers that look random and are the same in every run. */
function createDice(seed: number) {
  let state = seed
  return (sides: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

type Dice = ReturnType<typeof createDice>
const pick = <T>(dice: Dice, list: readonly T[]): T | undefined => list[dice(list.length)]

const TEXTS = [
  'Hello',
  '',
  ' ',
  '"',
  '\\',
  '","content":"x',
  '{"content":"y"}',
  '東京',
  '🗼',
  '\ud83d',
  '\uddfc',
  '<think>',
  '</think>',
  '\n\n',
  'data: ',
  '\u0000',
]

function textOf(dice: Dice): string {
  return Array.from({ length: dice(4) }, () => pick(dice, TEXTS) ?? '').join('')
}

function chunkOf(dice: Dice): string {
  const text = textOf(dice)
  const delta =
    pick(dice, [
      { content: text },
      { content: text },
      { content: text },
      { role: 'assistant', content: text },
      { content: text, refusal: null },
      { content: text, reasoning_content: 'same' },
      { content: null, reasoning_content: text },
      { reasoning_content: text },
      { content: [{ type: 'text', text }] },
      { content: text, tool_calls: [{ index: 0, id: 'call_1', function: { name: 'f', arguments: '{}' } }] },
    ]) ?? {}
  const more = pick(dice, [
    {},
    {},
    {},
    { usage: null },
    { usage: { prompt_tokens: 3, completion_tokens: 4 } },
    { model: 'other-model' },
    { system_fingerprint: 'fp_2' },
    { content: 'beside' },
    { obfuscation: textOf(dice) },
    { web_search: [{ link: 'https://a.example', title: text }] },
  ])
  const choice = pick(dice, [{}, {}, { finish_reason: null }, { logprobs: null }, { finish_reason: 'stop' }])
  const body = { id: 'chatcmpl-1', model: 'gpt', choices: [{ index: 0, delta, ...choice }], ...more }
  const data = dice(5) === 0 ? JSON.stringify(body, null, 1).replaceAll('\n', '') : JSON.stringify(body)
  return (
    pick(dice, [
      `data: ${data}\n\n`,
      `data: ${data}\n\n`,
      `data:${data}\n\n`,
      `: ping\ndata: ${data}\n\n`,
      `data: ${data}\r\n\r\n`,
      `id: 1\ndata: ${data}\n\n\n`,
    ]) ?? ''
  )
}

/** Deltas of a stream whose bytes come in such pieces, and how it failed. */
function deltasOf(decoder: StreamDecoder, pieces: readonly Uint8Array[]): readonly unknown[] {
  const deltas: unknown[] = []
  try {
    for (const piece of pieces) deltas.push(...decoder.push(piece))
    deltas.push(...decoder.end())
  } catch (error) {
    deltas.push(String(error))
  }
  return deltas
}

/** A decoder that parses every chunk. */
function parsing(on: typeof upstream): StreamDecoder {
  const { repeat: _, learn: __, ...reader } = createAnswerReader(on, countedIds())
  return createStreamDecoder(on, reader, { bytesMax: 1 << 20, endsWith: 'mark' })
}

function cut(dice: Dice, bytes: Uint8Array): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + dice(pick(dice, [3, 200, 2000]) ?? 1)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

describe('chunks that are not parsed again', () => {
  it('say the same as parsed ones, whatever comes and however it is cut', () => {
    for (let seed = 1; seed <= 400; seed += 1) {
      const dice = createDice(seed)
      const dialect = { ...upstream.dialect, thinkTags: dice(2) === 0, cumulative: dice(4) === 0 }
      const on = { ...upstream, dialect }
      const same = chunkOf(dice)
      const text = Array.from({ length: 30 }, () => (dice(2) === 0 ? same : chunkOf(dice))).join('')
      const bytes = Buffer.from(
        `${dice(3) === 0 ? '\ufeff' : ''}${text}${dice(2) === 0 ? 'data: [DONE]\n\n' : ''}`,
      )
      const byteByByte = Array.from(bytes, byte => Uint8Array.of(byte))
      const expected = deltasOf(parsing(on), byteByByte)
      expect(deltasOf(createChatStreamDecoder(on, countedIds()), cut(dice, bytes))).toEqual(expected)
      expect(deltasOf(createChatStreamDecoder(on, countedIds()), [bytes])).toEqual(expected)
    }
  })

  it('are known by all but their text', () => {
    const repeats = createRepeats()
    const chunk = (content: string) => JSON.stringify({ id: 'a', choices: [{ delta: { content } }] })
    expect(repeats.deltaOf(chunk('one'))).toBeUndefined()
    repeats.learn(chunk('one'), JSON.parse(chunk('one')))
    expect(repeats.deltaOf(chunk('two "quoted" 東京'))).toEqual({ content: 'two "quoted" 東京' })
    expect(repeats.deltaOf(chunk('two').replace('"a"', '"b"'))).toBeUndefined()
    expect(repeats.deltaOf(chunk('two').replace('two', 'two","role":"x'))).toBeUndefined()
  })

  it('are given up on where every chunk differs in more, until none is learnt', () => {
    const repeats = createRepeats()
    for (let round = 0; round < 10; round += 1) {
      const body = { id: String(round), choices: [{ delta: { content: 'x' } }] }
      expect(repeats.deltaOf(JSON.stringify(body))).toBeUndefined()
      repeats.learn(JSON.stringify(body), body)
    }
    expect(
      repeats.deltaOf(JSON.stringify({ id: '9', choices: [{ delta: { content: 'y' } }] })),
    ).toBeUndefined()
  })

  it('may say things that only the first one of them did not', () => {
    const decoder = createChatStreamDecoder(upstream, countedIds())
    const data = (content: string) =>
      `data: ${JSON.stringify({ id: 'a', choices: [{ delta: { content } }] })}\n\n`
    const deltas: Delta[] = []
    for (const text of ['a', 'b', '', 'c']) deltas.push(...decoder.push(Buffer.from(data(text))))
    expect(deltas.filter(({ type }) => type === 'text')).toEqual(
      ['a', 'b', 'c'].map(text => ({ type: 'text', text })),
    )
  })
})
