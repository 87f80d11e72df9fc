// What is known about one model: the shape that the catalogue fills and that routing, providers and pricing read.

/** A kind of content a model takes in or gives out; `embedding` only goes out. */
export type Modality = (typeof modalities)[number]
/** Where a model stands in its life; `shutdown` is gone for good. */
export type ModelStatus = (typeof statuses)[number]
/** The strongest response format that a model keeps to. */
export type StructuredOutput = (typeof structuredOutputs)[number]
/** Whether a model thinks before it answers, and whether a caller can choose. */
export type Reasoning = (typeof reasonings)[number]
/** A step of reasoning effort, from none to the most. */
export type ReasoningEffort = (typeof reasoningEfforts)[number]
/** An upstream endpoint that serves a model, relative to the provider's base URL. */
export type ModelEndpoint = (typeof endpoints)[number]
/** How good a model's answers are, from 1 (tiny) to 5 (frontier). */
export type Quality = (typeof qualities)[number]
/** How well the facts are founded; `assumed` is a model that nobody has described. */
export type Confidence = (typeof confidences)[number]

/** Every modality. */
export const modalities = ['text', 'image', 'pdf', 'video', 'audio', 'file', 'embedding'] as const
/** Every status. */
export const statuses = ['current', 'preview', 'legacy', 'deprecated', 'shutdown'] as const
/** Every level of structured output, weakest first. */
export const structuredOutputs = ['none', 'json_object', 'json_schema'] as const
/** Every stance on reasoning. */
export const reasonings = ['none', 'optional', 'always'] as const
/** Every effort, least first. */
export const reasoningEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
/** Every known endpoint. */
export const endpoints = [
  'chat/completions',
  'responses',
  'anthropic/v1/messages',
  'embeddings',
  'batch',
] as const
/** Every quality, least first. */
export const qualities = [1, 2, 3, 4, 5] as const
/** Every confidence, best first. */
export const confidences = ['high', 'medium', 'low', 'assumed'] as const

/**
 * What a model does with `temperature`: takes it within a range (without `min` itself when `minExcluded`),
 * takes it only while its reasoning effort is none (OpenAI from GPT-5.1), or must not be sent any.
 */
export type TemperatureRule =
  | { readonly kind: 'range'; readonly min: number; readonly max: number; readonly minExcluded: boolean }
  | { readonly kind: 'effort_none'; readonly min: number; readonly max: number }
  | { readonly kind: 'omit' }

/** Prices in nano-USD per million tokens; an absent one is billed at `input`. */
export interface ModelRate {
  readonly input: bigint
  readonly cachedInput: bigint | undefined
  readonly cacheWrite: bigint | undefined
  readonly output: bigint
}

/** The rate of a whole request that has more than `aboveInputTokens` input tokens. */
export interface PriceTier extends ModelRate {
  readonly aboveInputTokens: number
}

/** List prices of a model: the basic rate and the dearer tiers of long requests, lowest threshold first. */
export interface ModelPrice extends ModelRate {
  readonly tiers: readonly PriceTier[]
  /** What one search of the web costs, in nano-USD. Absent: not known. */
  readonly webSearch?: bigint | undefined
  /** What tiers of service cost, in thousandths of these rates, by name; one that is not here has no known price. Absent: all cost the same. */
  readonly serviceTiers?: Readonly<Record<string, bigint>> | undefined
}

/** Where the facts of an entry come from. */
export interface ModelSource {
  readonly limits: string
  readonly price: string
  readonly capabilities: string
}

/** One model of one provider. Sizes are in tokens; undefined is unknown, never unlimited. */
export interface ModelEntry {
  readonly provider: string
  /** The id in the exact case that the provider expects. */
  readonly id: string
  readonly aliases: readonly string[]
  readonly status: ModelStatus
  /** `YYYY-MM-DD`, or `YYYY-MM` where no day is known. */
  readonly released: string | undefined
  /** The announced last day, `YYYY-MM-DD`. */
  readonly shutdown: string | undefined
  readonly contextWindow: number | undefined
  readonly maxInputTokens: number | undefined
  readonly maxOutputTokens: number | undefined
  readonly modalitiesIn: readonly Modality[]
  readonly modalitiesOut: readonly Modality[]
  readonly tools: boolean
  readonly structuredOutput: StructuredOutput
  readonly reasoning: Reasoning
  /** The efforts that the model accepts; empty when it has no such setting or none is known. */
  readonly reasoningEfforts: readonly ReasoningEffort[]
  readonly defaultReasoningEffort: ReasoningEffort | undefined
  readonly temperature: TemperatureRule
  readonly endpoints: readonly ModelEndpoint[]
  readonly price: ModelPrice | undefined
  /** What the configuration says of its quality. Absent: what is known of its name, or guessed from its price. */
  readonly quality?: Quality | undefined
  readonly confidence: Confidence
  readonly source: ModelSource
  readonly notes: string
}
