// A provider on the chat completions wire: its pool, its keys in turn, its dialect.
import { systemClock } from '../../core/clock.ts'
import type { Provider } from '../../core/provider.ts'
import { createUpstreamHttp } from '../http.ts'
import type { ProviderSettings } from '../settings.ts'
import { createChat } from './chat.ts'
import type { Dialect } from './dialect.ts'
import { createRedactor } from './redact.ts'

/** What a kind of provider adds to its settings. */
export interface Host {
  readonly baseUrl: string
  readonly dialect: Dialect
  /** Why it cannot be used now; empty when it can. */
  readonly unusableReason: string
}

/** Makes a provider. Throws INVALID_REQUEST for a base URL that is none. */
export function createHost(settings: ProviderSettings, host: Host): Provider {
  const { id, keys, connectTimeoutMs, clock = systemClock } = settings
  const http = createUpstreamHttp({
    provider: id,
    baseUrl: host.baseUrl,
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
  })
  let turn = 0
  const open = createChat({
    provider: id,
    dialect: { ...host.dialect, ...settings.quirks },
    http,
    clock,
    redact: createRedactor(keys),
    nextKey() {
      const key = keys[turn]
      turn = (turn + 1) % Math.max(1, keys.length)
      return key
    },
  })
  return {
    id,
    unusableReason: host.unusableReason,
    models: settings.models ?? [],
    open,
    close: http.close,
  }
}
