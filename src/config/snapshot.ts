// What a call sees of the configuration: providers, models and names, numbered and never changed.
import type { Limit, Policy } from '../core/limits.ts'
import type { LogLevel } from '../core/log.ts'
import type { Quality } from '../core/model.ts'

/** Well-known hosts of the chat completions wire, and whether they want a key. */
export const PRESETS = {
  ollama: { wantsKey: false },
  vllm: { wantsKey: false },
  'llama.cpp': { wantsKey: false },
  deepseek: { wantsKey: true },
  openrouter: { wantsKey: true },
} as const

/** The name of such a host. */
export type PresetName = keyof typeof PRESETS

/** The adapters that speak over HTTP, and whether they want a key. */
export const HTTP_KINDS = {
  openai: { wantsKey: true },
  glm: { wantsKey: true },
  kimi: { wantsKey: true },
  minimax: { wantsKey: true },
  'openai-compatible': { wantsKey: false },
} as const

/** The name of such an adapter. */
export type HttpKind = keyof typeof HTTP_KINDS

/** One key of a provider. */
export interface KeyConfig {
  readonly secret: string
  /** Stands for the key wherever one is named; no two keys of a provider have the same. */
  readonly label: string
  /** Of its region or plan, without a slash at its end. Absent: the provider's. */
  readonly baseUrl?: string | undefined
  /** Keys of one account share its limits and its bill. Absent: an account of its own. */
  readonly account?: string | undefined
  /** Most calls at once, from 1 on; of the keys of one account the smallest counts, for all of them together. Absent: no limit. */
  readonly maxConcurrent?: number | undefined
}

/** A provider that is asked over HTTP. */
export interface HttpProviderConfig {
  /** The adapter that speaks with it. */
  readonly kind: HttpKind
  /** `openai glm kimi minimax`, or the name from the config file. */
  readonly id: string
  /** The host of which the adapter knows the ways. Absent: none. */
  readonly preset?: PresetName | undefined
  /** Without a slash at its end; the paths of the wire are appended to it. Absent: the one of the kind or preset. */
  readonly baseUrl?: string | undefined
  /** Empty: a kind or preset that wants a key cannot be used then, and another is asked without one. */
  readonly keys: readonly KeyConfig[]
  /** Header fields of every request. Absent: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
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
  readonly cacheWrite?: number | undefined
  /** Dearer rates of whole requests with more than so many input tokens. */
  readonly tiers?: readonly (Omit<PriceConfig, 'tiers' | 'webSearch'> & {
    readonly aboveInputTokens: number
  })[]
  /** In USD for one search of the web. */
  readonly webSearch?: number | undefined
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
  /** From 1 (tiny) to 5 (frontier). Absent: as bundled, or guessed. */
  readonly quality?: Quality | undefined
  readonly capabilities?:
    | {
        readonly tools?: boolean | undefined
        readonly structuredOutput?: 'none' | 'json_object' | 'json_schema' | undefined
        readonly reasoning?: 'none' | 'optional' | 'always' | undefined
        readonly modalitiesIn?: readonly ('text' | 'image')[] | undefined
        readonly modalitiesOut?: readonly ('text' | 'embedding')[] | undefined
      }
    | undefined
}

/** A name of one's own for a model, matched without letter case. */
export interface AliasConfig {
  readonly alias: string
  /** An id or `provider/id`; never another alias. */
  readonly model: string
}

/** Most calls at once of a provider, or of one of its models. */
export interface LimitConfig {
  readonly provider: string
  /** Absent: all models of the provider together. */
  readonly model?: string | undefined
  /** From 1 on. */
  readonly maxConcurrent: number
}

/** Who is asked when nobody can be asked for a model any more, where the request itself names no others. */
export interface ChainConfig {
  /** As requests name it: an id, `provider/id` or an alias, matched without letter case; no two chains are alike. */
  readonly model: string
  /** Names in the order in which they are asked, at least one; `auto` may be among them. */
  readonly fallbacks: readonly string[]
}

/** How calls wait where a limit leaves no room. */
export interface QueueConfig {
  /** Most that wait for one provider, model or provider's keys; 0: none. */
  readonly maxWaiting: number
  /** In milliseconds. */
  readonly maxWaitMs: number
}

/** When a circuit opens, and for how long. */
export interface CircuitConfig {
  /** How many of the last calls are judged, from 1 on. */
  readonly window: number
  /** Fewer calls are not judged; from 1 to the window. */
  readonly callsMin: number
  /** Share of failed calls, above 0 to 100. */
  readonly failurePercent: number
  /** In milliseconds. */
  readonly openMs: number
}

/** How calls find their way, beside who there is. */
export interface RoutingConfig {
  readonly limits: readonly LimitConfig[]
  readonly chains: readonly ChainConfig[]
  readonly queue: QueueConfig
  readonly circuit: CircuitConfig
}

/** What holds where the config file says nothing. */
export const DEFAULT_ROUTING: RoutingConfig = {
  limits: [],
  chains: [],
  queue: { maxWaiting: 100, maxWaitMs: 10_000 },
  circuit: { window: 20, callsMin: 10, failurePercent: 50, openMs: 30_000 },
}

/** What tenants and models may use, and what tenants may ask for. `*` stands for each tenant without an entry of its own. */
export interface RulesConfig {
  readonly tenants: readonly { readonly tenant: string; readonly limits: readonly Limit[] }[]
  /** Limits for everybody together, each of one model. */
  readonly models: readonly Limit[]
  readonly policies: readonly { readonly tenant: string; readonly policy: Policy }[]
}

/** One state of the configuration; a call keeps the one it began with. */
export interface Snapshot extends RoutingConfig {
  /** Counts up from 1 with each change. */
  readonly version: number
  /** How many workers divide every limit of calls at once among them: this is the part of one. Absent: one process has all of it. */
  readonly dividedBy?: number | undefined
  /** In the order in which they are asked: the four that need no entry in the file, those of the file, the sandbox. */
  readonly providers: readonly ProviderConfig[]
  readonly models: readonly ModelConfig[]
  readonly aliases: readonly AliasConfig[]
  /** Absent: nothing is limited, and everything may be asked for. */
  readonly rules?: RulesConfig | undefined
  /** The least serious lines that are logged. Absent: as the settings say. */
  readonly logLevel?: LogLevel | undefined
}

/** Every key of a Snapshot, so that a log can keep them out. */
export function secretsOf({ providers }: Snapshot): readonly string[] {
  return providers.flatMap(one => (one.kind === 'sandbox' ? [] : one.keys.map(key => key.secret)))
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
