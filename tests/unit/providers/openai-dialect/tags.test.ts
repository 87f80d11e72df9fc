// Checks that thoughts and marks are taken out of a text however their tags are cut.
import { describe, expect, it } from 'vitest'
import { createTagFilter, createThinkSplitter } from '../../../../src/providers/openai-dialect/tags.ts'

function parted(pieces: readonly string[]): readonly [string, string] {
  const splitter = createThinkSplitter()
  const all = [...pieces.map(piece => splitter.take(piece)), splitter.rest()]
  return [all.map(({ thought }) => thought).join(''), all.map(({ text }) => text).join('')]
}

/** Every way to cut a text in three. */
function* cuts(text: string): Generator<readonly string[]> {
  for (let one = 0; one <= text.length; one += 1)
    for (let two = one; two <= text.length; two += 1)
      yield [text.slice(0, one), text.slice(one, two), text.slice(two)]
}

describe('thoughts in a text', () => {
  it.each([
    ['<think>a < b</think>text', 'a < b', 'text'],
    ['\n <think>\nhm\n\nso\n</think>\n\n a </think> b', 'hm\n\nso', 'a </think> b'],
    ['<think></think>text', '', 'text'],
    ['<think>never ends </thi', 'never ends </thi', ''],
    ['text <think>no</think>', '', 'text <think>no</think>'],
    ['<thin air', '', '<thin air'],
    ['<think', '', '<think'],
    ['  ', '', '  '],
    ['', '', ''],
  ])('of %j are parted, however it is cut', (whole, thought, text) => {
    for (const pieces of cuts(whole)) expect(parted(pieces), JSON.stringify(pieces)).toEqual([thought, text])
  })
})

describe('marks in a text', () => {
  const tags = ['<|begin_of_box|>', '<|end_of_box|>']
  it.each([
    ['a <|begin_of_box|>42<|end_of_box|> b', 'a 42 b'],
    ['<|begin_of_box|><|begin_of_box|>', ''],
    ['<|begin_of', '<|begin_of'],
    ['a < b <| c', 'a < b <| c'],
  ])('of %j are taken out, however it is cut', (whole, text) => {
    for (const pieces of cuts(whole)) {
      const filter = createTagFilter(tags)
      expect(pieces.map(piece => filter.take(piece)).join('') + filter.rest(), JSON.stringify(pieces)).toBe(
        text,
      )
    }
  })
})
