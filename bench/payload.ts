// What is asked and answered in every run: the model, the prompts, and the fixed texts of the fake provider.

import { createRandom } from './random.ts'

/** A plain model: no reasoning, every usual parameter taken. */
export const MODEL = 'gpt-4.1-mini'

/** The method that is measured, by whether it streams. */
export const PATHS = {
  unary: '/exai.v1.ChatService/Complete',
  stream: '/exai.v1.ChatService/StreamComplete',
} as const

/** Milliseconds between two events of a paced stream. */
export const PACE_MS = 10

/** The words in a prompt by which the fake provider knows how to answer. */
export const MANNER_WORDS = {
  unary: 'in-one-go',
  stream: 'in-one-go',
  paced: 'with-pauses',
  silent: 'without-a-word',
} as const satisfies Record<Kind, string>

/** The text of every unary answer; an answer of the fake provider is about 400 bytes with it. */
export const ANSWER_TEXT =
  'The fixed answer of the benchmark: it is always the same sentence, so that each reply can be checked.'

/** Text events of every streamed answer. */
export const TOKENS = 100

/** What every text event begins with, so that they can be counted without parsing. */
export const TOKEN_MARK = '#tok'

/** The texts of the streamed answer, 20 bytes each. */
export const tokenTexts: readonly string[] = Array.from(
  { length: TOKENS },
  (_, index) => `${TOKEN_MARK}${String(index).padStart(4, '0')} and so on, `,
)

/** How a call is answered: at once, as a stream in one go, as a stream with pauses, or as one that never begins. */
export type Kind = 'unary' | 'stream' | 'paced' | 'silent'

/** The prompt of a call; `call` names it to the fake provider. With `bytes` it is filled up to that length with other words. */
export function promptOf(kind: Kind, call = 0, bytes = 0): string {
  const asked = `Call ${call}; say what you always say, ${MANNER_WORDS[kind]}, and mind that this sentence is about as long as a question is.`
  if (asked.length >= bytes) return asked
  const random = createRandom(1)
  let text = asked
  while (text.length < bytes) text += ` ${WORDS[Math.floor(random() * WORDS.length)]}`
  return text.slice(0, bytes)
}

// What prompts are filled up with: words of several lengths, as text has them.
const WORDS: readonly string[] =
  'the of and answer question customer invoice, system which deliver because yesterday; maintenance a in 4711 report'.split(
    ' ',
  )

/** The number in a prompt, wherever it stands in a text. */
export function callIn(text: string): number | undefined {
  const found = /Call (\d+);/.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}
