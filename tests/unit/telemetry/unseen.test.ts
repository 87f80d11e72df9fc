// Characters that JSON leaves as they are and a terminal or a viewer of logs would obey stand in the log as escapes.
import { expect, test } from 'vitest'
import { createScrubber } from '../../../src/telemetry/scrub.ts'

const { text, value } = createScrubber()

test.each([
  ['a C1 control that begins a sequence of a terminal', 'gpt\u009b31m', 'gpt\\u009b31m'],
  ['DEL', 'a\u007fb', 'a\\u007fb'],
  ['a separator of lines', 'a\u2028{"level":"info"}', 'a\\u2028{"level":"info"}'],
  ['a mark that turns the direction', 'user\u202etxt.exe', 'user\\u202etxt.exe'],
])('%s', (_, raw, written) => {
  expect(text(raw)).toBe(written)
  expect(value({ model: raw })).toEqual({ model: written })
})

test('what people write in their languages stays as it is', () => {
  const words = 'Grüße, 你好, שלום, \u{1f642}, tab\tand line\n'
  expect(text(words)).toBe(words)
})
