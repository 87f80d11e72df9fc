// A provider on the chat completions wire: its keys and its dialect, and what it is asked besides chats.
import type { HttpKind } from '../../config/snapshot.ts'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { CountInput, Provider } from '../../core/provider.ts'
import type { Access } from '../access.ts'
import { type CountWay, createUpstreamCounter } from '../count-upstream.ts'
import { isAskedInWords } from '../emulated-schema.ts'
import type { FileApi, FileApiDeps } from '../file-api.ts'
import { createKeyedProvider, type KeyedProvider, keysOf } from '../keyed.ts'
import type { Fields } from '../merge.ts'
import { listUpstreamModels } from '../model-list.ts'
import { listedEntry } from '../model-lists.ts'
import { ROUNDS_MAX } from '../search-loop.ts'
import type { ProviderSettings } from '../settings.ts'
import { createChat } from './chat.ts'
import type { Dialect, Upstream } from './dialect.ts'
import { createEmbed } from './embed.ts'
import { createRedactor, secretsOf } from './redact.ts'
import { buildRequest } from './request.ts'
import { createWay } from './way.ts'

/** What a kind of provider adds to its settings. */
export interface Host {
  readonly baseUrl: string
  readonly dialect: Dialect
  /** Why it can never be used with these settings; empty when it can. */
  readonly unusableReason: string
  /** How it counts tokens. Absent: it does not. */
  readonly countWay?: CountWay | undefined
  /** Which table of file forms is its. */
  readonly kind: HttpKind
  /** Makes its files. Absent: none can be uploaded for chats. */
  readonly files?: ((deps: FileApiDeps) => FileApi) | undefined
}

/** Makes a provider. Throws INVALID_REQUEST for a base URL that is none. */
export function createHost(settings: ProviderSettings, host: Host): Provider {
  const { id, clock = systemClock, fetchMedia } = settings
  const { files } = host
  const dialect = { ...host.dialect, ...settings.quirks }
  const redact = createRedactor(secretsOf(keysOf(settings), settings.headers))

  /** What would be sent, after everything that is done around a request. */
  async function bodyOf(input: CountInput): Promise<Fields | undefined> {
    let body: Fields | undefined
    const build = createWay<undefined>(
      // biome-ignore lint/correctness/useYield: it is asked for an answer, and has none.
      async function* (asked) {
        body ??= buildRequest(asked, dialect, id)
      },
      dialect,
      fetchMedia,
    )
    try {
      for await (const _ of build(input, undefined));
    } catch (error) {
      // Once there is a request, only the answer is missing.
      if (body === undefined) throw error
    }
    return body
  }

  const ask = createWay(createChat({ provider: id, dialect, clock, redact }), dialect, fetchMedia)
  return createKeyedProvider(settings, {
    baseUrl: host.baseUrl,
    unusableReason: host.unusableReason,
    ask,
    embed: createEmbed({ provider: id, dialect, clock, redact }),
    files: {
      kind: host.kind,
      dialect,
      ...(files && {
        api: (access: Access) => files({ upstream: { provider: id, dialect, redact }, access, clock }),
      }),
    },
    ...(dialect.prefill !== undefined && { continues: () => true }),
    repairs: request => isAskedInWords(request, dialect),
    ...(dialect.searchCall !== undefined && { searchRounds: ROUNDS_MAX }),
    ...createAsides({ upstream: { provider: id, dialect, redact }, clock, way: host.countWay, bodyOf }),
  })
}

/** What a provider is asked with besides chats. */
export interface AsidesDeps {
  readonly upstream: Omit<Upstream, 'model'>
  readonly clock: Clock
  /** Absent: it does not count. */
  readonly way: CountWay | undefined
  /** The request as it would be sent; undefined when there is no such request for the model. */
  readonly bodyOf: (input: CountInput) => Promise<Fields | undefined>
}

/** Makes the counting of tokens and the listing of models. */
export function createAsides(deps: AsidesDeps): Pick<KeyedProvider, 'count' | 'list'> {
  const { upstream, clock, way, bodyOf } = deps
  const { provider, dialect } = upstream
  const told = ({ http, headers }: Access): Access => ({ http, headers: { ...dialect.headers, ...headers } })

  const count: KeyedProvider['count'] = async (input, access) => {
    // What a strict call is refused for is said by the call.
    const request = { ...input.request, strict: false }
    const body = await bodyOf({ ...input, request, warn: () => {} })
    if (body === undefined) return undefined
    const counter = createUpstreamCounter({ upstream, way, access: told(access), clock })
    const counted = await counter.count(body, input.signal)
    return counted.tokens === undefined ? undefined : counted
  }

  return {
    count: way === undefined ? undefined : count,
    async list(access, signal) {
      const models = await listUpstreamModels({ upstream, access: () => told(access), clock }, signal)
      return models.map(model => listedEntry(provider, model))
    },
  }
}
