// Checks that an answer ends before a stop string wherever its pieces are cut, and that nothing is read behind it.
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../src/core/delta.ts'
import { createStopFinder, withStops } from '../../../src/providers/stops.ts'
import { attempt, collect, textOf } from './attempt.ts'

const stop: Delta = { type: 'finish', reason: FinishReason.STOP }
const pieces = (...texts: readonly string[]): readonly Delta[] => texts.map(text => ({ type: 'text', text }))

function source(batches: readonly (readonly Delta[])[]) {
  const seen = { read: 0, closed: false }
  const ask = async function* () {
    try {
      for (const batch of batches) {
        seen.read += 1
        yield batch
      }
    } finally {
      seen.closed = true
    }
  }
  return { ask, seen }
}

describe('a stop string', () => {
  it('is found wherever it is cut', () => {
    const whole = 'one END two'
    for (let one = 0; one <= whole.length; one += 1) {
      for (let two = one; two <= whole.length; two += 1) {
        const finder = createStopFinder(['END', 'never'])
        let said = ''
        for (const piece of [whole.slice(0, one), whole.slice(one, two), whole.slice(two)]) {
          const { text, stopped } = finder.take(piece)
          said += text
          if (stopped) break
        }
        expect(said, `${one} ${two}`).toBe('one ')
      }
    }
  })

  it('that only seems to begin is said', () => {
    const finder = createStopFinder(['<end>', 'aab'])
    expect(finder.take('a <en').text).toBe('a ')
    expect(finder.take('try aaa').text).toBe('<entry a')
    expect(finder.take('c').text).toBe('aac')
    expect(finder.take('<end').text).toBe('')
    expect(finder.rest()).toBe('<end')
  })

  it('that begins first counts', () => {
    expect(createStopFinder(['b', 'ab']).take('xabc')).toEqual({ text: 'x', stopped: true })
  })
})

describe('an answer with stop strings', () => {
  const input = attempt({ stop: ['END'] })

  it('ends there, and the rest is not read', async () => {
    const { ask, seen } = source([pieces('one E'), pieces('ND two'), pieces('three'), [stop]])
    const deltas = await collect(withStops(ask)(input))
    expect(deltas).toEqual([...pieces('one '), stop])
    expect(seen).toEqual({ read: 2, closed: true })
  })

  it('that came whole keeps its counts', async () => {
    const counts = {
      inputTokens: 1,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 9,
      reasoningTokens: 0,
    }
    const { ask } = source([[...pieces('one END two'), { type: 'usage', counts }, stop]])
    expect(await collect(withStops(ask)(input))).toEqual([...pieces('one '), { type: 'usage', counts }, stop])
  })

  it('without one in it is whole', async () => {
    const length: Delta = { type: 'finish', reason: FinishReason.LENGTH }
    const { ask } = source([pieces('one EN'), [length]])
    expect(await collect(withStops(ask)(input))).toEqual([...pieces('one ', 'EN'), length])
  })

  it('is not cut in its thoughts or in the arguments of tools', async () => {
    const all: readonly Delta[] = [
      { type: 'reasoning', text: 'END' },
      ...pieces('a E'),
      { type: 'tool_call_start', callId: 'c', name: 'f' },
      { type: 'tool_call_arguments', callId: 'c', text: '{"a":"END"}' },
      { type: 'tool_call_end', callId: 'c' },
      { type: 'finish', reason: FinishReason.TOOL_CALLS },
    ]
    const { ask } = source([all])
    const deltas = await collect(withStops(ask)(input))
    expect(textOf(deltas)).toBe('a E')
    expect(deltas.filter(({ type }) => type !== 'text')).toEqual(all.filter(({ type }) => type !== 'text'))
  })
})
