// What a call sees of the configuration: providers, models and names, numbered and never changed.

/** A provider that is asked over HTTP. */
export interface HttpProviderConfig {
  /** The adapter that speaks with it. */
  readonly kind: 'openai' | 'openai-compatible'
  /** `openai`, or the name from the config file. */
  readonly id: string
  /** Without a slash at its end; the paths of the wire are appended to it. */
  readonly baseUrl: string
  /** Empty: `openai` cannot be used then, and an `openai-compatible` one is asked without a key. */
  readonly apiKeys: readonly string[]
  /** Whether any `id/model` is passed on, known to us or not. */
  readonly openEnded: boolean
}

/** The provider in the process, which needs no account. */
export interface SandboxConfig {
  readonly kind: 'sandbox'
  readonly id: 'sandbox'
}

/** One provider of a Snapshot. */
export type ProviderConfig = HttpProviderConfig | SandboxConfig

/** Prices in USD per million tokens, as people write them. */
export interface PriceConfig {
  readonly input: number
  readonly output: number
  readonly cachedInput?: number | undefined
}

/** A model that the config file describes; what it leaves out stays as bundled, or is unknown. */
export interface ModelConfig {
  readonly provider: string
  readonly id: string
  readonly aliases?: readonly string[] | undefined
  /** In tokens. */
  readonly contextWindow?: number | undefined
  /** In tokens. */
  readonly maxOutputTokens?: number | undefined
  readonly price?: PriceConfig | undefined
  readonly capabilities?:
    | {
        readonly tools?: boolean | undefined
        readonly structuredOutput?: 'none' | 'json_object' | 'json_schema' | undefined
        readonly reasoning?: 'none' | 'optional' | 'always' | undefined
        readonly modalitiesIn?: readonly ('text' | 'image')[] | undefined
      }
    | undefined
}

/** A name of one's own for a model, matched without letter case. */
export interface AliasConfig {
  readonly alias: string
  /** An id or `provider/id`; never another alias. */
  readonly model: string
}

/** One state of the configuration; a call keeps the one it began with. */
export interface Snapshot {
  /** Counts up from 1 with each change. */
  readonly version: number
  /** In the order in which they are asked: those of the environment, those of the file, the sandbox. */
  readonly providers: readonly ProviderConfig[]
  readonly models: readonly ModelConfig[]
  readonly aliases: readonly AliasConfig[]
}

/** Makes a Snapshot that nobody can change, whatever happens to what it was made from. */
export function createSnapshot(content: Snapshot): Snapshot {
  return deepFreeze(structuredClone(content))
}

/** Freezes a value of plain objects and lists to the ground, and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
