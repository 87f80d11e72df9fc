// What each double says, reports and costs: numbers that no two providers share, so that a mixture shows.
import type { AnswerChange } from '../support/upstream/answer.ts'
import { PROVIDERS, type ProviderName, type Told, type Turn } from './scenario.ts'

/** By provider. The cost is worked out by hand: 1100 × 1 $/M + 110 × 10 $/M = 2,200,000 billionths, and so on. */
export const told: Readonly<Record<ProviderName, Told>> = {
  openai: {
    text: 'Apples are what this answer is about: one two three four five six seven eight.',
    inputTokens: 1100,
    outputTokens: 110,
    inputPrice: 1,
    outputPrice: 10,
    nanoUsd: 2_200_000,
  },
  glm: {
    text: 'Gooseberries are what this answer is about: nine ten eleven twelve thirteen fourteen.',
    inputTokens: 1200,
    outputTokens: 120,
    inputPrice: 2,
    outputPrice: 20,
    nanoUsd: 4_800_000,
  },
  kimi: {
    text: 'Kiwis are what this answer is about: fifteen sixteen seventeen eighteen nineteen twenty.',
    inputTokens: 1300,
    outputTokens: 130,
    inputPrice: 3,
    outputPrice: 30,
    nanoUsd: 7_800_000,
  },
  minimax: {
    text: 'Mangos are what this answer is about: thirty forty fifty sixty seventy eighty ninety.',
    inputTokens: 1400,
    outputTokens: 140,
    inputPrice: 4,
    outputPrice: 40,
    nanoUsd: 11_200_000,
  },
}

/** The model that each provider is asked for. */
export const models: Readonly<Record<ProviderName, string>> = {
  openai: 'gpt-4.1',
  glm: 'glm-4.6',
  kimi: 'kimi-k2.6',
  minimax: 'MiniMax-M2.5',
}

/** Who stands in for a provider: the next one in the circle. */
export const standIn = (provider: ProviderName): ProviderName =>
  PROVIDERS[(PROVIDERS.indexOf(provider) + 1) % PROVIDERS.length] ?? 'openai'

/** A tool call long enough to be cut in the middle. */
export const TOOL_CALL = {
  id: 'call_of_the_double',
  name: 'get_weather',
  arguments: '{"city":"Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"}',
} as const

/** A turn that says what is known of the provider, unless it says something else itself. */
export function scripted(turn: Turn, { text, inputTokens, outputTokens }: Told): Turn {
  const answer: AnswerChange = {
    text,
    reasoning: '',
    usage: { promptTokens: inputTokens, cachedTokens: 0, completionTokens: outputTokens, reasoningTokens: 0 },
    ...turn.answer,
  }
  return { ...turn, answer }
}

/** A turn in which the provider calls the tool and says nothing. */
export const callsTheTool: Turn = {
  answer: { text: null, toolCalls: [TOOL_CALL], style: { toolCalls: 'fragments' } },
}
