// What every kind of provider is made from.
import type { Clock } from '../core/clock.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'
import type { Dialect } from './openai-dialect/dialect.ts'

/** The settings of one configured provider. */
export interface ProviderSettings {
  /** `openai glm kimi minimax sandbox`, or the name from the config file. */
  readonly id: string
  /** The exact prefix to which `/chat/completions` is appended, with or without a slash at its end. Default: the kind's own. */
  readonly baseUrl?: string
  /** Used in turn. Empty: none. */
  readonly keys: readonly string[]
  /** Models that it serves beside those of the catalogue. Default: none. */
  readonly models?: readonly ModelEntry[]
  /** Rules of the host that differ from its kind's. Default: none. */
  readonly quirks?: Partial<Dialect>
  /** How long connecting may take, in milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number
  /** Default: the machine's own. */
  readonly clock?: Clock
}

/** Makes a provider of one kind. Throws INVALID_REQUEST for settings that cannot work. */
export type ProviderFactory = (settings: ProviderSettings) => Provider
