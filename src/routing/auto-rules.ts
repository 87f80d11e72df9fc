// What kind of model a request wants: a table, read from the top, of which the first row that fits decides.
import type { Quality } from '../core/model.ts'
import { type AutoFacts, asksForNoThought, asksForThought } from './auto-facts.ts'

/** What counts in the choice, and how much: each weighs a share, and together they are 1. */
export interface Weights {
  readonly quality: number
  readonly cost: number
  readonly latency: number
  readonly success: number
}

/** One row. */
export interface AutoRule {
  /** What the reason of the choice calls it: words of this file only, never the caller's. */
  readonly name: string | ((facts: AutoFacts) => string)
  readonly when: (facts: AutoFacts) => boolean
  /** The quality that is good enough: a better model gets no credit for being better. */
  readonly wants: Quality
  /** Worse models come only after all others. */
  readonly least: Quality
  /** Whether models that cannot think before they answer come only after all others. */
  readonly mustThink?: true
  /** Tokens that the answer is expected to have, where the request does not cap it below. */
  readonly outputTokens: number
  /** What moves between the weights. */
  readonly shift?: Partial<Weights>
}

/** Input from here on is long, in tokens: a tenth of a large book, and no small model's strength. */
export const LONG_INPUT_TOKENS = 48_000
/** A chat from here on is long, in messages. */
export const LONG_CHAT_MESSAGES = 20

/** Tasks, by the name in `metadata.task`: those that need thought, those that need it in their last step, and quick ones. */
const DEEP = new Set(['thinkdeep', 'consensus', 'docgen', 'secaudit'])
const STEPWISE = new Set(['analyze', 'codereview', 'debug', 'refactor', 'testgen', 'planner'])
const QUICK = new Set([
  'chat',
  'precommit',
  'tracer',
  'status',
  'activity',
  'version',
  'listmodels',
  'provider_capabilities',
])

const haste = { cost: -0.08, latency: 0.08 }
const thrift = { cost: 0.08, latency: -0.08 }

const task = (facts: AutoFacts): string => `task ${facts.task}`
const taskInDepth = (facts: AutoFacts): string => `task ${facts.task} in depth`

// biome-ignore format: one row is one line, so that the table can be read as one.
/** The table. What the caller says comes first, then what the request is made of. The last row fits everything. */
export const AUTO_RULES: readonly AutoRule[] = [
  { name: 'high effort',      when: f => asksForThought(f.effort),               wants: 5, least: 3, outputTokens: 2_000, mustThink: true },
  { name: taskInDepth,        when: f => STEPWISE.has(f.task) && f.isDeep,       wants: 5, least: 3, outputTokens: 2_000 },
  { name: task,               when: f => DEEP.has(f.task),                       wants: 5, least: 3, outputTokens: 2_000 },
  { name: task,               when: f => STEPWISE.has(f.task),                   wants: 4, least: 2, outputTokens: 1_000 },
  { name: task,               when: f => QUICK.has(f.task),                      wants: 2, least: 1, outputTokens:   500, shift: haste },
  { name: 'tool use',         when: f => f.tools > 0,                            wants: 4, least: 3, outputTokens:   500 },
  { name: 'long input',       when: f => f.inputTokens >= LONG_INPUT_TOKENS,     wants: 3, least: 3, outputTokens: 1_000, shift: thrift },
  { name: 'media',            when: f => f.media > 0,                            wants: 3, least: 2, outputTokens:   500 },
  { name: 'code',             when: f => f.hasCode,                              wants: 4, least: 2, outputTokens: 1_000 },
  { name: 'answer by schema', when: f => f.wantsSchema,                          wants: 3, least: 2, outputTokens:   500 },
  { name: 'web search',       when: f => f.webSearch,                            wants: 3, least: 2, outputTokens: 1_000 },
  { name: 'no effort',        when: f => asksForNoThought(f.effort),             wants: 2, least: 1, outputTokens:   500, shift: haste },
  { name: 'long chat',        when: f => f.messages >= LONG_CHAT_MESSAGES,       wants: 4, least: 1, outputTokens:   500 },
  { name: 'chat',             when: () => true,                                  wants: 3, least: 1, outputTokens:   500 },
]

const plainChat: AutoRule = { name: 'chat', when: () => true, wants: 3, least: 1, outputTokens: 500 }

/** The row that decides for a request. */
export function ruleFor(facts: AutoFacts): AutoRule {
  return AUTO_RULES.find(rule => rule.when(facts)) ?? plainChat
}
