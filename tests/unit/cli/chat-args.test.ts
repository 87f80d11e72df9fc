// The arguments of `exai chat`.
import { expect, test } from 'vitest'
import { chatArgs } from '../../../src/cli/chat-args.ts'

test('nothing is a question to auto that stands elsewhere', () => {
  expect(chatArgs([])).toEqual({
    question: '',
    takesInput: false,
    model: 'auto',
    system: undefined,
    maxOutputTokens: undefined,
    files: [],
    conversation: undefined,
    isJson: false,
    showsReasoning: false,
    credential: undefined,
  })
})

test('words are one question, a dash asks for standard input, and options stand anywhere', () => {
  const args = ['what', '-m', 'gpt', 'is', '-', '--file', 'a', '-f', 'b', 'this?', '--max-output-tokens=7']
  expect(chatArgs(args)).toMatchObject({
    question: 'what is this?',
    takesInput: true,
    model: 'gpt',
    files: ['a', 'b'],
    maxOutputTokens: 7,
  })
  expect(chatArgs(['--', '--json'])).toMatchObject({ question: '--json', isJson: false })
})

test('help wins over everything else', () => {
  expect(chatArgs(['hello', '-h'])).toBe('help')
})

test.each([
  ['0', 'above 0'],
  ['-1', 'argument is ambiguous'],
  ['1.5', 'above 0'],
  ['many', 'above 0'],
  ['2147483648', 'above 0'],
])('a cap of %s is refused', (tokens, message) => {
  expect(() => chatArgs(['--max-output-tokens', tokens])).toThrow(message)
})
