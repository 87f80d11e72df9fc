// The models that the Kimi double knows: how each thinks, which fields it takes, where its stream has the usage.

/** How a generation of models behaves. */
export type KimiFamily = {
  /**
   * `optional`: a thinking object may switch it off. `always`: a thinking object may only say enabled. `effort`: always,
   * steered by reasoning_effort and by no object. `never`: no thinking at all.
   */
  readonly thinking: 'optional' | 'always' | 'effort' | 'never'
  /** Whether `thinking.keep` may be sent. */
  readonly keep: boolean
  /** Whether `tool_choice: required` is taken while it thinks. */
  readonly requiredWhileThinking: boolean
  /** Whether temperature, top_p, n and the penalties are fixed. */
  readonly fixedSampling: boolean
  readonly media: boolean
  /** Whether a system message may carry tools. */
  readonly toolsInMessages: boolean
  readonly cacheOptions: boolean
  /** Where a stream has its usage unless a test says otherwise. */
  readonly usageIn: 'choice' | 'final'
}

/** A served model. */
export type KimiModel = {
  readonly id: string
  readonly contextTokens: number
  readonly family: KimiFamily
}

const k25: KimiFamily = {
  thinking: 'optional',
  keep: false,
  requiredWhileThinking: false,
  fixedSampling: true,
  media: true,
  toolsInMessages: false,
  cacheOptions: false,
  usageIn: 'choice',
}
const k26: KimiFamily = { ...k25, keep: true }
const k27: KimiFamily = { ...k26, thinking: 'always' }
const k3: KimiFamily = {
  ...k25,
  thinking: 'effort',
  requiredWhileThinking: true,
  toolsInMessages: true,
  usageIn: 'final',
}
const k31: KimiFamily = { ...k3, cacheOptions: true }
const moonshot: KimiFamily = { ...k25, thinking: 'never', fixedSampling: false, media: false }

const CONTEXT_K2 = 262_144
const CONTEXT_K3 = 1_048_576

const known: readonly KimiModel[] = [
  { id: 'kimi-k3.1-pro', contextTokens: CONTEXT_K3, family: k31 },
  { id: 'kimi-k3.1-pro-highspeed', contextTokens: CONTEXT_K3, family: k31 },
  { id: 'kimi-k3', contextTokens: CONTEXT_K3, family: k3 },
  { id: 'kimi-k2.7-code', contextTokens: CONTEXT_K2, family: k27 },
  { id: 'kimi-k2.7-code-highspeed', contextTokens: CONTEXT_K2, family: k27 },
  { id: 'kimi-k2.6', contextTokens: CONTEXT_K2, family: k26 },
  { id: 'kimi-k2.5', contextTokens: CONTEXT_K2, family: k25 },
  { id: 'moonshot-v1-8k', contextTokens: 8_192, family: moonshot },
  { id: 'moonshot-v1-32k', contextTokens: 32_768, family: moonshot },
  { id: 'moonshot-v1-128k', contextTokens: 131_072, family: moonshot },
]

/** The ids that are served unless a test says otherwise: all but the retired moonshot-v1. */
export const kimiModels: readonly string[] = known
  .filter(model => model.family !== moonshot)
  .map(model => model.id)

/** Finds a model by its exact id among the served ids; an id that Kimi does not have behaves like kimi-k3. */
export function findKimiModel(name: string, served: readonly string[]): KimiModel | undefined {
  if (!served.includes(name)) return undefined
  return known.find(model => model.id === name) ?? { id: name, contextTokens: CONTEXT_K3, family: k3 }
}
