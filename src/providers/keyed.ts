// A provider that is asked over HTTP with keys: its pool of keys, and a client for each base URL that its keys have.
import { systemClock } from '../core/clock.ts'
import type { Deltas } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { ModelEntry } from '../core/model.ts'
import type { AttemptInput, CountInput, Provider, ProviderCount } from '../core/provider.ts'
import type { Access } from './access.ts'
import { hasFiles } from './file-giver.ts'
import type { GivenInput } from './given.ts'
import type { Held } from './held.ts'
import type { UpstreamHttp } from './http.ts'
import { createKeep, type Keep } from './keep.ts'
import { createKeyedFiles, type FileWays } from './keyed-files.ts'
import { createKeyPool, type KeySettings } from './keys.ts'
import { leased } from './leased.ts'
import type { ProviderSettings } from './settings.ts'

/** What a kind of provider adds to its settings. */
export interface KeyedProvider {
  /** Of the keys that have none of their own. */
  readonly baseUrl: string
  /** Why it can never be used with these settings; empty when it can. */
  readonly unusableReason: string
  /** Asks the model by this way in. */
  readonly ask: (input: GivenInput, access: Access) => Deltas
  /** Embeds by this way in. Absent: it cannot. */
  readonly embed?: ((input: AttemptInput, access: Access) => Deltas) | undefined
  /** How it takes the stored files of chats. */
  readonly files: FileWays
  /** Counts the tokens of a request; undefined when it cannot. Absent: there is no such endpoint. */
  readonly count?: ((input: CountInput, access: Access) => Promise<ProviderCount | undefined>) | undefined
  /** Whether a model goes on with a begun answer. Absent: none does. */
  readonly continues?: Provider['continues']
  /** Whether it asks for a form in words, and perhaps once more. Absent: never. */
  readonly repairs?: Provider['repairs']
  /** Most requests for one answer that searches the web. Absent: one. */
  readonly searchRounds?: number | undefined
  /** Asks for the models. Absent: there is no such endpoint. */
  readonly list?: ((access: Access, signal: AbortSignal) => Promise<readonly ModelEntry[]>) | undefined
}

/** Makes a provider. Throws INVALID_REQUEST for a base URL that is none. */
export function createKeyedProvider(settings: ProviderSettings, own: KeyedProvider): Provider {
  const { id, headers = {}, clock = systemClock } = settings
  const keys = keysOf(settings)
  // One that nobody shares ends with the provider.
  const keep = settings.keep ?? createKeep({ clientGraceMs: 0 })
  const clients = clientsOf(settings, [own.baseUrl, ...keys.flatMap(key => key.baseUrl ?? [])], keep)
  const pool = createKeyPool({
    provider: id,
    keys,
    clock,
    baseUrl: own.baseUrl,
    memory: settings.keep?.keys,
    onOut: settings.onKeyOut,
  })

  const accesses = new Map<KeySettings | undefined, Access>()

  function accessOf(key: KeySettings | undefined): Access {
    const known = accesses.get(key)
    if (known !== undefined) return known
    const baseUrl = key?.baseUrl ?? own.baseUrl
    const http = clients.get(baseUrl)?.value
    if (http === undefined) throw new GatewayError('INTERNAL', `a key of ${id} has no client`)
    const shown = { ...headers, ...(key && { authorization: `Bearer ${key.secret}` }) }
    const access: Access = { http, baseUrl, headers: shown }
    accesses.set(key, access)
    return access
  }

  async function aside<T>(modelId: string, use: (access: Access) => Promise<T>): Promise<T> {
    if (own.unusableReason !== '')
      throw new GatewayError('UPSTREAM_CREDENTIALS', own.unusableReason, { provider: id, against: 'nobody' })
    const lease = pool.acquire(modelId)
    try {
      return await use(accessOf(lease.key))
    } finally {
      // These endpoints have rights and limits of their own: what they say of a key is not true of its chats.
      lease.settle({ type: 'untold' })
    }
  }

  function wayOf({ embed }: AttemptInput): KeyedProvider['ask'] {
    if (embed === undefined) return own.ask
    if (own.embed !== undefined) return own.embed
    throw new GatewayError('UNSUPPORTED', `${id} has no endpoint for embeddings`, { provider: id })
  }

  const files = createKeyedFiles({
    provider: id,
    keys,
    baseUrl: own.baseUrl,
    ways: own.files,
    accessOf,
    clock,
  })
  const { count, list } = own
  return {
    id,
    get unusableReason() {
      return own.unusableReason || (pool.outage()?.message ?? '')
    },
    get outage() {
      return own.unusableReason === '' ? pool.outage() : undefined
    },
    models: settings.models ?? [],
    keys: () => pool.states(),
    keysLeft: modelId => pool.left(modelId),
    hasOtherAddress: modelId => pool.hasOtherAddress(modelId),
    adopt: () => pool.adopt(),
    ...(own.continues && { continues: own.continues }),
    ...(own.repairs && { repairs: own.repairs }),
    ...(own.searchRounds !== undefined && { searchRounds: own.searchRounds }),
    readsDocuments: files.readsDocuments,
    ...(files.removeCopy && { removeCopy: files.removeCopy }),
    ...(own.embed && { embeds: true }),
    open: input =>
      hasFiles(input)
        ? leased(pool, input, key => files.ask(input, key, own.ask), files.preferred(input))
        : leased(pool, input, key => wayOf(input)(input, accessOf(key))),
    ...(count && {
      async countTokens(input) {
        input.signal.throwIfAborted()
        try {
          return await aside(input.model.id, async access =>
            count(hasFiles(input) ? await files.asText(input) : input, access),
          )
        } catch {
          // A count is a help, and whoever wants one has an estimate of their own.
          return undefined
        } finally {
          input.signal.throwIfAborted()
        }
      },
    }),
    ...(list && { listModels: signal => aside('', access => list(access, signal)) }),
    async close() {
      pool.close()
      for (const client of clients.values()) client.release()
      if (settings.keep === undefined) await keep.close()
    },
  }
}

/** The keys of a provider, each with its label. */
export function keysOf({ keys }: ProviderSettings): readonly KeySettings[] {
  return keys.map((key, index) =>
    typeof key === 'string' ? { secret: key, label: `key-${index + 1}` } : key,
  )
}

/** Holds a client for each base URL, or none when one of them is bad. */
function clientsOf(
  { id, connectTimeoutMs }: ProviderSettings,
  baseUrls: readonly string[],
  keep: Keep,
): ReadonlyMap<string, Held<UpstreamHttp>> {
  using stack = new DisposableStack()
  const clients = new Map<string, Held<UpstreamHttp>>()
  for (const baseUrl of new Set(baseUrls)) {
    const client = keep.client({
      provider: id,
      baseUrl,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    })
    stack.defer(client.release)
    clients.set(baseUrl, client)
  }
  stack.move()
  return clients
}
