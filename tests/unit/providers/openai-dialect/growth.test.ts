// Checks that pieces are told from repetitions, and that what is said is the same as what was meant.
import { describe, expect, it } from 'vitest'
import { createGrowth } from '../../../../src/providers/openai-dialect/growth.ts'

function joined(pieces: readonly string[]): string {
  const growth = createGrowth()
  return pieces.map(piece => growth.take(piece)).join('') + growth.rest()
}

const words = 'The quick brown fox jumps over the lazy dog'.match(/\S+\s*/g) ?? []
const grown = words.map((_, index) => words.slice(0, index + 1).join(''))

describe('pieces of a text', () => {
  it('are said one after the other', () => {
    expect(joined(words)).toBe('The quick brown fox jumps over the lazy dog')
    expect(joined(['', 'a', '', 'b'])).toBe('ab')
    expect(joined([])).toBe('')
  })

  it('that repeat all that came before are said once', () => {
    expect(joined(grown)).toBe('The quick brown fox jumps over the lazy dog')
    expect(joined([...grown, grown.at(-1) ?? ''])).toBe('The quick brown fox jumps over the lazy dog')
    expect(joined(['sixteen letters!', 'sixteen letters! and more'])).toBe('sixteen letters! and more')
  })

  it('that begin like the text by chance are pieces', () => {
    expect(joined(['ha', 'haha'])).toBe('hahaha')
    expect(joined(['ha', 'haha', '!'])).toBe('hahaha!')
    expect(joined(['one', 'one', 'two'])).toBe('oneonetwo')
    expect(joined(['a ', 'b ', 'a b c'])).toBe('a b a b c')
  })

  it('may begin to repeat late', () => {
    expect(joined(['The quick ', 'brown fox ', 'The quick brown fox jumps'])).toBe(
      'The quick brown fox jumps',
    )
  })

  it('are held back no longer than they are unclear', () => {
    const growth = createGrowth()
    expect(growth.take('ha')).toBe('ha')
    expect(growth.take('haha')).toBe('')
    expect(growth.take('!')).toBe('haha!')
    expect(growth.take('more')).toBe('more')
  })
})
