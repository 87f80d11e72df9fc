// Checks that the recorded streams of every provider are read right, and the same wherever their bytes are cut.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { glmDialect } from '../../../src/providers/glm.ts'
import { kimiDialect } from '../../../src/providers/kimi.ts'
import { miniMaxDialect } from '../../../src/providers/minimax.ts'
import { compatibleDialect } from '../../../src/providers/openai-compatible.ts'
import type { Dialect } from '../../../src/providers/openai-dialect/dialect.ts'
import { createChatStreamDecoder } from '../../../src/providers/openai-dialect/stream.ts'
import { presets } from '../../../src/providers/presets.ts'
import { countedIds, textOf, upstream } from './attempt.ts'
import { callsOf, countsOf, thoughtsOf } from './known.ts'

const root = new URL('../../fixtures/providers/', import.meta.url)
const dialects: Readonly<Record<string, Dialect>> = {
  glm: glmDialect('search_pro_jina'),
  kimi: kimiDialect,
  minimax: miniMaxDialect,
  compatible: { ...compatibleDialect, ...presets.openrouter.quirks },
}

interface Outcome {
  readonly deltas: readonly Delta[]
  readonly error: GatewayError | undefined
}

function decode(provider: string, chunks: readonly Uint8Array[]): Outcome {
  const dialect = dialects[provider]
  if (dialect === undefined) throw new Error(`${provider} has no dialect here`)
  const decoder = createChatStreamDecoder({ ...upstream, provider, dialect }, countedIds())
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

/** Thoughts, text, calls, counts (input, cached, output, reasoning), finish or error, and what else there is. */
const expected: Readonly<Record<string, readonly unknown[]>> = {
  'glm/text': ['Hm, 東京.', 'Grüezi 🗼', [], [20, 8, 12, 7], FinishReason.STOP],
  'glm/tools': [
    'Look it up.',
    '',
    [['get_weather', '{"city":"Zürich"}']],
    [20, 8, 12, 7],
    FinishReason.TOOL_CALLS,
  ],
  'glm/search': ['', 'Found: yes.', [], [20, 8, 12, 7], FinishReason.STOP],
  'glm/tags': ['A < B', '42 <|x', [], [20, 8, 12, 7], FinishReason.STOP],
  'glm/error': ['', 'Once', [], undefined, 'UPSTREAM_BROKEN 1305'],
  'kimi/usage-in-choice': ['思考。', 'Yes', [], [19, 16, 13, 0], FinishReason.STOP],
  'kimi/tools': [
    'Two.',
    '',
    [
      ['get_weather', '{"city":"Bern"}'],
      ['get_weather', '{}'],
    ],
    [19, 19, 13, 0],
    FinishReason.TOOL_CALLS,
  ],
  'kimi/error': ['', 'Al', [], undefined, 'UPSTREAM_BROKEN engine_overloaded_error'],
  'minimax/details': [
    'Let me see 東京.',
    'It is late.',
    [['get_time', '{"city":"東京"}']],
    [30, 5, 10, 4],
    FinishReason.TOOL_CALLS,
  ],
  'minimax/mirrored': ['Let me see.', 'It is late.', [], [30, 5, 10, 4], FinishReason.STOP],
  'minimax/cumulative': [
    'Let me see the clock first. Now.',
    'It is late in Tokyo, I fear.',
    [],
    [30, 5, 10, 4],
    FinishReason.STOP,
  ],
  'minimax/base-resp': ['', 'Well, ', [], undefined, 'CONTENT_REFUSED 1027'],
  'minimax/refused': ['', '', [], undefined, 'UPSTREAM_CREDENTIALS 1008'],
  'compatible/openrouter': ['Hm.', 'Four', [], [3, 1, 2, 0], FinishReason.STOP],
  'compatible/think': ['2+2', 'Four </think>', [], undefined, FinishReason.STOP],
}

function summary({ deltas, error }: Outcome): readonly unknown[] {
  const counts = countsOf(deltas)
  const finish = deltas.flatMap(delta => (delta.type === 'finish' ? [delta.reason] : []))
  return [
    thoughtsOf(deltas),
    textOf(deltas),
    callsOf(deltas),
    counts && [counts.inputTokens, counts.cachedInputTokens, counts.outputTokens, counts.reasoningTokens],
    error === undefined ? finish[0] : `${error.reason} ${error.details.upstreamCode}`,
  ]
}

const details = (deltas: readonly Delta[]): readonly unknown[] =>
  deltas.flatMap(delta =>
    delta.type === 'reasoning_opaque' ? [JSON.parse(Buffer.from(delta.opaque).toString('utf8'))] : [],
  )

it('has an expectation for every recording', () => {
  const files = Object.keys(dialects).flatMap(provider =>
    readdirSync(new URL(provider, root)).map(file => `${provider}/${file.replace(/\.sse$/, '')}`),
  )
  expect(files.sort()).toEqual(Object.keys(expected).sort())
})

describe.each(Object.entries(expected))('the recorded stream %s', (name, said) => {
  const [provider = ''] = name.split('/')
  const bytes = readFileSync(new URL(`${name}.sse`, root))
  const whole = decode(provider, [bytes])

  it('is read into what was said', () => {
    expect(summary(whole)).toEqual(said)
  })

  it('says the same when it is cut in two at any byte, and byte by byte', () => {
    const cuts = Array.from({ length: bytes.length - 1 }, (_, at) => [
      bytes.subarray(0, at + 1),
      bytes.subarray(at + 1),
    ])
    for (const chunks of [...cuts, [...bytes].map(byte => Uint8Array.of(byte))]) {
      const { deltas, error } = decode(provider, chunks)
      expect(deltas, `cut at ${chunks[0]?.length}`).toEqual(whole.deltas)
      expect(error?.message).toBe(whole.error?.message)
    }
  })
})

describe('what is told once', () => {
  it('is each source of a search', () => {
    const { deltas } = decode('glm', [readFileSync(new URL('glm/search.sse', root))])
    expect(deltas.filter(({ type }) => type === 'citation')).toEqual([
      { type: 'citation', url: 'https://example.com/ü', title: 'Ergebnis', text: 'Text' },
    ])
  })

  it('are the details of the reasoning, before the text', () => {
    const { deltas } = decode('minimax', [readFileSync(new URL('minimax/details.sse', root))])
    expect(details(deltas)).toEqual([
      [
        {
          type: 'reasoning.text',
          id: 'reasoning-text-1',
          format: 'MiniMax-response-v1',
          index: 0,
          text: 'Let me see 東京.',
        },
      ],
    ])
    const types = deltas.map(({ type }) => type)
    expect(types.indexOf('reasoning_opaque')).toBe(types.indexOf('text') - 1)
    const router = decode('compatible', [readFileSync(new URL('compatible/openrouter.sse', root))])
    expect(details(router.deltas)).toEqual([
      [{ type: 'reasoning.text', index: 0, text: 'Hm.', signature: 'sig' }],
    ])
  })
})
