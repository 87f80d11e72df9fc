// What every kind of provider is made from.
import type { PresetName } from '../config/snapshot.ts'
import type { Clock } from '../core/clock.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'
import type { FetchMedia } from './fetch-media.ts'
import type { Keep } from './keep.ts'
import type { KeySettings, KeyState } from './keys.ts'
import type { Dialect } from './openai-dialect/dialect.ts'

/** The settings of one configured provider. */
export interface ProviderSettings {
  /** `openai glm kimi minimax sandbox`, or the name from the config file. */
  readonly id: string
  /** The exact prefix to which `/chat/completions` is appended, with or without a slash at its end. Default: the kind's own. */
  readonly baseUrl?: string | undefined
  /** The host of which the kind knows the ways. Default: none. */
  readonly preset?: PresetName | undefined
  /** Each attempt takes the one that is used least; a bare text is labelled by its place, such as `key-1`. Empty: none. */
  readonly keys: readonly (KeySettings | string)[]
  /** Header fields of every request, such as an organisation's id. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Models that it serves beside those of the catalogue. Default: none. */
  readonly models?: readonly ModelEntry[] | undefined
  /** Rules of the host that differ from its kind's. Default: none. */
  readonly quirks?: Partial<Dialect> | undefined
  /** How long connecting may take, in milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number | undefined
  /** Downloads media that a host takes only as bytes. Absent: such media are refused. */
  readonly fetchMedia?: FetchMedia | undefined
  /** Default: the machine's own. */
  readonly clock?: Clock | undefined
  /** Where its keys' records and its connections are, which it shares with those before and after it. Default: it has its own. */
  readonly keep?: Keep | undefined
  /** Takes every key that goes out; the key itself is not in it. */
  readonly onKeyOut?: ((state: KeyState) => void) | undefined
}

/** Makes a provider of one kind. Throws INVALID_REQUEST for settings that cannot work. */
export type ProviderFactory = (settings: ProviderSettings) => Provider
