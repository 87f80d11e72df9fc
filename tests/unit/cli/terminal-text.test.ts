// What text from outside may be on a terminal: everything that is read, and nothing that steers.
import { expect, test } from 'vitest'
import { safeJson, safeLine, safeText } from '../../../src/cli/terminal-text.ts'

test.each([
  ['colours and titles', 'a\u001b[31mb\u001b]0;title\u0007c', 'a[31mb]0;titlec'],
  ['controls of eight bits', 'a\u009b2Jb\u0085c\u009dd', 'a2Jbcd'],
  ['what goes back over the line', 'abc\rX\b\b\u007f', 'abcX'],
  ['what turns the writing around', 'a\u202eb\u2066c\u2069d', 'abcd'],
])('an answer is shown without %s', (_, text, shown) => {
  expect(safeText(text)).toBe(shown)
})

test('an answer keeps its lines, its tabs and its scripts', () => {
  const text = 'one\n\ttwo 東京 👩‍👩‍👧 नमस्ते שלום\n'
  expect(safeText(text)).toBe(text)
})

test('an answer that comes in pieces is as safe as a whole one', () => {
  const pieces = ['a\u001b', '[31', 'mb\u001b]0;', 't\u0007']
  expect(pieces.map(safeText).join('')).toBe(safeText(pieces.join('')))
})

test('a name is one line with a mark for what is not seen', () => {
  expect(safeLine('a\u001b[2J\nb\u202e\u2028\tc')).toBe('a\ufffd[2J\ufffdb\ufffd\ufffd\ufffdc')
})

test('JSON has the same value and no such character', () => {
  const value = { text: 'a\u001b[31m\u009b\u007f\u202eb\n"' }
  const json = safeJson(JSON.stringify(value))
  expect(json).not.toMatch(/[^\P{Cc}]|\u202e/u)
  expect(JSON.parse(json)).toEqual(value)
})
